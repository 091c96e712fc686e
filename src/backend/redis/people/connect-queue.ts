import { randomBytes } from 'node:crypto';
import {
  type ConnectQueue,
  createOpenQueue,
  KEEP_PLACE_MS,
  KEEP_SHARED_PLACE_MS,
  longestWaitMs,
  queueRateOf,
} from '../../../chat/connect-queue.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisConnectQueueDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'enterQueue' | 'expectClients'>;
  readonly keys: RedisKeys;
  /** RATE_ADMIT, 0: no limit. */
  readonly rateAdmit: number;
}

/** The queue of the whole cluster. The rules are in connect-enter.lua. */
export function createRedisConnectQueue({
  redis,
  scripts,
  keys,
  rateAdmit,
}: RedisConnectQueueDeps): ConnectQueue {
  if (rateAdmit === 0) return createOpenQueue();
  const { intervalMs, burstMs } = queueRateOf(rateAdmit);
  const [, places, shared] = keys.connects;
  const keptMs = [KEEP_PLACE_MS, KEEP_SHARED_PLACE_MS];
  const rules = [intervalMs, burstMs, ...keptMs].map(String);
  const token = randomBytes(6).toString('base64url');
  let calls = 0;

  return {
    enter: (key = '') =>
      redis.evaluate<number>(scripts.enterQueue, keys.connects, [key, ...rules, String(longestWaitMs(key))]),
    async expect(clients) {
      const known = clients.filter((key) => key !== undefined);
      calls += 1;
      const args = [
        String(KEEP_PLACE_MS),
        `${token} ${calls}`,
        String(clients.length - known.length),
        ...known,
      ];
      const expected = await redis.evaluate(scripts.expectClients, [places, shared], args);
      return expected.ok ? succeed(undefined) : expected;
    },
  };
}
