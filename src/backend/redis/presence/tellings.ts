import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';

/** After so many failures it is left to the room's next change. */
const MAX_TRIES = 10;
const RETRY_MS = 1_000;

/** Rooms with changes that may not be told yet, each of which this worker has to come back to. */
export interface Tellings {
  /** The room's turn is that far away: names that follow counts wait for longer than a change. */
  owe(room: Room, waitMs: number): void;
}

export interface TellingsDeps {
  /** Tells the room, if it is time; answers how long to wait still, 0: nothing is left to tell. */
  readonly tell: (room: Room) => Promise<Outcome<number>>;
  /** The room is told. Should this worker die before, whoever reaps what it left tells instead. */
  readonly onTold: (room: Room) => void;
  readonly now: () => number;
}

interface Owed {
  tries: number;
  dueAt: number;
  timer?: NodeJS.Timeout;
}

export function createTellings({ tell, onTold, now }: TellingsDeps): Tellings {
  const owed = new Map<string, Owed>();

  function later(room: Room, one: Owed, waitMs: number): void {
    clearTimeout(one.timer);
    one.dueAt = now() + waitMs;
    one.timer = setTimeout(() => void come(room, one), waitMs).unref();
  }

  async function come(room: Room, one: Owed): Promise<void> {
    const told = await tell(room);
    if (told.ok && told.value > 0) {
      later(room, one, told.value);
      return;
    }
    one.tries += 1;
    if (!told.ok && one.tries < MAX_TRIES) {
      later(room, one, RETRY_MS);
      return;
    }
    clearTimeout(one.timer);
    owed.delete(room.tag);
    if (told.ok) onTold(room);
  }

  return {
    owe(room, waitMs) {
      const before = owed.get(room.tag);
      if (before && before.dueAt <= now() + waitMs) return;
      const one = before ?? { tries: 0, dueAt: 0 };
      owed.set(room.tag, one);
      later(room, one, waitMs);
    },
  };
}
