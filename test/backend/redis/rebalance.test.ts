import { describe, expect, it } from 'vitest';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { rebalance } from '../../../src/backend/redis/topology/rebalance.ts';
import { append, granted, newRoom, range, read, textsOf } from '../../contract/peers.ts';
import { openPeer, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';

const optionsFor = (redisUrls: readonly string[]) => {
  const { redisUrl: _, ...options } = redisOptions('');
  return { ...options, redisUrls };
};

describe('moving the data to other servers', () => {
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
    const after = await openPeer({ redisUrls: three.redisUrls });
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
