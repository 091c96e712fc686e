import type { Room } from '../../chat/room.ts';
import type { Sized } from '../../sizes.ts';

/**
 * The marks of readers by room, in memory: the rows on disk are found by reader, and a row by room would cost each message
 * another write. It knows what was read and written in this run, in the rooms that were used last.
 */
export interface ReaderCounts {
  /** A mark is on disk, or an own message. */
  raised(room: Tagged, reader: string, seq: number): void;
  /** Counts the marks at `seq` or above. */
  count(room: Tagged, seq: number): number;
}

type Tagged = Pick<Room, 'tag'>;

/** The marks of all rooms together, about 100 bytes each. */
const MOST_MARKS = 200_000;

export function createReaderCounts(mostPerRoom: number, mostMarks = MOST_MARKS): ReaderCounts & Sized {
  /** The room that was used last stands last. */
  const rooms = new Map<string, Map<string, number>>();
  let size = 0;

  function put(marks: Map<string, number>, reader: string, seq: number): void {
    const known = marks.get(reader);
    if (known === undefined) {
      // The lowest marks go, as in Redis; a few at once, because finding them looks at all.
      if (marks.size >= mostPerRoom * 2) dropLowest(marks);
      size += 1;
    }
    marks.set(reader, Math.max(known ?? 0, seq));
  }

  function dropLowest(marks: Map<string, number>): void {
    const lowestFirst = [...marks].sort(([, one], [, other]) => one - other);
    for (const [reader] of lowestFirst.slice(0, marks.size - mostPerRoom)) marks.delete(reader);
    size -= lowestFirst.length - marks.size;
  }

  function dropOldestRooms(): void {
    for (const [tag, marks] of rooms) {
      if (size <= mostMarks || rooms.size === 1) return;
      rooms.delete(tag);
      size -= marks.size;
    }
  }

  return {
    sizes: () => ({ rooms: rooms.size }),
    raised({ tag }, reader, seq) {
      const marks = rooms.get(tag) ?? new Map<string, number>();
      rooms.delete(tag);
      rooms.set(tag, marks);
      put(marks, reader, seq);
      dropOldestRooms();
    },
    count({ tag }, seq) {
      let count = 0;
      for (const mark of rooms.get(tag)?.values() ?? []) if (mark >= seq) count += 1;
      return count;
    },
  };
}
