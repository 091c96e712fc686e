import { batchesOf } from '../../chat/batches.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, Roster } from '../../chat/roster.ts';

export interface CountResyncDeps {
  readonly roster: Pick<Roster, 'count'>;
  readonly rooms: () => readonly Room[];
  readonly deliver: (room: Room, change: PresenceChange) => void;
}

/**
 * Tells the members of every room how many are there and under which number. What was told while the bus was away
 * nobody stored; by the jump in the number a client sees that it missed something.
 */
export function createCountResync({ roster, rooms, deliver: tell }: CountResyncDeps): () => Promise<void> {
  return async () => {
    const all = rooms();
    for (const batch of batchesOf(all)) {
      const counts = await Promise.all(batch.map((room) => roster.count(room)));
      for (const [index, room] of batch.entries()) {
        const counted = counts[index];
        // Away again: it is told after the next time.
        if (!counted?.ok) return;
        if (counted.value.rev > 0) tell(room, counted.value);
      }
    }
  };
}
