import { describe, expect, it } from 'vitest';
import { examineRedis } from '../../../src/backend/redis/examination.ts';
import { createLog } from '../../../src/log.ts';
import { redisForTest, redisOptions } from '../../contract/redis-harness.ts';

const log = createLog({ level: 'silent', pretty: false, base: {} });
const keysOf = async (redis: { ask(command: string): Promise<string> }) =>
  [...(await redis.ask('KEYS *')).matchAll(/rc:\S+/g)].map(([key]) => key);
/** The start tries rights on a key of its own, which ends by itself. */
const staying = (keys: readonly string[]) => keys.filter((key) => !key.includes('check'));

describe('an examination of Redis', () => {
  it('neither marks the format of empty data nor records the servers, which would bind the next start', async () => {
    const [one, other] = await Promise.all([redisForTest(), redisForTest()]);
    const { redisUrl: _, ...options } = redisOptions(one.url);
    const examined = { ...options, redisUrls: [one.url, other.url] };
    await examineRedis({ options: examined as never, now: Date.now, log });
    await examineRedis({ options: redisOptions(one.url), now: Date.now, log });
    expect(staying([...(await keysOf(one)), ...(await keysOf(other))])).toEqual([]);
  });

  it('says that data of a newer format cannot be used, and leaves its mark', async () => {
    const redis = await redisForTest();
    await redis.ask('SET rc:format 99');
    const problems = await examineRedis({ options: redisOptions(redis.url), now: Date.now, log });
    expect(problems.join()).toContain('format "99"');
    expect(await redis.ask('GET rc:format')).toContain('99');
  });

  it('says that deleted texts may stay if the nodes of streams are larger than by default', async () => {
    const redis = await redisForTest();
    const found = async (bytes: number) => {
      await redis.ask(`CONFIG SET stream-node-max-bytes ${bytes}`);
      const problems = await examineRedis({ options: redisOptions(redis.url), now: Date.now, log });
      return problems.filter((problem) => problem.includes(`stream-node-max-bytes ${bytes}:`)).length;
    };
    expect(await found(4_096)).toBe(0);
    expect(await found(1_024)).toBe(0);
    expect(await found(8_192)).toBe(1);
    expect(await found(0)).toBe(1);
  });
});
