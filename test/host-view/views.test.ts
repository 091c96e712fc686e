import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CHAT_MESSAGES } from '../../src/chat-messages.ts';
import type { WorkerStatus } from '../../src/cluster/control.ts';
import type { WorkerIpc } from '../../src/cluster/ipc.ts';
import { createEventLog } from '../../src/host-view/event-log.ts';
import { createHostViews } from '../../src/host-view/views.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';
import { silentLog } from '../cluster/silent-log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const EARLIER = refuse('unavailable', 'the other process is of an earlier release');
const ACTIVITY = {
  version: '1.2.3',
  largest: [{ nsp: '/', roomid: 'tea', clients: 3, messages: 1, deliveries: 3 }],
  busiest: [],
};

/** A host of two workers, the second of which answers as told. */
function setUp(second: () => Promise<Outcome<unknown>> | Outcome<unknown> = () => succeed(ACTIVITY)) {
  const asked: string[] = [];
  const stage = { readiness: succeed(undefined) as Outcome<unknown> };
  const worker = (slot: number) =>
    ({
      slot,
      pid: 100 + slot,
      instanceId: `worker ${slot}`,
      async request(kind: string) {
        if (kind === CHAT_MESSAGES.readiness) return stage.readiness;
        asked.push(`${slot}`);
        return slot === 0 ? succeed(ACTIVITY) : second();
      },
    }) as unknown as WorkerIpc;
  const rows = [0, 1].map(
    (slot): WorkerStatus => ({
      slot,
      pid: 100 + slot,
      port: 6001 + slot,
      clients: 3,
      rooms: 1,
      loopDelayMs: 2,
      rssBytes: 80_000_000,
      state: 'ready',
    }),
  );
  const workers = [worker(0), worker(1)];
  const events = createEventLog({ now: Date.now });
  const store = {
    away: [] as string[],
    recentOverview: async () => succeed({ hosts: 1, workers: 2, clients: 6, users: 5, rooms: 1 }),
    hosts: async () => succeed([{ name: 'here', workers: 2, clients: 6 }]),
    check: (): Promise<Outcome<void>> => Promise.resolve(succeed(undefined)),
    awayServers: () => store.away,
    warnings: ['appendonly is off'],
  };
  const views = createHostViews({
    host: 'here',
    primary: { pid: 99, version: '1.2.3', startedAt: 5 },
    storeKind: 'Redis',
    workers: { status: () => rows, ready: () => workers, withClients: () => workers },
    totals: async () => [],
    store,
    events,
    now: Date.now,
    elapsedMs: Date.now,
    log: silentLog,
  });
  return { asked, stage, store, events, views };
}

it('the view adds up the rooms and names the release of each worker', async () => {
  const { views } = setUp();
  const view = await views.view();
  expect(view.rooms).toEqual({
    largest: [{ nsp: '/', roomid: 'tea', clients: 6, messages: 1, deliveries: 6 }],
    busiest: [{ nsp: '/', roomid: 'tea', clients: 6, messages: 1, deliveries: 6 }],
    missing: [],
  });
  expect(view.workers.map(({ slot, version, restarts }) => [slot, version, restarts])).toEqual([
    [0, '1.2.3', 0],
    [1, '1.2.3', 0],
  ]);
  expect(view.store).toEqual({
    kind: 'Redis',
    up: true,
    checkMs: 0,
    away: [],
    warnings: ['appendonly is off'],
  });
});

it('a worker of an earlier release takes only its rooms and its version from the page', async () => {
  const { views } = setUp(() => EARLIER);
  const view = await views.view();
  expect(view.rooms.largest).toEqual([{ nsp: '/', roomid: 'tea', clients: 3, messages: 1, deliveries: 3 }]);
  expect(view.rooms.missing).toEqual([{ slot: 1, reason: 'the other process is of an earlier release' }]);
  expect(view.workers.map(({ version }) => version)).toEqual(['1.2.3', undefined]);
});

it('a store that hangs is waited for less than a second', async () => {
  const { views, store } = setUp();
  store.check = () => new Promise(() => {});
  const view = views.view();
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await view).store).toEqual({
    kind: 'Redis',
    up: false,
    checkMs: 900,
    error: 'no answer within 900 ms',
    away: [],
    warnings: ['appendonly is off'],
  });
});

it('however many look, workers and store are asked every five seconds, and nobody is while none looks', async () => {
  const { views, asked } = setUp();
  views.open();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([]);
  await Promise.all([views.view(), views.view(), views.view()]);
  await vi.advanceTimersByTimeAsync(4_000);
  await views.view();
  expect(asked).toEqual(['0', '1']);
  await vi.advanceTimersByTimeAsync(1_000);
  await views.view();
  expect(asked).toEqual(['0', '1', '0', '1']);
  views.close();
});

it('points and the reasons of a degraded host are collected also while nobody looks', async () => {
  const { views, stage, store, events } = setUp();
  views.open();
  await vi.advanceTimersByTimeAsync(5_000);
  stage.readiness = refuse('unavailable', 'the store is away');
  await vi.advanceTimersByTimeAsync(5_000);
  stage.readiness = succeed(undefined);
  store.away = ['redis2'];
  await vi.advanceTimersByTimeAsync(5_000);
  store.away = [];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(events.events().map(({ text }) => text)).toEqual([
    'the host serves well again',
    'degraded: redis2 is away',
    'degraded: the store is away',
  ]);
  const { series } = await views.view();
  expect(series.clients).toEqual([6, 6, 6, 6]);
  views.close();
});
