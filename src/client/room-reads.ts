import type { Reads } from '../protocol/rooms.ts';

/** How far the others have read, as far as this client was told. */
export interface RoomReads {
  readonly marks: ReadonlyMap<string, number>;
  receive(reads: Reads): void;
  /** The room's present epoch. In another one a number may stand for another message, so the marks of the last one go. */
  inEpoch(epoch: string): void;
}

export function createRoomReads(): RoomReads {
  const marks = new Map<string, number>();
  let current: string | undefined;
  return {
    marks,
    receive(reads) {
      if (!('marks' in reads)) return;
      // The list of a join may be older than what came live.
      for (const { userId, seq } of reads.marks) marks.set(userId, Math.max(seq, marks.get(userId) ?? 0));
    },
    inEpoch(epoch) {
      if (current !== undefined && epoch !== current) marks.clear();
      current = epoch;
    },
  };
}
