import type { HookQueue } from '../../../chat/hook-queue.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { HookScripts } from '../scripts.ts';

export interface RedisHookQueueDeps {
  readonly redis: Pick<RedisCommands, 'call' | 'evaluate'>;
  readonly scripts: HookScripts;
  readonly keys: Pick<RedisKeys, 'hooks'>;
  readonly now: () => number;
}

/** All its keys share one slot, on whichever server has it. The atomic parts are the scripts beside it. */
export function createRedisHookQueue({ redis, scripts, keys, now }: RedisHookQueueDeps): HookQueue {
  const { lease, states, listed, noted } = keys.hooks;

  return {
    list: (subject, state) => redis.evaluate<string>(scripts.hookList, [listed, states], [subject, state]),
    async note(subjects) {
      const score = String(now());
      return nothing(
        await redis.call<number>(['ZADD', noted, 'NX', ...subjects.flatMap((subject) => [score, subject])]),
      );
    },
    async lease(holder, ttlMs) {
      return isOne(await redis.evaluate<number>(scripts.hookLease, [lease], [holder, String(ttlMs)]));
    },
    async take(holder, limit) {
      const args = [holder, String(limit)];
      const taken = await redis.evaluate<string[]>(scripts.hookTake, [lease, states, noted], args);
      if (!taken.ok) return taken;
      return succeed(inRows(taken.value, 2).map(([subject, state]) => ({ subject, state })));
    },
    async listed(after, limit) {
      const args = [after === undefined ? '-' : `(${after}`, String(limit)];
      const found = await redis.evaluate<string[]>(scripts.hookListed, [listed, states], args);
      if (!found.ok) return found;
      const rows = inRows(found.value, 3);
      return succeed(rows.map(([subject, state, idleMs]) => ({ subject, state, idleMs: Number(idleMs) })));
    },
    async advance(holder, moves) {
      const args = [holder, ...moves.flatMap(({ subject, state }) => [subject, state])];
      return isOne(await redis.evaluate<number>(scripts.hookAdvance, [lease, states, listed], args));
    },
    term: () => redis.evaluate<string>(scripts.hookTerm, [listed], ({ term }) => [term]),
    async unlist(holder, { subject, state }, idleMs) {
      const args = [holder, subject, state, String(idleMs)];
      return nothing(await redis.evaluate<number>(scripts.hookUnlist, [lease, states, listed], args));
    },
  };
}

const nothing = (reply: Outcome<unknown>): Outcome<void> => (reply.ok ? succeed(undefined) : reply);
const isOne = (reply: Outcome<number>): Outcome<boolean> => (reply.ok ? succeed(reply.value === 1) : reply);

/** The flat list that a script returned, in rows of so many values. */
function inRows(flat: readonly string[], width: number): [string, string, string][] {
  const rows: [string, string, string][] = [];
  for (let at = 0; at < flat.length; at += width) {
    rows.push(flat.slice(at, at + width) as [string, string, string]);
  }
  return rows;
}
