import { Counter, Gauge, type MetricObject, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WorkerStatus } from '../../src/cluster/control.ts';
import { createHostMetrics } from '../../src/cluster/host-metrics.ts';
import type { WorkerIpc } from '../../src/cluster/ipc.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';

/** A worker's registry with one counter and one gauge. */
function worker(slot: number, instanceId: string) {
  const registry = new Registry();
  const said = new Counter({ name: 'roomcast_said_total', help: 'said', registers: [registry] });
  const clients = new Gauge({ name: 'roomcast_clients', help: 'clients', registers: [registry] });
  const metric = { said, clients };
  return {
    slot,
    instanceId,
    ...metric,
    answers: true,
    asJson: () => registry.getMetricsAsJSON(),
    totals: async (): Promise<MetricObject[]> => [await said.get()],
  };
}
type FakeWorker = ReturnType<typeof worker>;

const COUNTS = { hosts: 2, workers: 4, clients: 9, users: 8, rooms: 7 };

function host(...serving: FakeWorker[]) {
  const stage = {
    serving,
    counts: succeed(COUNTS) as Outcome<typeof COUNTS>,
    store: succeed(undefined) as Outcome<void>,
  };
  const row = ({ slot }: FakeWorker): WorkerStatus => ({
    slot,
    pid: 1,
    port: 6001 + slot,
    clients: 0,
    rooms: 0,
    loopDelayMs: 12,
    rssBytes: 80_000_000,
    state: 'ready',
  });
  const metrics = createHostMetrics({
    version: '1.2.3',
    workers: {
      status: () => stage.serving.map(row),
      withClients: () =>
        stage.serving.map((one) => {
          const request = async () =>
            one.answers ? succeed(await one.asJson()) : refuse('unavailable', 'no answer within 1000 ms');
          return { slot: one.slot, instanceId: one.instanceId, request } as unknown as WorkerIpc;
        }),
    },
    question: 'metrics',
    cluster: async () => stage.counts,
    store: async () => stage.store,
  });
  const read = async (series: string) => {
    const { text } = await metrics.scrape();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  };
  return { stage, metrics, read };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('the metrics of a host', () => {
  it('are those of its workers, added up', async () => {
    const [one, two] = [worker(0, 'a'), worker(1, 'b')];
    one.said.inc(3);
    two.said.inc(4);
    one.clients.set(5);
    two.clients.set(6);
    const { read } = host(one, two);
    expect(await read('roomcast_said_total')).toBe(7);
    expect(await read('roomcast_clients')).toBe(11);
    expect(await read('roomcast_worker_up{slot="1"}')).toBe(1);
    expect(await read('roomcast_worker_event_loop_delay_seconds{slot="0"}')).toBe(0.012);
    expect(await read(`roomcast_build_info{version="1.2.3",node="${process.version}"}`)).toBe(1);
  });

  it('keep the counters of a worker that ended, also those that arrive after its exit, and drop its gauges', async () => {
    const [one, two] = [worker(0, 'a'), worker(1, 'b')];
    one.clients.set(5);
    const { stage, metrics, read } = host(one, two);
    one.said.inc(3);
    metrics.took('a', await one.totals());
    stage.serving = [two];
    metrics.ended('a', 'crash');
    expect(await read('roomcast_said_total')).toBe(3);
    one.said.inc(2);
    metrics.took('a', await one.totals());
    expect(await read('roomcast_said_total')).toBe(5);
    await vi.advanceTimersByTimeAsync(5_000);
    two.said.inc(10);
    expect(await read('roomcast_said_total')).toBe(15);
    metrics.took('a', await one.totals());
    expect(await read('roomcast_said_total')).toBe(15);
    expect(await read('roomcast_clients')).toBe(0);
    expect(await read('roomcast_worker_restarts_total{reason="crash"}')).toBe(1);
  });

  it('remember no more than the last ended workers, however many end', async () => {
    const { metrics } = host(worker(0, 'a'));
    for (let n = 0; n < 150; n += 1) metrics.ended(`ended ${n}`, 'crash');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(metrics.sizes()).toEqual({ live: 0, summed: 100 });
  });

  it('keep the counters of a worker that hangs, and name it', async () => {
    const [one, two] = [worker(0, 'a'), worker(1, 'b')];
    const { metrics, read } = host(one, two);
    one.said.inc(3);
    metrics.took('a', await one.totals());
    one.answers = false;
    expect(await read('roomcast_said_total')).toBe(3);
    expect(await read('roomcast_worker_up{slot="0"}')).toBe(0);
    expect(await read('roomcast_worker_up{slot="1"}')).toBe(1);
  });

  it('count a worker’s end that was wanted as no restart, and a reload by its result', async () => {
    const { metrics, read } = host(worker(0, 'a'));
    metrics.ended('z', undefined);
    expect(await read('roomcast_worker_restarts_total{reason="crash"}')).toBe(0);
    expect(await read('roomcast_reloads_total{result="ok"}')).toBe(0);
    metrics.reloaded(false);
    expect(await read('roomcast_reloads_total{result="failed"}')).toBe(1);
    expect(await read('roomcast_last_reload_successful')).toBe(0);
  });

  it('have the whole cluster’s counts, and none of them while the store does not answer', async () => {
    const { stage, read } = host(worker(0, 'a'));
    expect(await read('roomcast_cluster_members{kind="users"}')).toBe(8);
    expect(await read('roomcast_store_up')).toBe(1);
    stage.counts = refuse('unavailable', 'the cluster is being counted');
    expect(await read('roomcast_cluster_members{kind="users"}')).toBeUndefined();
    expect(await read('roomcast_store_up')).toBe(1);
    stage.counts = refuse('unavailable', 'the store is away');
    stage.store = stage.counts;
    expect(await read('roomcast_store_up')).toBe(0);
  });
});
