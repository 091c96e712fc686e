import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { agreeOnFormat, type Migrations } from '../../../src/backend/redis/connection/format.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { openScripts } from '../../../src/backend/redis/scripts.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { append, draftOf, granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

const markOf = async (redis: RedisProcess) => (await redis.ask('GET rc:format')).split('\r\n')[1];
const primary = (redis: RedisProcess) =>
  openRedisPrimary({ options: redisOptions(redis.url), host: 'test', log: silent });

async function connectionTo(redis: RedisProcess) {
  const scripts = openScripts();
  const target = fixedTarget(parseRedisAddress(redis.url));
  const connection = openRedisConnection({ target, scripts: [scripts.markFormat], log: silent });
  await connection.usable(5_000);
  const deps = { redis: connection, key: 'rc:format', mark: scripts.markFormat, shown: 'r' };
  return { deps, close: () => connection.close() };
}

describe('the format of the data in Redis', () => {
  it('is marked where it is not yet, be there data or none', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    expect(await markOf(redis)).toBe('1');
    await append(peer, newRoom(), 'old');
    await redis.ask('DEL rc:format');
    await (await primary(redis)).close();
    expect(await markOf(redis)).toBe('1');
  });

  it.each([
    ['2', 'a newer version of Roomcast wrote'],
    ['3/2', 'a newer version of Roomcast wrote'],
    ['0', 'this version does not know'],
    ['x', 'this version does not know'],
  ])('%s is refused in a sentence, and nothing is changed', async (format, who) => {
    const redis = await redisForTest();
    await redis.ask(`SET rc:format ${format}`);
    const sentence = `Redis at 127.0.0.1:${redis.port} holds data of format "${format}", which ${who}; this version writes format 1. Start the version that wrote it, or choose another KEY_PREFIX`;
    await expect(primary(redis)).rejects.toEqual(new BackendError(sentence));
    await expect(peerForTest(redis.url)).rejects.toEqual(new BackendError(sentence));
    expect(await markOf(redis)).toBe(format);
  });

  it('is looked at again when another server takes over: a worker is not ready with data of a newer one', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    granted(await peer.check());
    await redis.ask('SET rc:format 2');
    await redis.kill9();
    await redis.start();
    await eventually(async () =>
      expect(await peer.check()).toMatchObject({
        ok: false,
        error: { code: 'unavailable', message: expect.stringContaining('of format "2"') },
      }),
    );
    await redis.ask('SET rc:format 1');
    granted(await peer.check());
  });

  it('shuts out a worker that runs when a newer version migrates the data', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    await append(peer, room, 'before');
    granted(await peer.check());
    await redis.ask('SET rc:format 2');
    const shut = {
      ok: false,
      error: { code: 'unavailable', message: expect.stringContaining('of format "2"') },
    };
    expect(await peer.check()).toMatchObject(shut);
    expect(await peer.logs.append(room, draftOf(room, 'misread'))).toMatchObject(shut);
    expect(await peer.check()).toMatchObject(shut);
    await redis.ask('SET rc:format 1');
    granted(await peer.check());
    await append(peer, room, 'after');
  });

  it('is marked later by the workers of a Redis that takes no writes at the start', async () => {
    const redis = await redisForTest();
    await redis.ask('CONFIG SET maxmemory 1');
    await (await primary(redis)).close();
    const peer = await peerForTest(redis.url);
    expect((await peer.check()).ok).toBe(false);
    await redis.ask('CONFIG SET maxmemory 0');
    await eventually(async () => granted(await peer.check()));
    expect(await markOf(redis)).toBe('1');
  });

  it('may be newer if its mark says that this version can go on: the mark stays', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    await redis.ask('SET rc:format 3/1');
    granted(await peer.check());
    await append(peer, newRoom(), 'beside a newer host');
    await (await primary(redis)).close();
    expect(await markOf(redis)).toBe('3/1');
  });

  it.each([
    [1, ['2/1', '3/1']],
    [2, ['2', '3/2']],
    [3, ['2', '3']],
  ])('that releases of format %s can work with is marked so at each step', async (usableBy, marks) => {
    const redis = await redisForTest();
    const seen: (string | undefined)[] = [];
    const look = async () => succeed(seen.push(await markOf(redis)));
    const connection = await connectionTo(redis);
    const agree = () =>
      agreeOnFormat({
        ...connection.deps,
        current: 3,
        usableBy,
        migrations: new Map([1, 2].map((from) => [from, look])),
      });
    await redis.ask('SET rc:format 1');
    granted(await agree());
    expect([...seen.slice(1), await markOf(redis)]).toEqual(marks);
    granted(await agree());
    expect(seen).toHaveLength(2);
    await connection.close();
  });

  it('is raised step by step when it is older, and stays at the step that failed', async () => {
    const redis = await redisForTest();
    const connection = await connectionTo(redis);
    const steps: number[] = [];
    let full = true;
    const migrations: Migrations = new Map([
      [1, async () => succeed(steps.push(1))],
      [2, async () => (full ? refuse('unavailable', 'the store is full (OOM)', 1) : succeed(steps.push(2)))],
    ]);
    const agree = () => agreeOnFormat({ ...connection.deps, current: 3, usableBy: 3, migrations });
    expect(await agree()).toMatchObject({ ok: false, error: { message: 'the store is full (OOM)' } });
    expect(await markOf(redis)).toBe('2');
    full = false;
    // Two hosts that start together.
    expect(await Promise.all([agree(), agree()])).toEqual([succeed(undefined), succeed(undefined)]);
    expect(await markOf(redis)).toBe('3');
    expect(steps).toEqual([1, 2, 2]);
    await connection.close();
  });
});
