import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { moveKeys } from '../../../src/backend/redis/topology/key-moves.ts';
import type { MovedServer } from '../../../src/backend/redis/topology/moved-server.ts';
import { rebalance } from '../../../src/backend/redis/topology/rebalance.ts';
import { requireSameServers } from '../../../src/backend/redis/topology/spread-record.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { append, granted, newRoom, range, read, textsOf } from '../../contract/peers.ts';
import {
  ALLOWED,
  openConnectedPeer,
  openPeer,
  redisForTest,
  redisOptions,
  silent,
} from '../../contract/redis-harness.ts';

const optionsFor = (redisUrls: readonly string[]) => {
  const { redisUrl: _, ...options } = redisOptions('');
  return { ...options, redisUrls };
};

describe('moving the data to other servers', () => {
  it.each([
    ['REDIS_SENTINELS', { redisSentinels: ['127.0.0.1:1'], redisSentinelName: 'chat' }],
    ['REDIS_CLUSTER_NODES', { redisClusterNodes: ['127.0.0.1:1'] }],
  ])('refuses %s, and dials nothing', async (setting, settings) => {
    const options = { ...redisOptions('redis://127.0.0.1:1'), ...settings };
    await expect(rebalance({ options, emptied: [] })).rejects.toThrow(`${setting} is set`);
  });

  it('keeps every room, from one server to three and back; hosts with the wrong list do not start', async () => {
    const [a, b, c] = [await redisForTest(), await redisForTest(), await redisForTest()];
    const three = optionsFor([a.url, b.url, c.url]);
    const rooms = range(1, 30).map(() => newRoom());
    const before = await openPeer({ redisUrl: a.url });
    const epochs = await Promise.all(rooms.map(async (room) => (await append(before, room, 'kept')).epoch));
    await before.roster.heartbeat(1);
    await expect(rebalance({ options: three, emptied: [] })).rejects.toThrow('1 workers run');
    await before.close();
    await a.ask('DEL rc:boots');

    const start = (options: Parameters<typeof openRedisPrimary>[0]['options']) =>
      openRedisPrimary({ options, host: 'test', log: silent });
    const key = await start(redisOptions(a.url)).then(async (primary) => {
      const agreed = granted(await primary.agreeOnApiKey('offered'));
      await primary.close();
      return agreed;
    });
    await expect(start(three)).rejects.toThrow('roomcast rebalance');

    expect((await rebalance({ options: three, emptied: [] })).moved).toBeGreaterThan(rooms.length);
    await expect(start(redisOptions(a.url))).rejects.toThrow('roomcast rebalance');
    const primary = await start(three);
    expect(granted(await primary.agreeOnApiKey('another'))).toBe(key);
    await primary.close();
    const after = await openConnectedPeer({ redisUrls: three.redisUrls });
    for (const [index, room] of rooms.entries()) {
      const page = granted(await after.logs.read(room, { limit: 10, maxBytes: 10_000 }));
      expect(textsOf(page.entries)).toEqual(['kept']);
      // The old epoch goes on in the new one.
      expect(page.previousEpochs).toEqual(
        [{ epoch: epochs[index], upTo: 1 }].slice(page.epoch === epochs[index] ? 1 : 0),
      );
      expect((await append(after, room, 'next')).seq).toBe(2);
    }
    await after.close();

    const alone = redisOptions(a.url);
    await rebalance({ options: alone, emptied: [b.url, c.url] });
    expect(await b.ask('DBSIZE')).toBe(':0\r\n');
    const back = await openPeer({ redisUrl: a.url });
    for (const room of rooms) {
      expect(textsOf((await read(back, room, { limit: 10 })).entries)).toEqual(['kept', 'next']);
    }
    await back.close();
    await (await start(alone)).close();
  });
});

