import { batchesOf } from '../../chat/batches.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, Roster } from '../../chat/roster.ts';

export interface CountResyncDeps {
  readonly roster: Pick<Roster, 'count'>;
  readonly rooms: () => readonly Room[];
  readonly deliver: (room: Room, change: PresenceChange) => void;
}

/**
 * Sends the members of every room its counts with the current `rev`. Presence changes published while the bus was away are
 * stored nowhere; the jump in `rev` shows a client that it missed some.
 */
export function createCountResync({ roster, rooms, deliver }: CountResyncDeps): () => Promise<void> {
  return async () => {
    const all = rooms();
    for (const batch of batchesOf(all)) {
      const counts = await Promise.all(batch.map((room) => roster.count(room)));
      for (const [index, room] of batch.entries()) {
        const counted = counts[index];
        // The store is away again: the next resync follows.
        if (!counted?.ok) return;
        if (counted.value.rev > 0) deliver(room, counted.value);
      }
    }
  };
}
