import type { Person } from '../../protocol/people.ts';
import type { Timeline } from './timeline.ts';

/** The newest name of a person who wrote or came while the list was there; undefined for others. */
export function nameIn(timeline: Timeline, userId: string, me: Person): string | undefined {
  if (userId === me.userId) return me.username;
  for (let i = timeline.length - 1; i >= 0; i--) {
    const entry = timeline[i];
    if (entry?.kind === 'notice' && entry.userId === userId) return entry.username;
    if (entry?.kind !== 'said' || entry.message.deleted) continue;
    if (entry.message.data.userId === userId) return entry.message.data.username;
  }
  return undefined;
}
