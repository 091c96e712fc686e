import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CONTROL } from '../../src/cluster/control.ts';
import { succeed } from '../../src/protocol/codes.ts';
import type { FakeWorker } from './fake-port.ts';
import { createCluster, settle } from './supervised-cluster.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the start succeeds once every slot is ready', async () => {
  const { supervisor, latest, ready, states } = createCluster();
  const started = vi.fn();
  void supervisor.start().then(started);
  await ready(latest(1));
  expect(states()).toEqual(['0 starting', '1 ready']);
  expect(started).not.toHaveBeenCalled();
  await ready(latest(0));
  expect(started).toHaveBeenCalledWith({ ok: true, value: undefined });
  expect(supervisor.status()[0]).toMatchObject({ slot: 0, port: 6001, pid: latest(0).pid, state: 'ready' });
});

test('requests of a worker find their handlers from its first message on', async () => {
  const { supervisor, latest } = createCluster({
    serve: (link) => link.onRequest('slot', () => succeed(`${link.slot} ${link.instanceId}`)),
  });
  void supervisor.start();
  const worker = latest(1);
  const answer = worker.ipc.request('slot', {});
  await settle();
  expect(await answer).toEqual({ ok: true, value: `1 ${worker.instanceId}` });
});

test('a worker that reports at the first start why it cannot serve ends the start with its reason', async () => {
  const { supervisor, latest, forked } = createCluster();
  const started = supervisor.start();
  latest(1).ipc.notify(CONTROL.failed, { message: 'port 6002 is taken' });
  await settle();
  expect(await started).toMatchObject({ ok: false, error: { message: 'port 6002 is taken' } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked.filter(({ alive }) => alive)).toEqual([]);
  expect(forked).toHaveLength(2);
});

test('a dead worker is respawned at once, then after half a second, then later and later up to 10 s', async () => {
  const { startAll, forked, latest, ready } = createCluster();
  await startAll();
  const delays: number[] = [];
  for (let death = 0; death < 8; death++) {
    const before = forked.length;
    latest(0).exit(null, 'SIGKILL');
    const diedAt = Date.now();
    while (forked.length === before) await vi.advanceTimersToNextTimerAsync();
    delays.push(Date.now() - diedAt);
    await ready(latest(0));
  }
  expect(delays).toEqual([0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('a minute of service makes the next respawn immediate again', async () => {
  const { startAll, forked, latest, ready } = createCluster();
  await startAll();
  for (let death = 0; death < 3; death++) {
    latest(0).exit(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await ready(latest(0));
  }
  await vi.advanceTimersByTimeAsync(60_000);
  const before = forked.length;
  latest(0).exit(1);
  await settle();
  expect(forked.length).toBe(before + 1);
});

test('a slot that waits for its next worker is in backoff and its dead instance is reported', async () => {
  const { startAll, latest, ready, states, onWorkerGone, onServing } = createCluster();
  await startAll();
  const first = latest(0);
  first.exit(1);
  expect(onWorkerGone).toHaveBeenCalledExactlyOnceWith(first.instanceId, 'crash');
  expect(onServing).toHaveBeenLastCalledWith(1, false);
  await settle();
  await ready(latest(0));
  expect(onServing).toHaveBeenLastCalledWith(3, true);
  latest(0).exit(1);
  expect(states()).toEqual(['0 backoff', '1 ready']);
});

test('it tells what happens to its processes: starts, hangs and ends, wanted and unasked', async () => {
  const { supervisor, startAll, latest, ready, processes } = createCluster({ workers: 2 });
  await startAll();
  expect(processes.splice(0)).toEqual(['0 starting', '1 starting', '0 ready', '1 ready']);
  latest(0).exit(null, 'SIGKILL');
  await settle();
  await ready(latest(0));
  expect(processes.splice(0)).toEqual(['0 ended signal SIGKILL true', '0 starting', '0 ready']);
  latest(1).hang(true);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(processes.splice(0)).toEqual(['1 suspect']);
  latest(1).hang(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(processes.splice(0)).toEqual(['1 ready']);
  const stopped = supervisor.stop('nowhere');
  await settle();
  for (const slot of [0, 1]) latest(slot).exit(0);
  await stopped;
  expect(processes).toEqual([
    '0 draining',
    '1 draining',
    '0 ended exit code 0 false',
    '1 ended exit code 0 false',
  ]);
});

test('a crash loop after the start keeps the other slots, tries every 10 s at most, says why, and ends by itself', async () => {
  const { supervisor, startAll, forked, latest, ready, lines } = createCluster();
  await startAll();
  await vi.advanceTimersByTimeAsync(5_000);
  latest(0).exit(1);
  await settle();
  for (let death = 1; death <= 12; death++) {
    latest(0).exit(1);
    expect(supervisor.status()[0]).toMatchObject({
      state: 'backoff',
      failures: death,
      reason: 'exit code 1',
    });
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(forked.filter(({ slot }) => slot === 0)).toHaveLength(14);
  expect(forked.filter(({ slot }) => slot === 1)).toHaveLength(1);
  expect(lines.filter(({ msg }) => msg.includes('before it was ready (exit code 1)'))).toHaveLength(12);
  expect(latest(1).alive).toBe(true);
  await ready(latest(0));
  expect(supervisor.status()[0]).toMatchObject({ state: 'ready', failures: 12 });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(supervisor.status()[0]).not.toHaveProperty('failures');
});

test('slots that crash together are not respawned together', async () => {
  const random = vi
    .fn()
    .mockReturnValueOnce(0)
    .mockReturnValueOnce(0)
    .mockReturnValueOnce(1)
    .mockReturnValue(0);
  const { startAll, forked, latest, ready } = createCluster({ random });
  await startAll();
  for (const slot of [0, 1]) latest(slot).exit(1);
  await settle();
  for (const slot of [0, 1]) await ready(latest(slot));
  for (const slot of [0, 1]) latest(slot).exit(1);
  await vi.advanceTimersByTimeAsync(250);
  expect(forked.map(({ slot }) => slot)).toEqual([0, 1, 0, 1, 0]);
  await vi.advanceTimersByTimeAsync(250);
  expect(forked).toHaveLength(6);
});

test('a worker that hangs is suspect after 3 s, ready again when it reports, and killed and followed after 10 s', async () => {
  const { supervisor, startAll, forked, latest, states, onServing } = createCluster();
  await startAll();
  latest(0).hang(true);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(states()).toEqual(['0 suspect', '1 ready']);
  expect(onServing).toHaveBeenLastCalledWith(1, false);
  expect(supervisor.pick()).toMatchObject({ slot: 1 });
  expect(supervisor.withClients()).toHaveLength(1);
  latest(0).hang(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(states()).toEqual(['0 ready', '1 ready']);
  expect(onServing).toHaveBeenLastCalledWith(1, true);
  const hanging = latest(0);
  hanging.hang(true);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(hanging.signals).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(hanging.signals).toEqual(['SIGKILL']);
  expect(forked).toHaveLength(3);
});

test('a worker that hangs is reported twice a second until it is killed, and no other', async () => {
  const { startAll, latest, onWorkerSilent } = createCluster();
  await startAll();
  const hanging = latest(0);
  hanging.hang(true);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(onWorkerSilent).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(onWorkerSilent.mock.calls.length).toBeGreaterThanOrEqual(8);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(hanging.signals).toEqual(['SIGKILL']);
  const reported = onWorkerSilent.mock.calls.length;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(onWorkerSilent).toHaveBeenCalledTimes(reported);
  expect(new Set(onWorkerSilent.mock.calls.flat())).toEqual(new Set([hanging.instanceId]));
});

test('a primary that stood still itself takes no worker for hanging', async () => {
  let stoodStillMs = 0;
  const { startAll, forked, latest, states } = createCluster({ now: () => Date.now() + stoodStillMs });
  await startAll();
  latest(0).hang(true);
  await vi.advanceTimersByTimeAsync(1_000);
  stoodStillMs = 60_000;
  await vi.advanceTimersByTimeAsync(500);
  latest(0).hang(false);
  await vi.advanceTimersByTimeAsync(1_500);
  expect(states()).toEqual(['0 ready', '1 ready']);
  expect(forked).toHaveLength(2);
});

test('a worker that hangs while it drains is killed before the drain is over', async () => {
  const { supervisor, startAll, forked } = createCluster({ drainMs: 60_000 });
  await startAll();
  void supervisor.stop('nowhere');
  forked[0]?.hang(true);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(forked.map(({ alive }) => alive)).toEqual([false, true]);
});

test('a crash loop at the first start ends it, and no process is left', async () => {
  const { supervisor, forked, latest, ready } = createCluster();
  const started = supervisor.start();
  await ready(latest(1));
  for (let death = 0; death < 5; death++) {
    latest(0).exit(1);
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(await started).toMatchObject({ ok: false });
  expect(forked.some(({ alive }) => alive)).toBe(false);
});

test('a worker that is not ready within 30 s is killed and replaced', async () => {
  const { supervisor, forked, latest } = createCluster();
  void supervisor.start();
  const hanging = latest(0);
  await vi.advanceTimersByTimeAsync(29_999);
  expect(hanging.alive).toBe(true);
  await vi.advanceTimersByTimeAsync(2);
  expect(hanging.signals).toEqual(['SIGKILL']);
  expect(forked.filter(({ slot }) => slot === 0)).toHaveLength(2);
});

test('clients are counted up and down, never below 0, and a crash subtracts its share', async () => {
  const { startAll, latest, clients } = createCluster();
  await startAll();
  latest(0).ipc.notify(CONTROL.clientDisconnect, { count: 1 });
  for (let n = 0; n < 3; n++) latest(0).ipc.notify(CONTROL.clientConnect, { count: 1 });
  latest(0).ipc.notify(CONTROL.clientDisconnect, { count: 1 });
  latest(1).ipc.notify(CONTROL.clientConnect, { count: 1 });
  await settle();
  expect(clients()).toBe(3);
  latest(1).ipc.notify(CONTROL.counts, { clients: 7, rooms: 2, loopDelayMs: 1, rssBytes: 5 });
  await settle();
  expect(clients()).toBe(9);
  latest(1).exit(null, 'SIGKILL');
  expect(clients()).toBe(2);
  await settle();
  latest(0).exit(null, 'SIGKILL');
  expect(clients()).toBe(0);
});

test('the number of clients is logged in S3’s format, at most once a second and only if it changed', async () => {
  const { startAll, latest, said } = createCluster();
  await startAll();
  for (let n = 0; n < 5; n++) latest(0).ipc.notify(CONTROL.clientConnect, { count: 1 });
  await settle();
  expect(said()).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(said()).toHaveLength(2);
  expect(said()[1]).toMatchObject({ msg: 'socket server connectnum:5', clients: 5 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(said()).toHaveLength(2);
});

test('stop asks every worker to drain, kills late ones, and respawns none', async () => {
  const { supervisor, startAll, forked, latest, states, onServing } = createCluster();
  await startAll();
  const asked: unknown[] = [];
  for (const { ipc: link } of forked) link.onNotice(CONTROL.drain, (body) => asked.push(body));
  const stopped = vi.fn();
  void supervisor.stop('nowhere').then(stopped);
  await settle();
  const order = { deadlineMs: 10_000, refuge: 'nowhere' };
  expect(asked).toEqual([order, order]);
  expect(states()).toEqual(['0 draining', '1 draining']);
  expect(onServing).toHaveBeenCalledWith(1, false);
  expect(supervisor.pick()).toBeUndefined();
  latest(0).exit(0);
  await vi.advanceTimersByTimeAsync(11_999);
  expect(stopped).not.toHaveBeenCalled();
  expect(latest(1).signals).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(latest(1).signals).toEqual(['SIGKILL']);
  expect(stopped).toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked).toHaveLength(2);
});

test('a stop passes its stricter order on to a worker that drains already, and no looser one', async () => {
  const { supervisor, startAll, forked, latest, ready } = createCluster();
  await startAll();
  const orders: unknown[] = [];
  forked[0]?.ipc.onNotice(CONTROL.drain, (order) => orders.push(order));
  void supervisor.reload();
  await settle();
  await ready(latest(0));
  await vi.advanceTimersByTimeAsync(4_000);
  void supervisor.stop('nowhere');
  await settle();
  expect(orders).toEqual([
    { deadlineMs: 10_000, refuge: 'here' },
    { deadlineMs: 6_000, refuge: 'nowhere' },
  ]);
  await vi.advanceTimersByTimeAsync(7_900);
  expect(forked[0]?.signals).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(forked[0]?.signals).toEqual(['SIGKILL']);
});

test('kill ends a drain at once', async () => {
  const { supervisor, startAll, forked } = createCluster();
  await startAll();
  const stopped = supervisor.stop('nowhere');
  supervisor.kill();
  await stopped;
  expect(forked.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
});

test('a stop while a slot waits in backoff leaves nothing that could start', async () => {
  const { supervisor, startAll, forked, latest } = createCluster();
  await startAll();
  latest(0).exit(1);
  const stopped = supervisor.stop('nowhere');
  latest(1).exit(0);
  await stopped;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked).toHaveLength(2);
});

test('jobs go to the ready worker of the lowest slot', async () => {
  const { supervisor, startAll, latest } = createCluster();
  expect(supervisor.pick()).toBeUndefined();
  await startAll();
  expect(supervisor.pick()).toMatchObject({ slot: 0, instanceId: latest(0).instanceId });
  latest(0).exit(1);
  expect(supervisor.pick()).toMatchObject({ slot: 1 });
});

test('before a stop every worker can say that it is not ready', async () => {
  const { supervisor, startAll, forked, states } = createCluster();
  await startAll();
  const told: number[] = [];
  for (const { ipc, slot } of forked) ipc.onNotice(CONTROL.leaving, () => told.push(slot));
  supervisor.leave();
  await settle();
  expect(told).toEqual([0, 1]);
  expect(states()).toEqual(['0 ready', '1 ready']);
});

test('a worker that is to drain before it serves is killed: it may not react, and has no clients', async () => {
  const { supervisor, startAll, forked } = createCluster();
  await startAll();
  forked[0]?.exit(1);
  await settle();
  const starting = forked.at(-1) as FakeWorker;
  const asked = vi.fn();
  starting.ipc.onNotice(CONTROL.drain, asked);
  void supervisor.stop('nowhere');
  await settle();
  expect(starting.alive).toBe(false);
  expect(asked).not.toHaveBeenCalled();
});

test('a worker that crashes soon after it is ready counts as a failed start', async () => {
  const { supervisor, startAll, latest, ready } = createCluster();
  await startAll();
  await vi.advanceTimersByTimeAsync(5_000);
  latest(0).exit(1);
  expect(supervisor.status()[0]).not.toHaveProperty('failures');
  for (const failures of [1, 2]) {
    await vi.advanceTimersByTimeAsync(500);
    await ready(latest(0));
    await vi.advanceTimersByTimeAsync(4_000);
    latest(0).exit(3);
    expect(supervisor.status()[0]).toMatchObject({ state: 'backoff', failures, reason: 'exit code 3' });
  }
});

test('a host that leaves replaces no worker that crashes, and starts none that waits', async () => {
  const { supervisor, startAll, forked, latest, ready, onWorkerGone } = createCluster();
  await startAll();
  latest(0).exit(1);
  await settle();
  await ready(latest(0));
  latest(0).exit(1);
  supervisor.leave();
  latest(1).exit(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked).toHaveLength(3);
  expect(onWorkerGone).toHaveBeenLastCalledWith(forked[1]?.instanceId, undefined);
});
