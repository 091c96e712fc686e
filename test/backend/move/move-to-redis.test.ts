import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackendOptions } from '../../../src/backend/backend.ts';
import { BackendError } from '../../../src/backend/backend.ts';
import { earlierHash } from '../../../src/backend/embedded/dedupe-keys.ts';
import { openTables } from '../../../src/backend/embedded/tables.ts';
import { type MoveDeps, type MoveSummary, moveToRedis } from '../../../src/backend/move/move-to-redis.ts';
import { openRedisImport } from '../../../src/backend/redis/import/open-import.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { makeDataDir, openPeer as openEmbeddedPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { append, draftOf, granted, read } from '../../contract/peers.ts';
import { ALLOWED, dataKeysIn, openPeer, redisForTest, silent } from '../../contract/redis-harness.ts';
import { STORE_OPTIONS } from '../../contract/store-options.ts';
import type { Peer } from '../../contract/suite.ts';
import { openRedisCluster } from '../../support/redis-cluster.ts';
import { fillAtRandom, INBOXES, NAMESPACES, ROOMS, readAll } from './random-store.ts';

const USER = ['--user', 'roomcast', ...ALLOWED, '+scan'];
const asUser = (url: string) => url.replace('//', '//roomcast:granted@');
const RULES = { historySize: 40, inboxSize: 30 };

type Where = Partial<BackendOptions>;

async function oneServer(): Promise<Where> {
  return { redisUrl: asUser((await redisForTest(USER)).url) };
}

async function severalServers(): Promise<Where> {
  const servers = await Promise.all([redisForTest(USER), redisForTest(USER)]);
  return { redisUrls: servers.map(({ url }) => asUser(url)) };
}

async function redisCluster(): Promise<Where> {
  const cluster = await openRedisCluster({ settings: [...USER, '+asking', '+cluster|nodes'] });
  onTestFinished(() => cluster.close());
  return { redisClusterNodes: cluster.addresses.map((address) => `redis://roomcast:granted@${address}`) };
}

