import { expect, it, onTestFinished } from 'vitest';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { ROSTER_LEASE_MS } from '../../../src/chat/roster.ts';
import { granted, newRoom, range } from '../../contract/peers.ts';
import { callsOf, peerForTest, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';

const ann = { userId: 'ann', username: 'Ann' };
const EARLIER = 'earlier';

/** A worker of this release, and what one of an earlier release writes, in a time of the test's. */
async function setUp() {
  const redis = await redisForTest();
  let elapsedMs = 0;
  const peer = await peerForTest(redis.url, { elapsedMs: () => elapsedMs });
  const primary = await openRedisPrimary({ options: redisOptions(redis.url), host: 'test', log: silent });
  onTestFinished(() => primary.close());
  const startedAt = Date.now();
  const earlier = {
    heartbeat: () =>
      redis.ask(`HSET rc:boots ${EARLIER} "${startedAt + elapsedMs + ROSTER_LEASE_MS} 2 other"`),
    async fence(instanceId: string) {
      const [, record = ''] = (await redis.ask(`HGET rc:boots ${instanceId}`)).split('\r\n');
      await redis.ask(`HSET rc:boots ${instanceId} "-${record}"`);
    },
  };
  async function pass(ms: number, each: () => Promise<unknown> = async () => undefined): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      elapsedMs += 1_000;
      await each();
      granted(await peer.roster.heartbeat(1));
    }
  }
  const workers = async () => granted(await primary.overview()).workers;
  return { redis, peer, earlier, pass, workers };
}

it('a worker of an earlier release counts while it sends heartbeats, and is reaped a lease after the last', async () => {
  const { redis, peer, earlier, pass, workers } = await setUp();
  const room = newRoom();
  await earlier.heartbeat();
  // It has Ann in a room, in the keys that both releases share.
  await redis.ask(`HSET rc:{${room.tag}}:w ${EARLIER} 2`);
  await redis.ask(`ZADD rc:{${room.tag}}:u 0 ann`);
  await redis.ask(`HSET rc:{${inboxOf('/', 'ann').tag}}:c ${EARLIER} 2`);
  await redis.ask(`ZADD rc:boot:${EARLIER}:places 0 "room\\x00/\\x00${room.roomid}"`);
  expect(await workers()).toBe(1);
  await pass(20_000, earlier.heartbeat);
  expect(await workers()).toBe(2);
  expect(granted(await peer.roster.count(room)).clients).toBe(2);
  expect(granted(await peer.roster.connections([inboxOf('/', 'ann')]))).toEqual([2]);
  expect(granted(await peer.roster.expired())).toEqual([]);
  await pass(ROSTER_LEASE_MS + 1_000);
  expect(await workers()).toBe(1);
  expect(granted(await peer.roster.count(room)).clients).toBe(0);
  expect(granted(await peer.roster.expired())).toEqual([EARLIER]);
  granted(await peer.roster.reap(EARLIER));
  await pass(ROSTER_LEASE_MS + 1_000);
  granted(await peer.roster.reap(EARLIER));
  expect(await redis.ask(`HEXISTS rc:boots ${EARLIER}`)).toBe(':0\r\n');
  // From then on nobody reads all records any more.
  await pass(2_000);
  await redis.ask('CONFIG RESETSTAT');
  await pass(5_000);
  expect(await redis.ask('INFO commandstats')).not.toMatch(/cmdstat_hgetall/);
});

it('a worker that one of an earlier release fences counts nowhere until its next heartbeat', async () => {
  const { redis, peer, earlier, pass } = await setUp();
  const other = await peerForTest(redis.url);
  const room = newRoom();
  granted(await other.roster.heartbeat(1));
  granted(await other.roster.enter(room, ann, 1, 1));
  await earlier.heartbeat();
  await pass(2_000, earlier.heartbeat);
  expect(granted(await peer.roster.count(room)).clients).toBe(1);
  await earlier.fence(other.instanceId);
  await pass(2_000, earlier.heartbeat);
  expect(granted(await peer.roster.count(room)).clients).toBe(0);
  granted(await other.roster.heartbeat(1));
  await pass(2_000, earlier.heartbeat);
  expect(granted(await peer.roster.count(room)).clients).toBe(1);
});

it('many workers that start at once do not each read the records of all', async () => {
  const { redis, peer } = await setUp();
  granted(await peer.roster.heartbeat(1));
  const newcomers = await Promise.all(range(1, 12).map(() => peerForTest(redis.url)));
  await redis.ask('CONFIG RESETSTAT');
  const startedAtMs = performance.now();
  await Promise.all(newcomers.map(async ({ roster }) => granted(await roster.heartbeat(1))));
  const seconds = Math.ceil((performance.now() - startedAtMs) / 1_000);
  // Once for each second begun.
  expect(await callsOf(redis, 'hgetall')).toBeLessThanOrEqual(1 + seconds);
  expect(granted(await peer.roster.expired())).toEqual([]);
});
