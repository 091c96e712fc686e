import type { Person } from '../../protocol/people.ts';
import type { ChatState } from './chat-state.ts';

/** The name of a person who is present, or who wrote or came while the list was there; undefined for others. */
export function nameOf(
  { timeline, names }: Pick<ChatState, 'timeline' | 'names'>,
  userId: string,
  me: Person,
): string | undefined {
  if (userId === me.userId) return me.username;
  const present = names.get(userId);
  if (present !== undefined) return present;
  for (let i = timeline.length - 1; i >= 0; i--) {
    const entry = timeline[i];
    if (entry?.kind === 'notice' && entry.userId === userId) return entry.username;
    if (entry?.kind !== 'said' || entry.message.deleted) continue;
    if (entry.message.data.userId === userId) return entry.message.data.username;
  }
  return undefined;
}
