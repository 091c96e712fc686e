import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';

/** After so many failures it is left to the room's next change. */
const MAX_TRIES = 10;
const RETRY_MS = 1_000;

/** Rooms with changes that may not be told yet, each of which this worker has to come back to. */
export interface PresenceNotifier {
  /** The room's turn is that far away: names that follow counts wait for longer than a change. */
  schedule(room: Room, waitMs: number): void;
}

export interface PresenceNotifierDeps {
  /** Tells the room, if it is time; answers how long to wait still, 0: nothing is left to tell. */
  readonly notify: (room: Room) => Promise<Outcome<number>>;
  /** The room is told. Should this worker die before, whoever reaps what it left tells instead. */
  readonly onNotified: (room: Room) => void;
  readonly now: () => number;
}

interface Pending {
  tries: number;
  dueAt: number;
  timer?: NodeJS.Timeout;
}

export function createPresenceNotifier({ notify, onNotified, now }: PresenceNotifierDeps): PresenceNotifier {
  const pending = new Map<string, Pending>();

  function later(room: Room, one: Pending, waitMs: number): void {
    clearTimeout(one.timer);
    one.dueAt = now() + waitMs;
    one.timer = setTimeout(() => void notifyRoom(room, one), waitMs).unref();
  }

  async function notifyRoom(room: Room, one: Pending): Promise<void> {
    const notified = await notify(room);
    if (notified.ok && notified.value > 0) {
      later(room, one, notified.value);
      return;
    }
    one.tries += 1;
    if (!notified.ok && one.tries < MAX_TRIES) {
      later(room, one, RETRY_MS);
      return;
    }
    clearTimeout(one.timer);
    pending.delete(room.tag);
    if (notified.ok) onNotified(room);
  }

  return {
    schedule(room, waitMs) {
      const before = pending.get(room.tag);
      if (before && before.dueAt <= now() + waitMs) return;
      const one = before ?? { tries: 0, dueAt: 0 };
      pending.set(room.tag, one);
      later(room, one, waitMs);
    },
  };
}