describe('a move that cannot be done', () => {
  const start = async (redisUrls: readonly string[]) =>
    (await openRedisPrimary({ options: optionsFor(redisUrls), host: 'test', log: silent })).close();

  async function threeWithData() {
    const [a, b, c] = [await redisForTest(), await redisForTest(), await redisForTest()];
    const urls = [a.url, b.url, c.url];
    await start(urls);
    const peer = await openConnectedPeer({ redisUrls: urls });
    const rooms = range(1, 20).map(() => newRoom());
    for (const room of rooms) await append(peer, room, 'kept');
    await peer.close();
    return { a, b, c, urls, rooms };
  }

  it('because a recorded server is not named is refused, and the hosts start as before', async () => {
    const { a, b, c, urls, rooms } = await threeWithData();
    const two = optionsFor([a.url, b.url]);
    await expect(rebalance({ options: two, emptied: [] })).rejects.toThrow(
      `127.0.0.1:${c.port}/0 may have a part of the data`,
    );
    await start(urls);
    await rebalance({ options: two, emptied: [c.url] });
    const peer = await openConnectedPeer({ redisUrls: two.redisUrls });
    for (const room of rooms) {
      expect(textsOf((await read(peer, room, { limit: 10 })).entries)).toEqual(['kept']);
    }
    await peer.close();
  });

  it('because the user lacks rights names them and leaves the servers usable', async () => {
    const user = ['--user', 'joe', ...ALLOWED];
    const [a, b] = [await redisForTest(user), await redisForTest(user)];
    const [before, both] = [a, b].map(({ url }) => url.replace('//', '//joe:granted@')) as [string, string];
    const one = redisOptions(before);
    await (await openRedisPrimary({ options: one, host: 'test', log: silent })).close();
    const refused = rebalance({ options: optionsFor([before, both]), emptied: [] });
    await expect(refused).rejects.toThrow(BackendError);
    await expect(refused).rejects.toThrow('missing: +scan +dump +restore +unlink.');
    await (await openRedisPrimary({ options: one, host: 'test', log: silent })).close();
    for (const { ask } of [a, b]) await ask('ACL SETUSER joe +scan +dump +restore +unlink');
    expect((await rebalance({ options: optionsFor([before, both]), emptied: [] })).moved).toBeGreaterThan(-1);
    await start([before, both]);
  });

  it('because the owner has other data under a key names the key, and overwrites nothing', async () => {
    const { a, b, c, urls } = await threeWithData();
    const [key = ''] = (await c.ask('KEYS rc:{*:log')).match(/rc:\S+/g) ?? [];
    for (const { ask } of [a, b]) await ask(`XADD ${key} 1-0 other 1`);
    const two = optionsFor([a.url, b.url]);
    await expect(rebalance({ options: two, emptied: [c.url] })).rejects.toThrow(
      `different data under ${key}`,
    );
    expect(await a.ask(`XLEN ${key}`)).toBe(':1\r\n');
    expect(await b.ask(`XLEN ${key}`)).toBe(':1\r\n');
    expect(await c.ask(`EXISTS ${key}`)).toBe(':1\r\n');
    await start(urls);
  });

  it('to its end is repeated: copies that are there already are no conflict, and every server stays named', async () => {
    const { a, b, c, urls } = await threeWithData();
    const fields = range(1, 2_000).map((number) => `f${number} ${number}`);
    for (const { ask } of [a, b, c]) {
      await ask(`HSET rc:{big}:w ${fields.join(' ')}`);
      await ask('SET rc:servers "being moved: x:1/0"');
    }
    await expect(start(urls)).rejects.toThrow('cut off');
    await expect(rebalance({ options: optionsFor(urls), emptied: [] })).rejects.toThrow('x:1/0 may have');
    for (const { ask } of [a, b, c]) await ask(`SET rc:servers "being moved: 127.0.0.1:${c.port}/0"`);
    await rebalance({ options: optionsFor(urls), emptied: [] });
    const found = await Promise.all([a, b, c].map(({ ask }) => ask('HLEN rc:{big}:w')));
    expect(found.sort()).toEqual([':0\r\n', ':0\r\n', ':2000\r\n']);
    await start(urls);
  });

  it('because two owners are one Redis is refused; an earlier name of an owner is none that loses its data', async () => {
    const { a, b, c, rooms } = await threeWithData();
    const renamed = a.url.replace('127.0.0.1', 'localhost');
    await expect(
      rebalance({ options: optionsFor([a.url, renamed]), emptied: [b.url, c.url] }),
    ).rejects.toThrow('are the same Redis');
    const options = optionsFor([renamed, b.url, c.url]);
    await rebalance({ options, emptied: [a.url] });
    await start(options.redisUrls);
    const peer = await openConnectedPeer({ redisUrls: options.redisUrls });
    for (const room of rooms) {
      expect(textsOf((await read(peer, room, { limit: 10 })).entries)).toEqual(['kept']);
    }
    await peer.close();
  });
});