async function dataDirForTest(): Promise<string> {
  const dataDir = await makeDataDir();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** Opens the embedded store for a while, as a server does that is started and stopped. */
async function whileServing<T>(dataDir: string, use: (peer: Peer) => Promise<T>): Promise<T> {
  const primary = await openPrimary(dataDir, RULES);
  const peer = await openEmbeddedPeer(primary, 0, RULES);
  try {
    return await use(peer);
  } finally {
    await peer.close();
    peer.pair.cut();
    await primary.close();
  }
}

async function move(dataDir: string, where: Where, more: Partial<MoveDeps> = {}): Promise<MoveSummary> {
  const moved = await run(dataDir, where, more);
  if ('movedBefore' in moved) throw new Error('it was moved before');
  return moved;
}

function run(dataDir: string, where: Where, more: Partial<MoveDeps> = {}) {
  const options = { ...STORE_OPTIONS, ...RULES, dataDir, ...where };
  return moveToRedis({ options, namespaces: NAMESPACES, forgetIds: false, log: silent, ...more });
}

/** Starts the primary of a host, and ends it. */
async function openHost(where: Where): Promise<void> {
  const options = { ...STORE_OPTIONS, dataDir: '', ...where };
  const primary = await openRedisPrimary({ options, host: 'test', log: silent });
  await primary.close();
}

async function peerAt(where: Where): Promise<Peer> {
  const peer = await openPeer({ ...RULES, ...where });
  onTestFinished(() => peer.close());
  return peer;
}

const BEFORE = Math.floor(Date.now() / 1_000) * 1_000;

describe('an embedded store that is moved to Redis', () => {
  it.each([
    ['one server', oneServer, 1],
    ['several servers', severalServers, 2],
    ['a Redis Cluster', redisCluster, 3],
  ])('answers every read on %s as before', async (_, openServers, seed) => {
    const [where, dataDir] = await Promise.all([openServers(), dataDirForTest()]);
    await whileServing(dataDir, (peer) => fillAtRandom(peer, seed, 250));
    const before = await whileServing(dataDir, async (peer) => {
      await fillAtRandom(peer, seed + 100, 250);
      return readAll(peer, { moved: false });
    });
    const { kinds } = await move(dataDir, where);
    expect(kinds.filter(({ count }) => count === 0)).toEqual([]);
    await openHost(where);
    const peer = await peerAt(where);
    const after = await readAll(peer, { moved: true });
    for (const [asked, answer] of Object.entries(before))
      expect([asked, after[asked]]).toEqual([asked, answer]);
  });

  it('goes on where it was: numbers, known ids, bans and markers', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    const room = roomOf('/', 'tea');
    const inbox = inboxOf('/', 'ann');
    const dedupe = { scope: 'user ann', clientMsgId: 'm-1', content: 'c' };
    const first = await whileServing(dataDir, async (peer) => {
      const said = await append(peer, room, 'one', { dedupe });
      granted(await peer.moderation.restrict(room, 'bob', 'ban'));
      granted(await peer.moderation.restrict(room, 'carol', 'mute', 1_000));
      granted(await peer.moderation.restrict(inbox, 'ann', 'ban'));
      granted(await peer.moderation.revoke(inbox, { before: BEFORE }, Date.now()));
      granted(await peer.moderation.revoke(inbox, { jti: 'one' }, Date.now()));
      await append(peer, inbox, 'for ann');
      granted(await peer.inboxes.raise(inbox, { read: 1 }));
      return said;
    });
    await move(dataDir, where);
    const peer = await peerAt(where);
    expect(await append(peer, room, 'one', { dedupe })).toEqual({ ...first, dup: true });
    expect(
      await peer.logs.append(room, draftOf(room, 'x', { dedupe: { ...dedupe, content: 'd' } })),
    ).toMatchObject({
      error: { code: 'bad_request' },
    });
    const second = await append(peer, room, 'two');
    expect(second).toMatchObject({ seq: 2, dup: false });
    expect(second.epoch).not.toBe(first.epoch);
    expect((await read(peer, room)).previousEpochs.at(-1)).toEqual({ epoch: first.epoch, upTo: 1 });
    const exclusion = { ban: {}, issuedBefore: BEFORE, token: true };
    expect(granted(await peer.inboxes.markers(inbox, { jti: 'one' }))).toMatchObject({ exclusion });
    granted(await peer.moderation.revoke(inbox, { before: BEFORE - 1 }, Date.now()));
    expect(granted(await peer.moderation.lift(inbox, 'ann', 'ban'))).toBe(true);
    expect(granted(await peer.inboxes.markers(inbox, {})).exclusion).toEqual({ issuedBefore: BEFORE });
    const forbidden = { error: { code: 'forbidden' } };
    expect(await peer.roster.enter(room, { userId: 'bob', username: 'Bob' }, 1, 1)).toMatchObject(forbidden);
    granted(await peer.roster.enter(room, { userId: 'carol', username: 'Carol' }, 1, 1));
    expect(await peer.logs.append(room, { ...draftOf(room, 'x'), author: 'carol' })).toMatchObject(forbidden);
    expect(granted(await peer.inboxes.raise(inbox, { recv: 1 }))).toEqual({
      recv: 1,
      read: 1,
      was: { recv: 1, read: 1 },
    });
  });

  it('keeps clientMsgIds that an earlier release has named, or says which it cannot', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    const [room, inbox] = [roomOf('/', 'tea'), inboxOf('/', 'bob')];
    const message = { scope: 'user ann', clientMsgId: 'm-1' };
    const members = '"event":"broadcast_say","clientMsgId":"m-1","data":{"userId":"ann","text":"one"}';
    const [said, sent] = await whileServing(dataDir, async (peer) => [
      granted(await peer.logs.append(room, { id: 'one', members })),
      granted(await peer.logs.append(inbox, { id: 'two', members: '"kind":"private","data":{}' })),
    ]);
    const tables = openTables(dataDir);
    const period = Math.floor(Date.now() / (STORE_OPTIONS.dedupeTtlS * 1_000));
    await tables.commit(
      [[room, said] as const, [inbox, sent] as const].map(([{ tag }, { dup: _, ...value }]) => ({
        table: 'dedupe',
        key: [period, tag, earlierHash(message)],
        value,
      })),
    );
    await tables.close();
    await expect(move(dataDir, where)).rejects.toThrow(
      /^1 remembered clientMsgIds are of an earlier release/,
    );
    expect(await move(dataDir, where, { forgetIds: true })).toMatchObject({ forgottenIds: 1 });
    const peer = await peerAt(where);
    const { dup: _, ...answer } = said;
    expect(granted(await peer.logs.known(room, message))).toEqual(answer);
    expect(granted(await peer.logs.known(inbox, message))).toBe(undefined);
  });

  it('is refused while a server uses it, and where there is no store', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    await whileServing(dataDir, async () => {
      await expect(move(dataDir, where)).rejects.toThrow(/in use by another Roomcast/);
    });
    await expect(move(await dataDirForTest(), where)).rejects.toThrow(/holds no store/);
    await expect(move(dataDir, {})).rejects.toThrow(/set REDIS_URL/);
    await move(dataDir, where);
  });

  it('is refused by a Redis with data, which stays as it was', async () => {
    const [redis, dataDir] = await Promise.all([redisForTest(), dataDirForTest()]);
    const where = { redisUrl: redis.url };
    await whileServing(dataDir, (peer) => fillAtRandom(peer, 5, 20));
    const peer = await peerAt(where);
    await append(peer, ROOMS[0] as never, 'there');
    await peer.close();
    const keys = (await dataKeysIn(redis)).sort();
    await expect(move(dataDir, where)).rejects.toThrow(/has data under KEY_PREFIX rc already/);
    expect((await dataKeysIn(redis)).sort()).toEqual(keys);
    // Another prefix is another cluster.
    await move(dataDir, { ...where, keyPrefix: 'other' });
    expect((await dataKeysIn(redis)).sort()).toEqual(keys);
  });

  it('lets no host start before everything is there, and begins anew after it was cut off', async () => {
    const [where, dataDir, other] = await Promise.all([oneServer(), dataDirForTest(), dataDirForTest()]);
    await whileServing(dataDir, (peer) => fillAtRandom(peer, 6, 200));
    await whileServing(other, (peer) => fillAtRandom(peer, 7, 20));
    const cut = new Error('cut off');
    const onProgress: MoveDeps['onProgress'] = ({ kind }) => {
      if (kind === 'restrictions') throw cut;
    };
    await expect(move(dataDir, where, { onProgress })).rejects.toBe(cut);
    await expect(openHost(where)).rejects.toThrow(/move-to-redis. was cut off/);
    await expect(move(other, where)).rejects.toThrow(/a part of another store/);
    // What was removed meanwhile does not stay in Redis.
    const before = await whileServing(dataDir, async (peer) => {
      for (const inbox of INBOXES) granted(await peer.inboxes.erase(inbox));
      return readAll(peer, { moved: false });
    });
    await move(dataDir, where);
    const after = await readAll(await peerAt(where), { moved: true });
    for (const [asked, answer] of Object.entries(before))
      expect([asked, after[asked]]).toEqual([asked, answer]);
    await openHost(where);
  });

  it.each([
    ['HISTORY_TTL_S', { historyTtlS: 60 }],
    ['INBOX_TTL_S', { inboxTtlS: 60 }],
    ['DEDUPE_TTL_S', { dedupeTtlS: 60 }],
    ['HISTORY_SIZE', { historySize: 5 }],
  ])('is refused with another %s than the server last ran with', async (name, more) => {
    const [redis, dataDir] = await Promise.all([redisForTest(), dataDirForTest()]);
    const where = { redisUrl: redis.url };
    await whileServing(dataDir, (peer) => fillAtRandom(peer, 9, 5));
    await expect(move(dataDir, { ...where, ...more })).rejects.toThrow(
      new RegExp(`last ran on DATA_DIR with ${name}=\\d+, and this command has ${name}=\\d+`),
    );
    expect(await dataKeysIn(redis)).toEqual([]);
    await move(dataDir, where);
  });

  it('is refused with other namespaces than the server last ran with, in any order', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    await (await openPrimary(dataDir, { ...RULES, namespaces: ['/', '/a', '/b'] })).close();
    await expect(move(dataDir, where, { namespaces: ['/'] })).rejects.toThrow(
      /with NAMESPACES=\/,\/a,\/b, and/,
    );
    await move(dataDir, where, { namespaces: ['/b', '/', '/a'] });
  });

  it('counts the entries that had ended, and are left out', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    const [room, inbox] = [roomOf('/', 'tea'), inboxOf('/', 'ann')];
    await whileServing(dataDir, async (peer) => {
      for (const text of ['one', 'two', 'three']) await append(peer, room, text);
      await append(peer, inbox, 'for ann');
      await append(peer, roomOf('/', 'sea'), 'stays');
    });
    const tables = openTables(dataDir);
    const aged = [room, inbox].map(({ tag }) => {
      const value = tables.row('logMeta', tag);
      if (!value) throw new Error('no log');
      return { table: 'logMeta' as const, key: tag, value: { ...value, at: value.at - 4_000_000 } };
    });
    await tables.commit(aged);
    await tables.close();
    expect(await move(dataDir, where)).toMatchObject({ ended: { messages: 3, items: 1 } });
  });

  it('knows that it was moved before, until a server uses the store again, which warns', async () => {
    const [where, dataDir] = await Promise.all([oneServer(), dataDirForTest()]);
    await whileServing(dataDir, (peer) => fillAtRandom(peer, 10, 5));
    await move(dataDir, where);
    await openHost(where);
    expect(await run(dataDir, where)).toEqual({ movedBefore: expect.stringContaining('Redis at') });
    for (const _ of ['first', 'second']) {
      const primary = await openPrimary(dataDir, RULES);
      expect(primary.warnings).toEqual([expect.stringMatching(/was moved to Redis at .* at 20\d\d-/)]);
      await primary.close();
    }
    await expect(run(dataDir, where)).rejects.toThrow(/has this store already.*may have used DATA_DIR since/);
  });

  it('ends when another run from a copy of the store begins', async () => {
    const where = { redisUrl: (await redisForTest()).url };
    const options = { ...STORE_OPTIONS, dataDir: '', ...where };
    const openRun = () => openRedisImport({ options, source: 'store', secret: 's', log: silent });
    const [first, second] = await Promise.all([openRun(), openRun()]);
    onTestFinished(async () => {
      await Promise.all([first.close(), second.close()]);
    });
    await first.begin();
    await first.requireOwn();
    await second.begin();
    await expect(first.requireOwn()).rejects.toThrow(/another run of this command/);
    await expect(first.finish()).rejects.toThrow(/another run of this command/);
    await second.requireOwn();
    await second.finish();
    await openHost(where);
  });

  it('is refused by a Redis that does not let the user see that it is empty', async () => {
    const [redis, dataDir] = await Promise.all([
      redisForTest(['--user', 'roomcast', ...ALLOWED]),
      dataDirForTest(),
    ]);
    await whileServing(dataDir, (peer) => fillAtRandom(peer, 8, 5));
    const refused = move(dataDir, { redisUrl: asUser(redis.url) });
    await expect(refused).rejects.toThrow(BackendError);
    await expect(refused).rejects.toThrow(/Grant \+scan/);
    expect(await dataKeysIn(redis)).toEqual([]);
  });
});
