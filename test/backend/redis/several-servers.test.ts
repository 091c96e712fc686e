import { describe, expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { CALL_DEADLINE_MS } from '../../../src/backend/redis/connection/redis-connection.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { tagOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createRendezvous } from '../../../src/backend/redis/topology/rendezvous.ts';
import { serverName } from '../../../src/backend/redis/topology/server-names.ts';
import { append, draftOf, granted, newRoom, range, textsOf } from '../../contract/peers.ts';
import { openPeer, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';
import { slowConnectionForTest } from './slow-connection.ts';

it('replaces the subscriber that a healthy server leaves deaf while another server is away', async () => {
  const [away, healthy] = [await redisForTest(), await redisForTest()];
  const proxy = await slowConnectionForTest(healthy.port, 0);
  const peer = await openPeer({ redisUrls: [away.url, proxy.url] });
  onTestFinished(() => peer.close());
  await eventually(async () => expect((await peer.bus.probe()).ok).toBe(true));
  await away.stop();
  await eventually(async () => expect(await unserved(peer)).toBe(true));
  const before = proxy.accepted();
  proxy.withholdMessages();
  await eventually(async () => {
    // As health.ts does it.
    if ((await peer.check()).ok && !(await peer.bus.probe()).ok) peer.bus.reconnect();
    expect(proxy.accepted()).toBeGreaterThan(before);
  });
});

/** Returns whether the peer knows that a server is away. */
async function unserved(peer: Peer): Promise<boolean> {
  return !(await peer.check()).ok || peer.awayServers().length > 0;
}

describe('a worker over several servers, while one is away', () => {
  async function serversForTest() {
    const servers = await Promise.all(range(1, 3).map(() => redisForTest()));
    const urls = servers.map(({ url }) => url);
    const indexOf = createRendezvous(urls.map((url) => serverName(parseRedisAddress(url))));
    const serverOf = (key: string) => servers[indexOf(tagOf(key))] as RedisProcess;
    async function workerForTest(): Promise<Peer> {
      const opened = await openPeer({ redisUrls: urls });
      onTestFinished(() => opened.close());
      granted(await opened.roster.heartbeat(0));
      return opened;
    }
    const rooms = range(1, 24).map(() => newRoom());
    const roomsOf = (server: RedisProcess) => rooms.filter((room) => serverOf(keys.channel(room)) === server);
    async function primaryForTest() {
      const options = { ...redisOptions(''), redisUrls: urls };
      const opened = await openRedisPrimary({ options, host: 'test', log: silent });
      onTestFinished(() => opened.close());
      return opened;
    }
    return { servers, serverOf, workerForTest, primaryForTest, roomsOf };
  }
  const keys = redisKeys('rc');
  const AWAY = { ok: false, error: { code: 'unavailable' } };
  const ann = { userId: 'ann', username: 'Ann' };

  it('names a frozen server before a call to it ends, and the primary goes on with the others', async () => {
    const { servers, primaryForTest } = await serversForTest();
    const primary = await primaryForTest();
    const [frozen] = servers as [RedisProcess];
    onTestFinished(() => frozen.thaw());
    // A busy machine may stand still for longer than a server has to answer: then it freezes once more.
    await eventually(async () => {
      frozen.thaw();
      await eventually(async () => {
        granted(await primary.check());
        expect(primary.awayServers()).toEqual([]);
      });
      frozen.freeze();
      let callEnded = false;
      const timer = setTimeout(() => {
        callEnded = true;
      }, CALL_DEADLINE_MS);
      const checked = await primary.check();
      clearTimeout(timer);
      expect([checked.ok, callEnded]).toEqual([true, false]);
      expect(primary.awayServers()).toEqual([`127.0.0.1:${frozen.port}`]);
    });
  });

  it.each([
    ['that has the list of instances', true],
    ['that has it not', false],
  ])('serves the rooms of the others, also without the one %s', async (_, hasInstances) => {
    const { servers, serverOf, workerForTest, roomsOf } = await serversForTest();
    const away = servers.find((one) => (one === serverOf(keys.instances)) === hasInstances) as RedisProcess;
    const [worker, reader] = [await workerForTest(), await workerForTest()];
    granted(await worker.check());
    granted(await reader.roster.count(newRoom()));
    await away.kill9();
    await eventually(async () => {
      granted(await worker.check());
      expect(worker.awayServers()).toEqual([`127.0.0.1:${away.port}`]);
      granted(await worker.bus.probe());
    });
    for (const server of servers) {
      for (const room of roomsOf(server)) {
        const heard: string[] = [];
        const subscribed = await worker.bus.subscribe(room, (entry) => heard.push(...textsOf([entry])));
        const said = await worker.logs.append(room, draftOf(room, 'hi'));
        const entered = await worker.roster.enter(room, ann, 1, 1);
        if (server === away) {
          expect([subscribed, said, entered]).toMatchObject([AWAY, AWAY, AWAY]);
          break;
        }
        granted(said);
        await eventually(() => expect(heard).toEqual(['hi']));
        expect(granted(entered)).toMatchObject({ users: 1, clients: 1, changed: true });
        expect(granted(await reader.roster.count(room))).toMatchObject({ users: 1, clients: 1 });
      }
    }
    const asked = servers.flatMap(roomsOf);
    const ends = granted(await worker.logs.tops(asked));
    expect(asked.filter((_room, index) => !ends[index])).toEqual(roomsOf(away));
    expect(await worker.logs.tops(roomsOf(away).slice(0, 2))).toMatchObject(
      roomsOf(away).length > 0 ? AWAY : {},
    );
    if (!hasInstances) {
      // If it died now, whom it leaves in these rooms would be announced as gone at once.
      const departed = granted(await reader.roster.reap(worker.instanceId)).map(({ room }) => room.tag);
      const served = servers.filter((one) => one !== away).flatMap(roomsOf);
      expect(departed.sort()).toEqual(served.map(({ tag }) => tag).sort());
    }
    await away.start();
    await eventually(async () => {
      granted(await worker.check());
      expect(worker.awayServers()).toEqual([]);
    });
    const [back] = roomsOf(away);
    if (back) expect(await eventually(() => append(worker, back, 'again'))).toMatchObject({ seq: 1 });
  });

  it.each([
    ['that has the list of instances', true],
    ['that has it not', false],
  ])(
    'counts a full server as away, also the one %s, and serves the rooms of the others',
    async (_, hasInstances) => {
      const { servers, serverOf, workerForTest, primaryForTest, roomsOf } = await serversForTest();
      const full = servers.find((one) => (one === serverOf(keys.instances)) === hasInstances) as RedisProcess;
      const [primary, worker] = [await primaryForTest(), await workerForTest()];
      for (const one of [worker, primary]) {
        granted(await one.check());
        expect(one.awayServers()).toEqual([]);
      }
      await full.ask('CONFIG SET maxmemory 1');
      await eventually(async () => {
        granted(await worker.check());
        expect(worker.awayServers()).toEqual([`127.0.0.1:${full.port}`]);
      });
      granted(await primary.check());
      expect(primary.awayServers()).toEqual([`127.0.0.1:${full.port}`]);
      for (const server of servers) {
        const [room] = roomsOf(server);
        if (!room) continue;
        const said = await worker.logs.append(room, draftOf(room, 'hi'));
        const entered = await worker.roster.enter(room, ann, 1, 1);
        if (server === full) expect([said, entered]).toMatchObject([AWAY, AWAY]);
        else for (const outcome of [said, entered]) expect(outcome).toMatchObject({ ok: true });
      }
      await full.ask('CONFIG SET maxmemory 0');
      await eventually(async () => {
        granted(await worker.check());
        expect(worker.awayServers()).toEqual([]);
      });
      granted(await primary.check());
      expect(primary.awayServers()).toEqual([]);
    },
  );
});
