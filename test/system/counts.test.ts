import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PresenceDiff } from '../../src/protocol/rooms.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member, MemberOptions } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const LIMIT = { timeout: 40_000, interval: 200 };
const SAMPLE_MS = 100;
const ENV = { RATE_SAY: '0', NAMESPACES: '/,/post', DRAIN_S: '3' };
const RETURNING = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

/** A socket that the test holds, and where. */
interface Held {
  readonly worker: number;
  readonly member: Member;
  readonly rooms: Set<string>;
}

/** What is said at one moment, or what is true. */
interface Counts {
  /** Of each worker: sockets and rooms, as its primary and as it itself says. */
  readonly workers: readonly (readonly [clients: number, rooms: number])[];
  readonly cluster: { readonly clients: number; readonly users: number; readonly rooms: number };
}

async function gaugesOf(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly [clients: number, rooms: number]> {
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return [gauge('roomcast_clients'), gauge('roomcast_rooms_local')];
}

describe.each(MODES)('the counts, %s', (mode) => {
  const stage = systemFixture(mode, ENV, { clientsStay: true });
  let hosts: Host[];
  const held: Held[] = [];
  const ended = new AbortController();
  const lowest = { said: 0, samples: 0 };
  /** Users without a connection, or connections of nobody. */
  const torn: Counts['cluster'][] = [];
  let sampling: Promise<void>;

  beforeAll(() => {
    hosts = [...stage.system.hosts];
    sampling = sample();
  });
  afterAll(async () => {
    ended.abort();
    await sampling;
    await Promise.all(hosts.map((host) => host.stop()));
  });

  async function come(worker: number, userId: string, rooms: readonly string[], options: MemberOptions = {}) {
    const { nsp = '', ...rest } = options as MemberOptions & { nsp?: string };
    const url = `${stage.system.workerUrls[worker]}${nsp}`;
    const auth = userId === '' ? {} : { userId, username: userId };
    const member = await stage.connect(url, { ...rest, auth });
    for (const roomid of rooms) await member.do('join', { roomid, username: userId || 'Guest' });
    const one: Held = { worker, member, rooms: new Set(rooms.map((roomid) => `${nsp} ${roomid}`)) };
    // As a page does when its link is back.
    member.socket.on('connect', () => {
      for (const roomid of one.rooms) {
        member.socket.emit('join', { roomid: roomid.slice(nsp.length + 1), username: userId || 'Guest' });
      }
    });
    held.push(one);
    return one;
  }

  async function leave({ member, rooms }: Held, roomid: string): Promise<void> {
    await member.do('leave', { roomid });
    rooms.delete(` ${roomid}`);
  }

  function truth(): Counts {
    const here = held.filter(({ member }) => member.socket.connected);
    const roomsOf = (all: readonly Held[]) => new Set(all.flatMap(({ rooms }) => [...rooms])).size;
    return {
      workers: stage.system.workerUrls.map((_, index) => {
        const ours = here.filter(({ worker }) => worker === index);
        return [ours.length, roomsOf(ours)];
      }),
      cluster: {
        clients: here.length,
        users: new Set(here.map(({ member }) => member.hello.user.id)).size,
        rooms: roomsOf(here),
      },
    };
  }

  /** By IPC, as the primaries have it. */
  async function atPrimaries(): Promise<Counts[]> {
    const statuses = await Promise.all(hosts.map((host) => host.status()));
    const rows = statuses.flatMap(({ workers }) => workers);
    return statuses.map(({ cluster: { clients, users, rooms } }) => ({
      workers: stage.system.workerUrls.map((url) => {
        const slot = rows.filter(({ port }) => url.endsWith(`:${port}`));
        return [
          slot.reduce((sum, row) => sum + row.clients, 0),
          slot.reduce((sum, row) => sum + row.rooms, 0),
        ];
      }),
      cluster: { clients, users, rooms },
    }));
  }

  async function inMetrics() {
    const living = stage.system.workerUrls.filter((url) =>
      hosts.some((host) => host.workerUrls.includes(url)),
    );
    return {
      workers: await Promise.all(living.map((url) => gaugesOf(url, stage.system.keyHeader))),
      merged: await Promise.all(hosts.map((host) => gaugesOf(host.adminUrl, {}))),
    };
  }

  /** Everything that is said of how many there are, while all of the test happens. */
  async function sample(): Promise<void> {
    while (!ended.signal.aborted) {
      // Whoever was killed just now does not answer.
      const [primaries, metrics] = await Promise.allSettled([atPrimaries(), inMetrics()]);
      const said = [
        ...(primaries.status === 'fulfilled' ? primaries.value.flatMap(numbersOf) : []),
        ...(metrics.status === 'fulfilled' ? [...metrics.value.workers, ...metrics.value.merged].flat() : []),
      ].filter(Number.isFinite);
      lowest.said = Math.min(lowest.said, ...said);
      lowest.samples += said.length;
      for (const { cluster } of primaries.status === 'fulfilled' ? primaries.value : []) {
        const { users, clients } = cluster;
        if (users > clients || (users === 0 && clients > 0)) torn.push(cluster);
      }
      await pause(SAMPLE_MS);
    }
  }
  const numbersOf = ({ workers, cluster }: Counts) => [...workers.flat(), ...Object.values(cluster)];

  /** Who is connected, at all places that tell of it, until they all tell the same. */
  async function agree(sockets: number): Promise<void> {
    await eventually(async () => {
      const real = truth();
      expect(real.cluster.clients).toBe(sockets);
      for (const said of await atPrimaries()) expect(said).toEqual(real);
      const { workers, merged } = await inMetrics();
      const living = stage.system.workerUrls.flatMap((url, index) =>
        hosts.some((host) => host.workerUrls.includes(url)) ? [real.workers[index]] : [],
      );
      expect(workers).toEqual(living);
      const perHost = hosts.map((host) =>
        host.workerUrls.map((url) => real.workers[stage.system.workerUrls.indexOf(url)] ?? [0, 0]),
      );
      expect(merged).toEqual(
        perHost.map((all) => [0, 1].map((at) => all.reduce((sum, counts) => sum + (counts[at] ?? 0), 0))),
      );
    }, LIMIT);
  }

  it('are right after users joined, with several tabs, as guests, by polling and in another namespace', async () => {
    await agree(0);
    for (let worker = 0; worker < stage.system.workers; worker += 1) {
      await come(worker, 'ann', ['tea', 'milk'], RETURNING);
      await come(worker, `only ${worker}`, ['tea', `room ${worker}`], RETURNING);
      await come(worker, '', []);
    }
    await come(0, 'bob', ['tea'], { nsp: '/post' } as MemberOptions);
    await come(1, 'carl', ['milk'], { transports: ['polling'] });
    await come(1, 'dora', ['milk', 'only dora']);
    await agree(3 * stage.system.workers + 3);
  });

  it('are right after users left rooms, and connections were closed and cut', async () => {
    const before = truth().cluster.clients;
    const of = (userId: string) => held.filter(({ member }) => member.hello.user.id === userId);
    for (const one of of('ann')) await leave(one, 'milk');
    await leave(of('dora')[0] as Held, 'only dora');
    of('bob')[0]?.member.close();
    // No packet says that it goes.
    of('carl')[0]?.member.socket.io.engine.transport.close();
    of('dora')[0]?.member.socket.io.engine.transport.close();
    await agree(before - 3);
  });

  it('are right after a worker was killed, for users who return and users who do not', async () => {
    const before = truth().cluster.clients;
    const { workers } = await (hosts[0] as Host).status();
    process.kill(workers[1]?.pid as number, 'SIGKILL');
    // Its guest was told nothing of coming back.
    await agree(before - 1);
  });

  it('are right after all workers were replaced', async () => {
    const before = truth().cluster.clients;
    const guests = held.filter(({ member, rooms }) => member.socket.connected && rooms.size === 0);
    const pidsOf = async () => (await (hosts[0] as Host).status()).workers.map(({ pid }) => pid);
    const old = await pidsOf();
    process.kill((hosts[0] as Host).pid, 'SIGHUP');
    await eventually(async () => {
      const now = await pidsOf();
      expect(now).toHaveLength(2);
      expect(now.filter((pid) => old.includes(pid))).toEqual([]);
    }, LIMIT);
    const stayed = guests.filter(({ member }) => member.socket.connected).length;
    await agree(before - guests.length + stayed);
    expect(guests.length - stayed).toBeGreaterThan(0);
  });

  it.runIf(mode === 'cluster')(
    'are right on the other host after one was killed, and each of its users left once',
    async () => {
      const [dying, living] = hosts as [Host, Host];
      const watcher = held.find(({ worker, rooms }) => worker === 2 && rooms.has(' tea')) as Held;
      const heardBefore = watcher.member.heard.length;
      const gone = held.filter(({ worker, member }) => worker < 2 && member.socket.connected);
      const stays = held.filter(({ worker, member }) => worker >= 2 && member.socket.connected);
      hosts = [living];
      await dying.kill9();
      await agree(stays.length);
      const departures = () => {
        const since = watcher.member.heard.slice(heardBefore);
        const quits = since.flatMap(({ event, data }) => {
          const message = data as { event: string; roomid: string; data: { userId: string } };
          const quit = event === 'message' && message.event === 'broadcast_quit' && message.roomid === 'tea';
          return quit ? [message.data.userId] : [];
        });
        const leaves = since.flatMap(({ event, data }) => {
          const diff = data as PresenceDiff;
          return event === 'presence:diff' && diff.roomid === 'tea'
            ? diff.leaves.map(({ userId }) => userId)
            : [];
        });
        return { quits: quits.sort(), leaves: leaves.sort() };
      };
      // Not ann, who is on the other host, too.
      const both = ['only 0', 'only 1'];
      await eventually(() => expect(departures()).toEqual({ quits: both, leaves: both }), LIMIT);
      const host = await startHost({
        redisUrl: stage.system.redis?.url as string,
        env: ENV,
        basePort: dying.basePort,
      });
      hosts = [host, living];
      const returning = gone.filter(({ rooms }) => rooms.size > 0);
      await agree(stays.length + returning.length);
      expect(departures()).toEqual({ quits: both, leaves: both });
    },
  );

  it('are right when everybody is gone, and were never negative or of two moments', async () => {
    for (const { member } of held) member.close();
    await agree(0);
    expect(lowest.said).toBe(0);
    expect(torn).toEqual([]);
    expect(lowest.samples).toBeGreaterThan(1_000);
  });
});
