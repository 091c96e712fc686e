import type { Room } from '../../chat/room.ts';
import type { Outcome } from '../../protocol/codes.ts';

/** After so many failures it is left to the room's next change. */
const MAX_TRIES = 10;
const RETRY_MS = 1_000;

/** Rooms with changes that may not be told yet, each of which this worker has to come back to. */
export interface Tellings {
  /** The room's turn is that far away. */
  owe(room: Room, waitMs: number): void;
}

export interface TellingsDeps {
  /** Tells the room, if it is time; answers how long to wait still, 0: nothing is left to tell. */
  readonly tell: (room: Room) => Promise<Outcome<number>>;
  /** The room is told. Should this worker die before, whoever sweeps what it left tells instead. */
  readonly onTold: (room: Room) => void;
}

export function createTellings({ tell, onTold }: TellingsDeps): Tellings {
  const owed = new Map<string, { tries: number }>();

  function later(room: Room, waitMs: number): void {
    setTimeout(() => void come(room), waitMs).unref();
  }

  async function come(room: Room): Promise<void> {
    const one = owed.get(room.tag);
    if (!one) return;
    const told = await tell(room);
    if (told.ok && told.value > 0) {
      later(room, told.value);
      return;
    }
    one.tries += 1;
    if (!told.ok && one.tries < MAX_TRIES) {
      later(room, RETRY_MS);
      return;
    }
    owed.delete(room.tag);
    if (told.ok) onTold(room);
  }

  return {
    owe(room, waitMs) {
      if (owed.has(room.tag)) return;
      owed.set(room.tag, { tries: 0 });
      later(room, waitMs);
    },
  };
}
