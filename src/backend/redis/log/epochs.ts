import { randomBytes } from 'node:crypto';
import type { Room } from '../../../chat/room.ts';
import type { RedisServer } from '../connection/commands.ts';
import type { Retention } from '../retention.ts';

/** The first arguments of append.lua and read.lua, see epoch.lua. */
export type EpochArgs = (
  room: Room,
  server: RedisServer,
) => readonly [term: string, freshEpoch: string, metaTtlMs: string];

const EPOCH_BYTES = 9;
/** Each append needs a fresh epoch at hand; drawing each by itself took a tenth of an append's time. */
const DRAWN_AT_ONCE = 512;

export function createEpochArgs(retention: (room: Room) => Retention): EpochArgs {
  const freshEpoch = createEpochNames();
  return (room, { term }) => [term, freshEpoch(), String(retention(room).metaTtlMs)];
}

function createEpochNames(): () => string {
  let drawn = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used === drawn.length) {
      drawn = randomBytes(EPOCH_BYTES * DRAWN_AT_ONCE);
      used = 0;
    }
    used += EPOCH_BYTES;
    return drawn.toString('base64url', used - EPOCH_BYTES, used);
  };
}
