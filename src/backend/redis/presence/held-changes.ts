import type { Room } from '../../../chat/room.ts';
import type { PresenceEvent, Roster, RosterEntry } from '../../../chat/roster.ts';

/** Pending changes as roster-changes.lua stores them: `id, sign and the person's JSON, id, …`. */
export type HeldChanges = readonly string[];

/** The joins and departures among them. A new name is no event. */
function noticesOf(held: HeldChanges): PresenceEvent[] {
  const notices: PresenceEvent[] = [];
  for (let index = 1; index < held.length; index += 2) {
    const change = held[index] ?? '';
    const user = JSON.parse(change.slice(1)) as RosterEntry;
    if (change.startsWith('+')) notices.push({ event: 'join', user });
    if (change.startsWith('-')) notices.push({ event: 'broadcast_quit', user });
  }
  return notices;
}

/** The joins and departures that no answer announces, see `Roster`. */
export interface LateNotices {
  readonly onAdded: Roster['onLateNotice'];
  add(room: Room, notice: PresenceEvent, clients: number): void;
  /** The roster held them back until now. */
  addHeld(room: Room, held: HeldChanges, clients: number): void;
}

export function createLateNotices(): LateNotices {
  const listeners: Parameters<Roster['onLateNotice']>[0][] = [];

  function add(room: Room, notice: PresenceEvent, clients: number): void {
    for (const listener of listeners) listener(room, notice, clients);
  }

  return {
    onAdded: (listener) => {
      listeners.push(listener);
    },
    add,
    addHeld(room, held, clients) {
      for (const notice of noticesOf(held)) add(room, notice, clients);
    },
  };
}
