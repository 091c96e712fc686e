import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/**
 * The marks of a room's readers, for the other members: up to where each has read, or has written the newest own message,
 * whichever is further. A reader is known by the tag of the inbox. The store keeps about as many marks as the log keeps
 * entries, and drops the lowest ones first. `RoomSubscriptions` has the read marker that counts for the reader.
 */
export interface RoomReaders {
  /**
   * Raises a mark, and MUST NOT lower it. From then on the pages of the log say `hasMarks`. A room without a log keeps no
   * marks.
   */
  raise(room: Room, reader: string, seq: number): Promise<Outcome<void>>;
  /** Returns the marks of these readers, in the order asked, in one round trip; undefined: there is none. */
  marks(room: Room, readers: readonly string[]): Promise<Outcome<readonly (number | undefined)[]>>;
  /**
   * Counts the readers whose mark is at `seq` or above. The embedded store counts from memory: those who reached `seq` in
   * this run of the primary.
   */
  count(room: Room, seq: number): Promise<Outcome<number>>;
}
