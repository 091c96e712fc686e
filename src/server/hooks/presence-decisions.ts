import type { HookSource } from '../../chat/hook-queue.ts';
import type { DueSubjects } from './due-subjects.ts';
import { isDue, type PresenceEvents } from './presence-events.ts';

const DECIDED_AT_ONCE = 200;

/** Stores which rooms and users have changed, before they are sent. */
export async function decideOnPresence(
  due: Pick<DueSubjects, 'except' | 'settle' | 'add'>,
  presence: Pick<PresenceEvents, 'includes' | 'changed'>,
  advance: (moves: readonly HookSource[]) => Promise<boolean>,
): Promise<void> {
  const asked: HookSource[] = [];
  for (const [subject, state] of due.except((name) => !presence.includes(name))) {
    if (asked.length >= DECIDED_AT_ONCE) break;
    if (!isDue(state)) asked.push({ subject, state });
  }
  if (asked.length === 0) return;
  const changed = await presence.changed(asked);
  if (changed.length > 0 && !(await advance(changed))) return;
  // The comparison finds again what could not be read.
  due.settle(asked.map(({ subject }) => subject));
  for (const source of changed) due.add(source);
}
