import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CONTROL } from '../../src/cluster/control.ts';
import { IPC_VERSIONS } from '../../src/cluster/ipc-versions.ts';
import type { ReloadStep, SupervisorDeps } from '../../src/cluster/supervisor.ts';
import { createFakeForks, type FakeWorker } from './fake-port.ts';
import { createCluster, settle, soak } from './supervised-cluster.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a reload drains the old worker only once the new one serves, one slot after the other', async () => {
  const { supervisor, startAll, forked, latest, ready, states } = createCluster();
  await startAll();
  const [old0, old1] = forked as [FakeWorker, FakeWorker];
  old0.ipc.notify(CONTROL.clientConnect, { count: 3 });
  await settle();
  const steps: ReloadStep[] = [];
  const reloaded = supervisor.reload((step) => steps.push(step));
  await settle();
  expect(states()).toEqual(['0 ready', '0 starting', '1 ready']);
  await ready(latest(0));
  expect(states()).toEqual(['0 draining', '0 ready', '1 ready']);
  // Whose clients are counted: the old one still has some, the one that starts has none and answers nobody.
  expect(supervisor.withClients().map(({ instanceId }) => instanceId)).toEqual([
    old0.instanceId,
    latest(0).instanceId,
    old1.instanceId,
  ]);
  old0.exit(0);
  await settle();
  expect(states()).toEqual(['0 ready', '1 ready']);
  await soak();
  expect(states()).toEqual(['0 ready', '1 ready', '1 starting']);
  await ready(latest(1));
  old1.exit(0);
  await soak();
  expect(await reloaded).toEqual({ ok: true, value: undefined });
  expect(steps).toEqual([
    { slot: 0, state: 'starting' },
    { slot: 0, state: 'draining', pid: forked[2]?.pid, clients: 3 },
    { slot: 0, state: 'done', pid: forked[2]?.pid, clients: 3 },
    { slot: 1, state: 'starting' },
    { slot: 1, state: 'draining', pid: forked[3]?.pid, clients: 0 },
    { slot: 1, state: 'done', pid: forked[3]?.pid, clients: 0 },
  ]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states()).toEqual(['0 ready', '1 ready']);
  expect(forked).toHaveLength(4);
});

test('a draining worker learns how many clients the others have taken in', async () => {
  const { supervisor, startAll, forked, latest, ready } = createCluster();
  await startAll();
  const [old0, other] = forked as [FakeWorker, FakeWorker];
  const arrivals: number[] = [];
  old0.ipc.onNotice(CONTROL.arrived, ({ count }) => arrivals.push(count));
  other.ipc.notify(CONTROL.clientConnect, { count: 7 });
  void supervisor.reload();
  await settle();
  await ready(latest(0));
  latest(0).ipc.notify(CONTROL.clientConnect, { count: 2 });
  other.ipc.notify(CONTROL.clientConnect, { count: 1 });
  old0.ipc.notify(CONTROL.clientConnect, { count: 5 });
  await settle();
  expect(arrivals).toEqual([2, 1]);
});

test.each([
  ['that greets', (later: number) => ({ rc: 7, op: 'hello', versions: { min: later, max: later + 1 } })],
  ['that does not', (later: number) => ({ rc: later, op: 'notice', kind: CONTROL.ready, body: null })],
])(
  'a reload onto a release %s and shares no IPC version ends there, and the old workers stay',
  async (_, first) => {
    const { supervisor, startAll, forked, latest, states } = createCluster();
    await startAll();
    const reloaded = supervisor.reload();
    latest(0).port.send(first(IPC_VERSIONS.max + 1), () => {});
    await settle();
    expect(await reloaded).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('restart') },
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states()).toEqual(['0 ready', '1 ready']);
    expect(forked.map(({ alive }) => alive)).toEqual([true, true, false]);
  },
);

test('a worker that dies while its successor starts leaves the slot with exactly one worker', async () => {
  const { supervisor, startAll, forked, ready, states } = createCluster();
  await startAll();
  const reloaded = supervisor.reload();
  await settle();
  forked[0]?.exit(1);
  await settle();
  expect(states()).toEqual(['0 starting', '0 starting', '1 ready']);
  const [, , successor, respawned] = forked as FakeWorker[] as [
    FakeWorker,
    FakeWorker,
    FakeWorker,
    FakeWorker,
  ];
  await ready(successor);
  await settle();
  expect(respawned.alive).toBe(false);
  await soak();
  await ready(forked.findLast(({ slot }) => slot === 1) as FakeWorker);
  forked[1]?.exit(0);
  await soak();
  expect(await reloaded).toMatchObject({ ok: true });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states()).toEqual(['0 ready', '1 ready']);
});

