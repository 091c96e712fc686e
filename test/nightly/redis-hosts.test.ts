import { describe, expect, it, onTestFinished } from 'vitest';
import { range } from '../contract/peers.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { HOOK_SECRET } from '../support/hook-receiver.ts';
import { connect, enter, type Member, type MemberOptions } from '../support/member.ts';
import { openRedisCluster } from '../support/redis-cluster.ts';
import { openRedis } from '../support/redis-server.ts';
import { rowsInRedis } from '../support/stored-rows.ts';
import { documentedTraces, leaveTraces, tracesOf } from '../system/person-traces.ts';

interface Servers {
  readonly urls: readonly string[];
  /** The settings by which hosts find them. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

async function severalServers(): Promise<Servers> {
  const servers = await Promise.all(range(1, 3).map(() => openRedis()));
  const urls = servers.map(({ url }) => url);
  return {
    urls,
    env: { REDIS_URLS: urls.join(',') },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function redisCluster(): Promise<Servers> {
  const { addresses, masters, close } = await openRedisCluster();
  // The others are found.
  const env = { REDIS_CLUSTER_NODES: addresses.slice(0, 1).join(',') };
  return { urls: masters.map(({ url }) => url), env, close };
}

const ROOMS = range(1, 12).map((number) => `room ${number}`);

describe.each([
  ['three Redis servers', severalServers],
  ['a Redis Cluster', redisCluster],
])('two hosts over %s', (_, openServers) => {
  it('exchange messages in rooms of every server, count together, and go on after a restart', async () => {
    const servers = await openServers();
    onTestFinished(() => servers.close());
    const hosts: Host[] = [];
    async function start(basePort?: number): Promise<Host> {
      const host = await startHost({
        workers: 1,
        env: { ...servers.env, RATE_SAY: '0' },
        ...(basePort !== undefined && { basePort }),
      });
      hosts.push(host);
      onTestFinished(async () => {
        await host.stop();
        await host.remove();
      });
      return host;
    }
    const members: Member[] = [];
    async function visitor(host: Host, roomid: string, username: string) {
      const member = await enter(host.workerUrls[0] as string, roomid, username);
      members.push(member);
      onTestFinished(() => member.close());
      return member;
    }

    const [one, other] = [await start(), await start()];
    const pairs = await Promise.all(
      ROOMS.map(async (roomid) => ({
        ann: await visitor(one, roomid, 'Ann'),
        bob: await visitor(other, roomid, 'Bob'),
      })),
    );
    await Promise.all(
      pairs.flatMap(({ ann, bob }) =>
        range(1, 5).flatMap((n) => [ann.do('say', { text: `a${n}` }), bob.do('say', { text: `b${n}` })]),
      ),
    );
    for (const { ann, bob } of pairs) {
      await eventually(() => expect(ann.said).toHaveLength(10));
      await eventually(() => expect(bob.said).toEqual(ann.said));
    }
    await eventually(async () => {
      for (const host of [one, other]) {
        const { cluster } = await host.status();
        expect(cluster).toMatchObject({
          hosts: 2,
          workers: 2,
          clients: 2 * ROOMS.length,
          rooms: ROOMS.length,
        });
      }
    });

    expect(await other.stop()).toBe(0);
    await eventually(async () =>
      expect((await one.status()).cluster).toMatchObject({ hosts: 1, clients: ROOMS.length }),
    );
    const again = await start(other.basePort);
    for (const [index, roomid] of ROOMS.entries()) {
      const { ann } = pairs[index] as (typeof pairs)[number];
      const carol = await visitor(again, roomid, 'Carol');
      await carol.do('say', { text: 'again' });
      await eventually(() => expect(ann.said.at(-1)).toMatchObject({ data: { text: 'again' } }));
    }
    for (const host of [one, again]) {
      const ready = await fetch(`${host.workerUrls[0]}/readyz`);
      expect(ready.status).toBe(200);
    }
  });

  it('leave nothing of an erased person on any server but what the documents list', async () => {
    const servers = await openServers();
    onTestFinished(() => servers.close());
    // Nobody takes the webhooks, so they wait.
    const hooks = { HOOK_URL: 'http://127.0.0.1:9/', HOOK_SECRET, HOOK_EVENTS: 'message,push.undelivered' };
    const env = { ...servers.env, ...hooks };
    const hosts = await Promise.all(range(1, 2).map(() => startHost({ workers: 1, env })));
    onTestFinished(async () => {
      await Promise.all(hosts.map((host) => host.stop()));
      await Promise.all(hosts.map((host) => host.remove()));
    });
    const keyHeader = { 'x-api-key': hosts[0]?.apiKey ?? '' };
    const at = (index: number) => hosts[index % hosts.length]?.workerUrls[0] ?? '';
    const stage = {
      at,
      system: { keyHeader },
      async device(url: string, userId: string, options: MemberOptions = {}) {
        const member = await connect(url, { ...options, auth: { userId, ...(options.auth as object) } });
        onTestFinished(() => member.close());
        return member;
      },
    };
    const person = { id: 'Grace~', name: 'Amazing Hopper', said: 'said~', own: 'own~' };
    const around = { other: 'Bob~', room: 'room', left: 'left' };
    await leaveTraces(stage, person, around);
    const rows = async () => (await Promise.all(servers.urls.map(rowsInRedis))).flat();
    const { own } = tracesOf(await rows(), person, around);
    expect(own).not.toEqual([]);
    const erased = await fetch(`${at(1)}/api/v1/users/${person.id}`, {
      method: 'DELETE',
      headers: keyHeader,
    });
    expect(erased.status).toBe(200);
    await eventually(async () =>
      expect(tracesOf(await rows(), person, around)).toEqual(documentedTraces('cluster')),
    );
  });
});

it('a host over three Redis servers stays ready while one is away, and names it', async () => {
  const servers = await Promise.all(range(1, 3).map(() => openRedis()));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  const REDIS_URLS = servers.map(({ url }) => url).join(',');
  const host = await startHost({ workers: 1, env: { REDIS_URLS } });
  onTestFinished(async () => {
    await host.stop();
    await host.remove();
  });
  const get = async (url: string) => {
    const answer = await fetch(url, { headers: { 'x-api-key': host.apiKey } });
    return { status: answer.status, text: await answer.text() };
  };
  const [url = ''] = host.workerUrls;
  const { kill9, start, port } = servers[1] as (typeof servers)[number];
  await kill9();
  await eventually(async () => {
    const own = await get(`${url}/readyz`);
    expect({ status: own.status, body: JSON.parse(own.text) }).toEqual({
      status: 200,
      body: { ok: true, degraded: ["1 of the store's servers away"] },
    });
    const whole = await get(`${host.adminUrl}/readyz`);
    expect(whole).toMatchObject({ status: 200, text: expect.stringContaining(`127.0.0.1:${port} is away`) });
    expect(await host.status()).toMatchObject({ store: { away: [`127.0.0.1:${port}`] } });
    expect((await get(`${url}/metrics`)).text).toContain('roomcast_store_servers_away 1');
  });
  await start();
  await eventually(async () => {
    expect(JSON.parse((await get(`${url}/readyz`)).text)).toEqual({ ok: true });
    expect((await get(`${url}/metrics`)).text).toContain('roomcast_store_servers_away 0');
  });
});