describe('the expiry of a key', () => {
  it.each([
    [-1, '0'],
    [0, '1'],
    [7, '7'],
  ])('of which %i ms are left is restored as %s', async (leftMs, restored) => {
    const asked: string[][] = [];
    const server = (name: string): MovedServer => ({
      name,
      identity: name,
      ask: async <T>(args: readonly (string | Buffer)[]) => {
        asked.push(args.map(String));
        return (args[0] === 'SCAN' ? ['0', ['rc:a']] : args[0] === 'PTTL' ? leftMs : 1) as T;
      },
      askBytes: async <T>() => Buffer.from('dump') as T,
      close: () => undefined,
    });
    const [from, to] = [server('from'), server('to')];
    const moves = { prefix: 'rc:', unmoved: ['rc:servers'], ownerOf: () => to, isInParts: () => false };
    expect(await moveKeys(from, moves)).toBe(1);
    expect(asked).toContainEqual(['RESTORE', 'rc:a', restored, 'dump']);
  });
});

describe('the lists of an instance’s rooms on several servers', () => {
  it('are put together', async () => {
    const [a, b, c] = [await redisForTest(), await redisForTest(), await redisForTest()];
    const key = redisKeys('rc').occupiedRooms('dead');
    await a.ask(`ZADD ${key} 0 one 0 two`);
    await b.ask(`ZADD ${key} 0 two 0 three`);
    await rebalance({ options: redisOptions(c.url), emptied: [a.url, b.url] });
    expect((await c.ask(`ZRANGE ${key} 0 -1`)).match(/one|two|three/g)).toEqual(['one', 'three', 'two']);
    for (const { ask } of [a, b]) expect(await ask(`EXISTS ${key}`)).toBe(':0\r\n');
  });
});

it('a host that cannot record the servers names the one that refuses', async () => {
  const server = (name: string, refused: string) => ({
    name,
    commands: {
      call: async <T>([command]: readonly string[]) =>
        command === refused
          ? refuse('unavailable', 'the store is full (OOM)')
          : succeed((command === 'EXISTS' ? 0 : null) as T),
    },
  });
  for (const refused of ['GET', 'EXISTS', 'SET'])
    await expect(
      requireSameServers([server('a', ''), server('b', refused)], redisKeys('rc'), { record: true }),
    ).rejects.toThrow('Redis at b cannot be used: the store is full (OOM)');
});

describe('two hosts that start on empty servers with different lists', () => {
  it('at the same moment: one of them is refused', async () => {
    const keys = redisKeys('rc');
    const stores = new Map<string, string>();
    // Each reply comes a turn later, so both hosts have read before either writes.
    const server = (name: string) => ({
      name,
      commands: {
        call: async <T>(args: readonly string[]) => {
          await setImmediate();
          const stored = stores.get(name) ?? null;
          if (args[0] === 'SET' && (stored === null || !args.includes('NX'))) stores.set(name, args[2] ?? '');
          return succeed((args[0] === 'EXISTS' ? 0 : stored) as T);
        },
      },
    });
    const [one, two, three] = ['a', 'b', 'c'].map(server) as [
      ReturnType<typeof server>,
      ReturnType<typeof server>,
      ReturnType<typeof server>,
    ];
    const started = await Promise.allSettled([
      requireSameServers([one, two], keys, { record: true }),
      requireSameServers([three, two], keys, { record: true }),
    ]);
    expect(started.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});
