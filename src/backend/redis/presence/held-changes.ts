import type { PresenceEvent, RosterEntry } from '../../../chat/roster.ts';

/** Pending changes as roster-changes.lua stores them: `id, sign and the person's JSON, id, …`. */
export type HeldChanges = readonly string[];

/** The joins and departures among them. A new name is no event. */
export function noticesOf(held: HeldChanges): PresenceEvent[] {
  const notices: PresenceEvent[] = [];
  for (let index = 1; index < held.length; index += 2) {
    const change = held[index] ?? '';
    const user = JSON.parse(change.slice(1)) as RosterEntry;
    if (change.startsWith('+')) notices.push({ event: 'join', user });
    if (change.startsWith('-')) notices.push({ event: 'broadcast_quit', user });
  }
  return notices;
}
