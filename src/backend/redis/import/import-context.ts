import type { Room, RoomKind } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Retention } from '../retention.ts';
import type { Script } from '../scripts.ts';

/** The dependencies that the tables of an import share. */
export interface ImportContext {
  readonly redis: RedisCommands;
  /** entries-import.lua */
  readonly importEntries: Script;
  readonly keys: RedisKeys;
  readonly retention: (room: Room) => Retention;
  readonly dedupeTtlS: number;
  /** The clock of Redis at the start. What lives for some time from its last use is used then. */
  readonly atMs: number;
}

/** Keys depend on the tag alone, and lifetimes on the kind. */
export function roomAt(tag: string, kind: RoomKind = 'room'): Room {
  return { nsp: '', kind, roomid: '', tag };
}

/** Makes the calls in one turn, so that they go out as one write and are run in this order. */
export function inTurn(
  redis: RedisCommands,
  calls: readonly (readonly string[])[],
): Promise<Outcome<unknown[]>> {
  return allValues(calls.map((args) => redis.call<unknown>(args)));
}

const PAIRS_PER_CALL = 500;

/** Members of a set, or fields of a hash, as one call each takes them. */
export function portionsOf<T>(all: readonly T[]): T[][] {
  const portions = [];
  for (let start = 0; start < all.length; start += PAIRS_PER_CALL) {
    portions.push(all.slice(start, start + PAIRS_PER_CALL));
  }
  return portions;
}
