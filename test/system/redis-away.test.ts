import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connect, enter, type Member } from '../support/member.ts';
import { type System, startSystem } from '../support/system.ts';

describe('Redis away', () => {
  let system: System;
  const members: Member[] = [];
  beforeAll(async () => {
    system = await startSystem('cluster', { RATE_SAY: '0' });
  });
  afterAll(async () => {
    for (const member of members) member.close();
    await system?.stop();
  });

  async function visitor(index: number, roomid: string, username: string, options = {}) {
    const member = await enter(system.entrances[index] as string, roomid, username, options);
    members.push(member);
    return member;
  }
  const heard = (member: Member, event: string) => member.heard.filter((one) => one.event === event);
  const redis = () => system.redis as NonNullable<System['redis']>;
  const statuses = (path: string) =>
    Promise.all(system.workerUrls.map(async (url) => (await fetch(url + path)).status));
  /** Workers find Redis again each in their own time. */
  const everyWorkerReady = () =>
    eventually(async () => expect(new Set(await statuses('/readyz'))).toEqual(new Set([200])));

  it('admits clients that connected with a room in the address meanwhile, once it is back', async () => {
    redis().freeze();
    const query = { roomid: 'patience', username: 'Ann' };
    const late = await connect(system.entrances[0] as string, { query });
    members.push(late);
    await eventually(() => expect(heard(late, 'refused').length).toBeGreaterThan(0));
    expect(heard(late, 'refused')[0]?.data).toMatchObject({ event: 'join', error: { code: 'unavailable' } });
    redis().thaw();
    await eventually(() => expect(heard(late, 'joined')).toHaveLength(1));
    expect(await late.ask('say', { text: 'here' })).toMatchObject({ ok: true, roomid: 'patience' });
    await everyWorkerReady();
  });

  it('answers unavailable in time, sends cluster:degraded, and catches everybody up when it is back', async () => {
    const [ann, bob] = [await visitor(0, 'away', 'Ann'), await visitor(1, 'away', 'Bob')];
    await ann.do('say', { text: 'before', clientMsgId: 'before' });
    redis().freeze();
    const refused = await ann.ask('say', { text: 'meanwhile', clientMsgId: 'meanwhile' });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'unavailable', temporary: true, retryAfterMs: expect.any(Number) },
    });
    for (const member of [ann, bob]) {
      await eventually(() => expect(heard(member, 'cluster:degraded')).toHaveLength(1));
      expect(heard(member, 'cluster:degraded')[0]?.data).toEqual({ since: expect.any(Number) });
    }
    expect(new Set(await statuses('/healthz'))).toEqual(new Set([200]));
    await eventually(async () => expect(new Set(await statuses('/readyz'))).toEqual(new Set([503])));
    expect(await bob.ask('join', { roomid: 'another' })).toMatchObject({ error: { code: 'unavailable' } });
    redis().thaw();
    for (const member of [ann, bob]) {
      await eventually(() => expect(heard(member, 'cluster:restored')).toHaveLength(1));
    }
    await everyWorkerReady();
    // The frozen append may or may not have been stored: the same id makes it one message either way.
    await ann.do('say', { text: 'meanwhile', clientMsgId: 'meanwhile' });
    await ann.do('say', { text: 'after' });
    for (const { said } of [ann, bob]) {
      await eventually(() =>
        expect(said.map(({ data }) => data.text)).toEqual(['before', 'meanwhile', 'after']),
      );
    }
    expect(heard(bob, 'room:gap')).toEqual([]);
  });

  it('and back from its AOF: a new epoch, continued numbers, and no loss', async () => {
    const [ann, bob] = [await visitor(0, 'aof', 'Ann'), await visitor(1, 'aof', 'Bob')];
    const first = await ann.do('say', { text: '1' });
    await redis().kill9();
    await redis().start();
    const second = await eventually(() => ann.do('say', { text: '2', clientMsgId: 'second' }));
    expect(second.seq).toBe(2);
    expect(second.epoch).not.toBe(first.epoch);
    for (const { said } of [ann, bob]) {
      await eventually(() =>
        expect(said.map(({ seq, epoch }) => [seq, epoch])).toEqual([
          [1, first.epoch],
          [2, second.epoch],
        ]),
      );
    }
    expect([...heard(ann, 'room:gap'), ...heard(bob, 'room:gap')]).toEqual([]);
    const resume = { epoch: first.epoch, seq: 1 };
    await everyWorkerReady();
    const carl = await visitor(2, 'aof', 'Carl', { auth: { resume } });
    expect(carl.joined).toMatchObject({ recovered: true, seq: 2 });
  });

  it('and back empty: the members get the gap, and the room begins again', async () => {
    const [ann, bob] = [await visitor(0, 'empty', 'Ann'), await visitor(1, 'empty', 'Bob')];
    const { epoch } = await ann.do('say', { text: '1' });
    for (const text of ['2', '3']) await ann.do('say', { text });
    await redis().ask('FLUSHALL');
    await redis().stop();
    await redis().start();
    const said = await eventually(() => ann.do('say', { text: 'anew', clientMsgId: 'anew' }));
    expect(said.epoch).not.toBe(epoch);
    expect(said.seq).toBe(1);
    for (const member of [ann, bob]) {
      await eventually(() => expect(member.said.at(-1)).toMatchObject({ seq: 1, epoch: said.epoch }));
      expect(heard(member, 'room:gap').map(({ data }) => data)).toEqual([
        { roomid: 'empty', epoch: said.epoch, from: 1, to: 3, reason: 'epoch' },
      ]);
    }
    await everyWorkerReady();
    const carl = await visitor(2, 'empty', 'Carl', { auth: { resume: { epoch, seq: 2 } } });
    expect(carl.joined).toMatchObject({ recovered: false, seq: 1, epoch: said.epoch });
  });

  it('crashes no worker', async () => {
    for (const host of system.hosts) {
      expect(host.output().stderr).not.toMatch(/"level":(50|60)/);
      await eventually(async () =>
        expect((await host.status()).workers.map(({ state }) => state)).toEqual(['ready', 'ready']),
      );
    }
  });

  it('shows in the metrics, which require a key', async () => {
    const url = system.workerUrls[0] as string;
    const text = await (await fetch(`${url}/metrics`, { headers: system.keyHeader })).text();
    expect(text).toMatch(/^roomcast_room_messages_recovered_total \d+$/m);
    expect(text).toMatch(/^roomcast_bus_probes_missed_total \d+$/m);
    expect(text).toMatch(/^roomcast_room_duplicates_dropped_total \d+$/m);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    await eventually(async () => {
      const merged = await (await fetch(`${system.hosts[0]?.adminUrl}/metrics`)).text();
      const clients = Number(/^roomcast_clients (\d+)$/m.exec(merged)?.[1]);
      const { workers } = (await system.hosts[0]?.status()) ?? { workers: [] };
      expect(clients).toBe(workers.reduce((sum, worker) => sum + worker.clients, 0));
    });
  });

  it('makes a host not ready, by the name of each worker, also when only the bus is away', async () => {
    const readiness = async () =>
      await Promise.all(
        system.hosts.map(async ({ adminUrl }) => {
          const answer = await fetch(`${adminUrl}/readyz`);
          const { reasons } = (await answer.json()) as { reasons?: string[] };
          return { status: answer.status, deaf: [0, 1].map((slot) => reasons?.some(names(slot)) ?? false) };
        }),
      );
    const names = (slot: number) => (reason: string) =>
      reason.startsWith(`the worker of slot ${slot} is not ready: `);
    const both = (status: number, deaf: boolean) => [1, 2].map(() => ({ status, deaf: [deaf, deaf] }));
    await eventually(async () => expect(await readiness()).toEqual(both(200, false)));
    // The store answers them all the same.
    await redis().ask('ACL SETUSER default resetchannels');
    await eventually(async () => expect(await readiness()).toEqual(both(503, true)));
    await redis().ask('ACL SETUSER default allchannels');
    await eventually(async () => expect(await readiness()).toEqual(both(200, false)));
  });
});
