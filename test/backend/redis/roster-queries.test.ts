import { describe, expect, it } from 'vitest';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { ROSTER_DOUBT_MS, ROSTER_LEASE_MS } from '../../../src/chat/roster.ts';
import { granted, newRoom, range } from '../../contract/peers.ts';
import { callsOf, endLease, peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';

const ann = { userId: 'ann', username: 'Ann' };
const bob = { userId: 'bob', username: 'Bob', avatar: '2.jpg' };
const inbox = inboxOf('/', 'ann');

async function connectionsOf(peer: Peer): Promise<number | undefined> {
  return granted(await peer.roster.connections([inbox]))[0];
}

describe('asking the roster in Redis', () => {
  it('returns the last heartbeat of a member’s workers, and marks doubtful after two and a half missed ones', async () => {
    const redis = await redisForTest();
    let elapsedMs = 0;
    const clock = { elapsedMs: () => elapsedMs };
    const [a, b, c] = [
      await peerForTest(redis.url, clock),
      await peerForTest(redis.url, clock),
      await peerForTest(redis.url, clock),
    ];
    const room = newRoom();
    granted(await a.roster.enter(room, ann, 2, 2));
    granted(await b.roster.enter(room, ann, 3, 3));
    const member = async () => granted(await c.roster.members(room, { limit: 1 })).members[0];
    async function pass(ms: number, ...alive: readonly Peer[]): Promise<void> {
      for (let passed = 0; passed < ms; passed += 1_000) {
        elapsedMs += 1_000;
        for (const { roster } of [c, ...alive]) granted(await roster.heartbeat(1));
      }
    }
    const startedAt = Date.now();
    await pass(20_000, a, b);
    expect(await member()).toMatchObject({ ...ann, clients: 5, state: 'online' });
    await pass(ROSTER_LEASE_MS - 1_000, a);
    expect(await member()).toMatchObject({ clients: 5, state: 'online' });
    await pass(1_000, a);
    expect(await member()).toMatchObject({ clients: 2, state: 'online' });
    const lastBeatAt = Date.now();
    // Whatever the clock of Redis is set to at a heartbeat.
    await redis.ask(`HSET rc:boots ${a.instanceId} "${lastBeatAt + 7_200_000 + ROSTER_LEASE_MS} 1 one"`);
    await pass(ROSTER_DOUBT_MS - 1_000);
    expect(await member()).toMatchObject({ clients: 2, state: 'online' });
    await pass(2_000);
    expect(await member()).toMatchObject({ clients: 2, state: 'doubtful', seenAt: lastBeatAt + 7_200_000 });
    await pass(ROSTER_LEASE_MS);
    expect(await member()).toMatchObject({ clients: 0, state: 'doubtful' });
    await pass(1_000, b);
    const back = await member();
    expect(back).toMatchObject({ ...ann, clients: 3, state: 'online' });
    expect(back?.seenAt).toBeGreaterThanOrEqual(startedAt);
    granted(await c.roster.fence(b.instanceId));
    expect(await member()).toMatchObject({ clients: 0, state: 'doubtful' });
  });

  it('reads no worker that lives, however many there are', async () => {
    const redis = await redisForTest();
    let elapsedMs = 0;
    const peer = await peerForTest(redis.url, { elapsedMs: () => elapsedMs });
    const room = newRoom();
    granted(await peer.roster.enter(room, ann, 1, 1));
    granted(await peer.roster.heartbeat(1));
    const [leases] = redisKeys('rc').leases;
    for (const n of range(1, 500)) {
      await redis.ask(`HSET rc:boots worker${n} "${Date.now()} 1 host"`);
      await redis.ask(`ZADD ${leases} 1000000 worker${n}`);
    }
    granted(await peer.roster.members(room, { limit: 1 }));
    const sentBytes = async () =>
      Number(/total_net_output_bytes:(\d+)/.exec(await redis.ask('INFO stats'))?.[1]);
    await redis.ask('CONFIG RESETSTAT');
    for (const _ of range(1, 20)) {
      elapsedMs += 1_000;
      granted(await peer.roster.heartbeat(1));
      granted(await peer.roster.members(room, { limit: 1 }));
      granted(await peer.roster.expired());
    }
    expect(await callsOf(redis, 'hgetall')).toBe(0);
    // The records of all would be 500 kB.
    expect(await sentBytes()).toBeLessThan(50_000);
  });

  it('reads members and their workers in one round trip, and the workers at most once a second', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    for (const n of range(1, 20)) {
      granted(await peer.roster.enter(room, { userId: `u${n}`, username: 'x' }, 1, n));
    }
    await redis.ask('CONFIG RESETSTAT');
    for (const _ of range(1, 50)) granted(await peer.roster.members(room, { limit: 20 }));
    expect(await callsOf(redis, 'evalsha')).toBeLessThan(60);
    // One for each page, and one for each look-up of a worker that is not known.
    expect(await callsOf(redis, 'hmget')).toBeLessThan(60);
    expect(await callsOf(redis, 'hgetall')).toBeLessThan(10);
  });

  it('counts the connections of a worker that came a moment ago, and not those of one whose lease ran out', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    granted(await a.roster.setConnections(inbox, 1));
    expect(await connectionsOf(a)).toBe(1);
    granted(await b.roster.setConnections(inbox, 2));
    expect(await connectionsOf(a)).toBe(3);
    await endLease(redis, b.instanceId);
    await eventually(async () => expect(await connectionsOf(a)).toBe(1));
  });

  it('reads the live instances once a second, even with leftovers of an old worker', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    granted(await peer.roster.setConnections(inbox, 1));
    await redis.ask(`HSET rc:{${inbox.tag}}:c long-gone 7`);
    await redis.ask('CONFIG RESETSTAT');
    for (const _ of range(1, 50)) expect(await connectionsOf(peer)).toBe(1);
    // At most twice for each second begun meanwhile; 50 asked without that.
    expect(await callsOf(redis, 'time')).toBeLessThan(20);
    expect(await callsOf(redis, 'hgetall')).toBeLessThan(70);
  });

  it('counts the whole cluster once for all who ask', async () => {
    const redis = await redisForTest();
    const peers = [await peerForTest(redis.url), await peerForTest(redis.url), await peerForTest(redis.url)];
    for (const [index, peer] of peers.entries()) {
      granted(await peer.roster.heartbeat(index + 1));
      granted(await peer.roster.setConnections(inbox, 1));
      granted(await peer.roster.setConnections(inboxOf('/post', 'ann'), 1));
    }
    const totals = async (peer = peers[0]) => peer && granted(await peer.roster.totals());
    expect(await totals()).toEqual({ users: 1, clients: 6 });
    await redis.ask('CONFIG RESETSTAT');
    await Promise.all(range(1, 100).map((n) => totals(peers[n % 3])));
    // Three workers read it at most once for each second begun meanwhile.
    expect(await callsOf(redis, 'zrangebylex')).toBeLessThanOrEqual(3 * 5);
    expect(await callsOf(redis, 'set')).toBeLessThan(20);
    // All come at once, again and again, until the count is due.
    await redis.ask('CONFIG RESETSTAT');
    await eventually(async () => {
      await Promise.all(range(1, 100).map((n) => totals(peers[n % 3])));
      expect(await callsOf(redis, 'zrangebylex')).toBeGreaterThan(0);
    });
    expect(await callsOf(redis, 'zrangebylex')).toBeLessThanOrEqual(2 * 3);

    granted(
      (await peers[2]?.roster.setConnections(inboxOf('/', 'bob'), 1)) ?? { ok: true, value: undefined },
    );
    granted((await peers[1]?.roster.heartbeat(7)) ?? { ok: true, value: undefined });
    for (const peer of peers) {
      await eventually(async () => expect(await totals(peer)).toEqual({ users: 2, clients: 11 }));
    }
    expect(await redis.ask('TTL rc:totals')).not.toBe(':-1\r\n');
  });

  it('counts the connections of a worker that is listed again, before its next heartbeat', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    granted(await a.roster.heartbeat(5));
    await redis.ask('FLUSHALL');
    granted(await a.roster.setConnections(inbox, 1));
    expect(granted(await b.roster.totals())).toEqual({ users: 1, clients: 5 });
  });

  it('pages through rooms of all workers in the byte order of their ids, each once, without audiences', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    // The last two stand the other way round in UTF-16.
    const ids = ['10', '9', 'A b', 'a', 'é', '日本', '\uff21', '𝔘'];
    for (const [index, id] of ids.entries()) {
      granted(await (index % 2 ? a : b).roster.enter(roomOf('/', id), ann, 1, 2));
      if (index % 3 === 0) granted(await a.roster.enter(roomOf('/', id), bob, 1, 2));
      granted(await b.roster.enter(roomOf('/post', `${id} there`), ann, 1, 1));
      granted(await b.roster.enter(roomOf('/', `${id} heard`, 'lounge'), ann, 1, 1));
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = granted(
        await a.roster.rooms('/', { limit: 3, ...(after === undefined ? {} : { after }) }),
      );
      seen.push(...page.rooms.map(({ roomid, users }) => `${roomid} ${users}`));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(ids.map((id, index) => `${id} ${index % 3 === 0 ? 2 : 1}`));
    // All of these are on one worker.
    const { rooms, next } = granted(await a.roster.rooms('/post', { limit: 7 }));
    expect(rooms.map(({ roomid }) => roomid)).toEqual(ids.slice(0, 7).map((id) => `${id} there`));
    expect(granted(await a.roster.rooms('/post', { limit: 7, after: next ?? '' })).rooms).toEqual([
      { roomid: '𝔘 there', users: 1, clients: 1 },
    ]);
    expect(granted(await a.roster.rooms('/pos', { limit: 9 }))).toEqual({ rooms: [] });
  });

  it('leaves no name in the index of a room when workers rename, leave and die', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const room = newRoom();
    const named = async (...names: string[]) =>
      Promise.all(names.map(async (name) => granted(await a.roster.findByUsername(room, name, 9)).join()));
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await b.roster.enter(room, { ...ann, username: 'Annie' }, 1, 1));
    granted(await b.roster.enter(room, { ...bob, username: 'Ann' }, 1, 2));
    expect(await named('Ann', 'Annie', 'An', 'Ann\u0001')).toEqual(['ann,bob', 'ann', '', '']);
    granted(await b.roster.enter(room, ann, 1, 2));
    expect(await named('Ann', 'Annie')).toEqual(['ann,bob', '']);
    granted(await b.roster.exit(room, 'ann', 1));
    expect(await named('Ann')).toEqual(['ann,bob']);
    granted(await b.roster.enter(room, ann, 1, 2));
    granted(await a.roster.enter(room, { ...ann, username: 'Anna' }, 1, 1));
    expect(await named('Ann', 'Anna')).toEqual(['ann,bob', 'ann']);
    expect(granted(await b.roster.reap(a.instanceId))).toEqual([]);
    expect(await named('Ann', 'Anna')).toEqual(['ann,bob', '']);
    granted(await b.roster.exit(room, 'ann', 1));
    expect(await named('Ann', 'Anna')).toEqual(['bob', '']);
    granted(await b.roster.exit(room, 'bob', 0));
    expect(await redis.ask(`EXISTS rc:{${room.tag}}:n rc:{${room.tag}}:u rc:{${room.tag}}:w`)).toBe(':0\r\n');
  });

  it('pages through members of all workers, each once', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const room = newRoom();
    const users = range(1, 60).map((n) => ({ userId: `u${n}`, username: `User ${n}`, avatar: `${n}.jpg` }));
    for (const [index, user] of users.entries()) {
      granted(await (index % 2 ? a : b).roster.enter(room, user, 1, 30));
      if (index % 5 === 0) granted(await a.roster.enter(room, user, 1, 30));
    }
    const pages = [];
    let after: string | undefined;
    do {
      const page = granted(
        await b.roster.members(room, { limit: 25, ...(after === undefined ? {} : { after }) }),
      );
      pages.push(page.members);
      after = page.next;
    } while (after !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([25, 25, 10]);
    const plain = pages.flat().map(({ clients: _, state: __, seenAt: ___, ...user }) => user);
    expect(plain).toEqual([...users].sort((x, y) => (x.userId < y.userId ? -1 : 1)));
    const clients = new Map(pages.flat().map((user) => [user.userId, user.clients]));
    // Every tenth of them is on the other worker as well.
    for (const [index, { userId }] of users.entries())
      expect(clients.get(userId)).toBe(index % 10 === 0 ? 2 : 1);
  });
});
