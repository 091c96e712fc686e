import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROSTER_LEASE_MS } from '../../src/chat/roster.ts';
import { eventually } from '../support/eventually.ts';
import { enter, type Member } from '../support/member.ts';
import type { RedisProcess } from '../support/redis-server.ts';
import { type System, startSystem } from '../support/system.ts';

/** For each key, in µs, so that a few thousand take some seconds. */
const LOADS_SLOWLY = ['--key-load-delay', '500'];
const FILL = `EVAL "for n = 1, 12000 do redis.call('SET', 'fill:' .. n, n) end" 0`;

/** A folder in the place of the snapshot, so that none can be written. */
async function failSnapshots(redis: RedisProcess): Promise<void> {
  await mkdir(join(dirname(redis.path), 'dump.rdb'));
  await redis.ask('CONFIG SET save "3600 1000000"');
  await redis.ask('BGSAVE');
}

async function mendSnapshots(redis: RedisProcess): Promise<void> {
  await rm(join(dirname(redis.path), 'dump.rdb'), { recursive: true });
  await eventually(async () => {
    await redis.ask('BGSAVE');
    expect(await redis.ask('INFO persistence')).toContain('rdb_last_bgsave_status:ok');
  });
  await redis.ask('CONFIG SET save ""');
}

describe('a Redis that answers but takes no writes', () => {
  let system: System;
  const members: Member[] = [];
  beforeAll(async () => {
    system = await startSystem('cluster', {}, { redisSettings: LOADS_SLOWLY });
    for (const [index, name] of ['Ann', 'Bob', 'Carl'].entries())
      members.push(await enter(system.entrances[index] as string, 'calm', name));
  });
  afterAll(async () => {
    for (const member of members) member.close();
    await system?.stop();
  });

  const redis = () => system.redis as NonNullable<System['redis']>;
  const apply = (change: string | ((redis: RedisProcess) => Promise<void>)) =>
    typeof change === 'string' ? redis().ask(change) : change(redis());
  const heard = (member: Member, event: string) => member.heard.filter((one) => one.event === event).length;
  /** The joins and quits that each member was told; the diffs of the first joins may come late, so only their leaves count. */
  const moves = () =>
    members.map(({ heard: all }) =>
      all.filter(({ event, data }) => {
        const { event: kind, leaves = [] } = data as { event?: string; leaves?: unknown[] };
        if (event === 'presence:diff') return leaves.length > 0;
        return event === 'message' && (kind === 'join' || kind === 'broadcast_quit');
      }),
    );
  async function readinessOf(url: string): Promise<string> {
    const answer = await fetch(`${url}/readyz`);
    const { error } = (await answer.json()) as { error?: { message: string } };
    return `${answer.status} ${error?.message ?? ''}`;
  }
  const readyz = () => Promise.all(system.workerUrls.map(readinessOf));
  const everywhere = (state: string) =>
    eventually(async () => expect(new Set(await readyz())).toEqual(new Set([state])));

  it.each([
    {
      cause: 'the store is full (OOM)',
      begin: 'CONFIG SET maxmemory 1',
      end: 'CONFIG SET maxmemory 0',
      // Longer than a lease: nobody can write heartbeats, so nobody is dead.
      holdMs: ROSTER_LEASE_MS + 2_000,
    },
    {
      cause: 'the store has too few replicas (NOREPLICAS)',
      begin: 'CONFIG SET min-replicas-to-write 1',
      end: 'CONFIG SET min-replicas-to-write 0',
      holdMs: 0,
    },
    {
      // A master that was demoted behind a proxy or a DNS name replies the same.
      cause: 'the store is changing its master (READONLY)',
      begin: 'REPLICAOF 127.0.0.1 1',
      end: 'REPLICAOF NO ONE',
      holdMs: 0,
    },
    {
      cause: 'the store denies +hset',
      begin: 'ACL SETUSER default -hset',
      end: 'ACL SETUSER default +hset',
      holdMs: 0,
    },
    {
      cause: 'the store cannot write to its disk (MISCONF)',
      begin: failSnapshots,
      end: mendSnapshots,
      holdMs: 0,
    },
  ])(
    'makes every worker not ready, as “$cause”, tells the clients, and nobody comes or goes',
    async ({ cause, begin, end, holdMs }) => {
      await everywhere('200 ');
      const before = { moves: moves(), degraded: members.map((one) => heard(one, 'cluster:degraded')) };
      await apply(begin);
      await everywhere(`503 ${cause}`);
      await eventually(() =>
        expect(members.map((one) => heard(one, 'cluster:degraded'))).toEqual(
          before.degraded.map((times) => times + 1),
        ),
      );
      const hosts = await Promise.all(system.hosts.map(({ adminUrl }) => fetch(`${adminUrl}/readyz`)));
      for (const host of hosts) {
        expect(host.status).toBe(503);
        const reasons = [0, 1].map((slot) => `the worker of slot ${slot} is not ready: ${cause}`);
        expect(await host.json()).toMatchObject({ reasons: expect.arrayContaining(reasons) });
      }
      await pause(holdMs);
      await apply(end);
      await everywhere('200 ');
      await members[0]?.do('say', { text: cause });
      for (const { said } of members)
        await eventually(() => expect(said.at(-1)?.data).toMatchObject({ text: cause }));
      expect(moves()).toEqual(before.moves);
    },
  );

  it('makes every worker not ready while it loads its data, and loses no message and no user', async () => {
    await everywhere('200 ');
    const before = moves();
    const acked = await members[0]?.do('say', { text: 'before' });
    await redis().ask(FILL);
    await redis().kill9();
    const loaded = redis().start();
    // Each worker dials at a time of its own.
    await Promise.all(
      system.workerUrls.map((url) =>
        eventually(async () => expect(await readinessOf(url)).toBe('503 the store is starting (LOADING)')),
      ),
    );
    expect(await members[1]?.ask('say', { text: 'meanwhile' })).toMatchObject({
      ok: false,
      error: { code: 'unavailable', temporary: true },
    });
    await loaded;
    await everywhere('200 ');
    await members[2]?.do('say', { text: 'after' });
    for (const { said } of members)
      await eventually(() => expect(said.at(-1)?.data).toMatchObject({ text: 'after' }));
    const history = await members[0]?.do('room:history', { limit: 9 });
    expect(history).toMatchObject({
      messages: expect.arrayContaining([expect.objectContaining({ seq: acked?.seq })]),
    });
    expect(moves()).toEqual(before);
  });
});