test('a reload ends when its new worker crashes right after it is ready, and reports a failure', async () => {
  const { supervisor, startAll, forked, latest, ready, states } = createCluster();
  await startAll();
  const reloaded = supervisor.reload();
  await settle();
  await ready(latest(0));
  latest(0).exit(1);
  expect(await reloaded).toMatchObject({ ok: false, error: { message: expect.stringContaining('slot 0') } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked.filter(({ slot }) => slot === 1)).toHaveLength(1);
  expect(states()).toContain('1 ready');
});

test('a new worker that crashes while the next slot’s new worker starts leaves that slot its old worker', async () => {
  const { supervisor, startAll, forked, latest, ready, states } = createCluster();
  await startAll();
  const steps: ReloadStep[] = [];
  const reloaded = supervisor.reload((step) => steps.push(step));
  await settle();
  await ready(latest(0));
  forked[0]?.exit(0);
  await soak();
  latest(0).exit(1);
  await settle();
  expect(await reloaded).toMatchObject({ ok: false });
  expect(steps.at(-1)).toEqual({
    slot: 1,
    state: 'failed',
    message: expect.stringMatching(/new worker of slot 0 ended \(exit code 1\); the old worker stays/),
  });
  await ready(latest(0));
  expect(states()).toEqual(['0 ready', '1 ready']);
  expect(forked[1]?.alive).toBe(true);
});

test('a reload waits for a new worker that does not report', async () => {
  const { supervisor, startAll, forked, latest, ready } = createCluster();
  await startAll();
  void supervisor.reload();
  await settle();
  await ready(latest(0));
  latest(0).hang(true);
  await vi.advanceTimersByTimeAsync(3_900);
  forked[0]?.exit(0);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(latest(1)).toBe(forked[1]);
  latest(0).hang(false);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(latest(1)).not.toBe(forked[1]);
});

test('a host that leaves ends its reload: it kills a starting worker, and the old ones stay until the stop', async () => {
  const { supervisor, startAll, forked, latest, ready, states } = createCluster();
  await startAll();
  const reloaded = supervisor.reload();
  await settle();
  // Its report is on the way already.
  latest(0).ipc.notify(CONTROL.ready, null);
  supervisor.leave();
  await settle();
  expect(await reloaded).toMatchObject({ ok: false });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked.map(({ alive }) => alive)).toEqual([true, true, false]);
  expect(states()).toEqual(['0 ready', '1 ready']);
  expect(await supervisor.reload()).toMatchObject({ ok: false });
  expect(forked).toHaveLength(3);
  await ready(forked[0] as FakeWorker);
});

test('a host that leaves starts the next slot no more when the old worker has ended', async () => {
  const { supervisor, startAll, forked, latest, ready } = createCluster();
  await startAll();
  const reloaded = supervisor.reload();
  await settle();
  await ready(latest(0));
  supervisor.leave();
  forked[0]?.exit(0);
  expect(await reloaded).toMatchObject({ ok: false, error: { message: 'the host is stopping' } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(forked).toHaveLength(3);
});

test('a process that the system cannot start is tried again later, and ends no reload with an exception', async () => {
  const forks = createFakeForks();
  let memory = true;
  const fork: SupervisorDeps['fork'] = (slot, instanceId) => {
    if (!memory) throw new Error('spawn ENOMEM');
    return forks.fork(slot, instanceId);
  };
  const { supervisor } = createCluster({ fork });
  void supervisor.start();
  for (const { ipc } of forks.all) ipc.notify(CONTROL.ready, null);
  await settle();
  memory = false;
  expect(await supervisor.reload()).toMatchObject({
    ok: false,
    error: { message: 'slot 0: no process: spawn ENOMEM; the old worker stays' },
  });
  forks.all[0]?.exit(1);
  await vi.advanceTimersByTimeAsync(2_000);
  const [row] = supervisor.status();
  expect(row).toMatchObject({ state: 'backoff', reason: 'no process: spawn ENOMEM' });
  memory = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(supervisor.status()[0]).toMatchObject({ state: 'starting' });
});
