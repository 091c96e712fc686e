import { createHash } from 'node:crypto';
import { describe, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { createRedisConnectQueue } from '../../../src/backend/redis/people/connect-queue.ts';
import { openScripts, type Script } from '../../../src/backend/redis/scripts.ts';
import { longQueueContract } from '../../contract/queue-simulation.ts';
import { redisForTest, silent } from '../../contract/redis-harness.ts';

describe('a crowd of more than a minute, in the queue in Redis', () => {
  longQueueContract(async (perS) => {
    const redis = await redisForTest();
    const scripts = openScripts();
    const enterQueue = withClockOfTest(scripts.enterQueue);
    const target = fixedTarget(parseRedisAddress(redis.url));
    const connection = openRedisConnection({ target, scripts: [enterQueue], log: silent });
    onTestFinished(() => connection.close());
    await connection.usable(5_000);
    let now = 0;
    const queue = createRedisConnectQueue({
      redis: {
        ...connection,
        evaluate: (script, keys, args) =>
          connection.evaluate(script, keys, [...(args as string[]), String(now)]),
      },
      scripts: { ...scripts, enterQueue },
      keys: redisKeys('rc'),
      rateAdmit: perS,
    });
    // Not 0, which is long before Redis's own time only.
    const setClock = (ms: number) => {
      now = 1_000_000 + Math.floor(ms);
    };
    return { queue, setClock };
  });
});

/** Its time is the last argument, instead of that of Redis. */
function withClockOfTest({ text }: Script): Script {
  const changed = text.replace(
    /(local function clock\(\)\n)[\s\S]*?(\nend\n)/,
    '$1  return tonumber(ARGV[#ARGV])$2',
  );
  return { text: changed, call: 'admission', sha1: createHash('sha1').update(changed).digest('hex') };
}
