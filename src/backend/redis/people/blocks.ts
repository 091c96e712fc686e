import { type Blocks, refuseMoreBlocks } from '../../../chat/blocks.ts';
import { succeed } from '../../../protocol/codes.ts';
import { MAX_BLOCKS } from '../../../protocol/limits.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';

export interface RedisBlocksDeps {
  readonly redis: RedisCommands;
  /** block.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
}

const PREFIX = 'ban:';

/** The blocked users are in the slot of the inbox, so that append.lua can check them. */
export function createRedisBlocks({ redis, script, keys }: RedisBlocksDeps): Blocks {
  return {
    async set(inbox, userId, on, keptS) {
      const lifetimeMs = keptS === undefined ? '' : String(keptS * 1_000);
      const args = [`${PREFIX}${userId}`, on ? '1' : '', String(MAX_BLOCKS), lifetimeMs];
      const done = await redis.evaluate<number>(script, [keys.blocked(inbox)], args);
      if (!done.ok) return done;
      return done.value === 1 ? succeed(undefined) : refuseMoreBlocks();
    },
    async list(inbox) {
      const found = await redis.call<string[]>(['ZRANGE', keys.blocked(inbox), '0', '-1']);
      if (!found.ok) return found;
      return succeed(found.value.map((member) => member.slice(PREFIX.length)).sort());
    },
    async areBlocking(inboxes, userId) {
      const member = `${PREFIX}${userId}`;
      const scores = await Promise.all(
        inboxes.map((inbox) => redis.call<unknown>(['ZSCORE', keys.blocked(inbox), member])),
      );
      const blocking: boolean[] = [];
      for (const score of scores) {
        if (!score.ok) return score;
        blocking.push(score.value !== null);
      }
      return succeed(blocking);
    },
  };
}
