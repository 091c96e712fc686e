import { AggregatorRegistry, Counter, Gauge, type MetricObject, Registry } from 'prom-client';
import type { Outcome } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import { ADMIN_ANSWER_MS } from './answer-limit.ts';
import type { RequestKind } from './ipc.ts';
import type { Supervisor } from './supervisor.ts';

/*
 * The metrics of a host: those of its workers, added up, and the primary's own.
 *
 * Counters of the sum never fall, or Prometheus would take the fall for a restart and count everything again. So each worker
 * sends its totals every second, and soon after it delivered something; the totals of a worker that ended stay in the sum, and a worker that does not answer a scrape
 * counts with its last ones.
 */

/** The whole cluster, as the store counts it. */
export interface ClusterCounts {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

export interface HostMetricsDeps {
  readonly version: string;
  readonly workers: Pick<Supervisor, 'withClients' | 'status'>;
  readonly question: RequestKind<null, MetricObject[]>;
  /** Answers within the admin port's limit. */
  readonly cluster: () => Promise<Outcome<ClusterCounts>>;
  /** Succeeds if the store answers, within the same limit. */
  readonly store: () => Promise<Outcome<void>>;
}

export interface HostMetrics {
  /** A worker's totals, which replace its last ones. */
  took(instanceId: string, totals: MetricObject[]): void;
  /** The worker ended; `reason` says why it is replaced, undefined where that was wanted. */
  ended(instanceId: string, reason: string | undefined): void;
  reloaded(ok: boolean): void;
  /** The last totals of every worker, and those of the ended ones: a metric comes several times, and its sum never falls. */
  totals(): Promise<readonly MetricObject[]>;
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

const PREFIX = 'roomcast_';
type StoreAnswers = Promise<[counts: Outcome<ClusterCounts>, store: Outcome<void>]>;

/** The last totals of a worker may arrive after its exit is known. */
const LATE_MS = 1_000;
/** Nothing arrives any more from a worker that so many others have followed. */
const SUMMED_KEPT = 100;

export function createHostMetrics(deps: HostMetricsDeps): HostMetrics & Sized {
  const { workers, question, version } = deps;
  const registry = new Registry();
  const registers = [registry];
  const live = new Map<string, MetricObject[]>();
  let ended: Promise<MetricObject[]> = Promise.resolve([]);
  /** Ended workers whose totals are in the sum, the last ones: what still arrives from them would count twice. */
  const summed = new Set<string>();

  const gauge = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge<Label>({ name: PREFIX + name, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, label: Label) =>
    new Counter<Label>({ name: PREFIX + name, help, labelNames: [label], registers });

  const build = gauge('build_info', 'Always 1; the labels say what runs', 'version', 'node');
  const up = gauge(
    'worker_up',
    '0 while the numbers of this slot’s worker are missing here: it hangs, starts or does not run',
    'slot',
  );
  const delay = gauge('worker_event_loop_delay_seconds', 'p99 of the last second', 'slot');
  const memory = gauge('worker_memory_bytes', 'Resident memory of the slot’s worker', 'slot');
  const storeUp = gauge('store_up', '1 if the primary’s last question to the store was answered');
  const cluster = gauge('cluster_members', 'The whole cluster, as the store counts it', 'kind');
  const replaced = counter('worker_restarts_total', 'Workers that ended unasked and were replaced', 'reason');
  const reloads = counter('reloads_total', 'Rolling reloads, by result', 'result');
  const reloadOk = gauge('last_reload_successful', '1 if the last rolling reload replaced every worker');
  build.set({ version, node: process.version }, 1);
  // A series that begins at 1 has no increase, so the known ones begin at 0.
  for (const result of ['ok', 'failed']) reloads.inc({ result }, 0);
  for (const reason of ['start', 'hung', 'crash']) replaced.inc({ reason }, 0);
  reloadOk.set(1);

  async function refresh(answered: ReadonlySet<number>, asked: StoreAnswers): Promise<void> {
    for (const { slot, loopDelayMs, rssBytes, state } of workers.status()) {
      // While a slot is reloaded, the row of the worker that serves counts.
      if (state === 'draining') continue;
      up.set({ slot }, answered.has(slot) ? 1 : 0);
      delay.set({ slot }, loopDelayMs / 1_000);
      memory.set({ slot }, rssBytes);
    }
    const [counts, store] = await asked;
    // A large cluster may be still being counted, by a store that is there.
    storeUp.set(counts.ok || store.ok ? 1 : 0);
    // Without an answer there are no numbers: the last ones would be taken for true.
    if (!counts.ok) return cluster.reset();
    const { hosts, workers: processes, clients, users, rooms } = counts.value;
    for (const [kind, value] of Object.entries({ hosts, workers: processes, clients, users, rooms }))
      cluster.set({ kind }, value);
  }

  function took(instanceId: string, totals: MetricObject[]): void {
    if (!summed.has(instanceId)) live.set(instanceId, totals);
  }

  function add(instanceId: string): void {
    const last = live.get(instanceId);
    live.delete(instanceId);
    summed.add(instanceId);
    const [oldest] = summed;
    if (oldest !== undefined && summed.size > SUMMED_KEPT) summed.delete(oldest);
    if (last) ended = ended.then((sum) => AggregatorRegistry.aggregate([sum, last]).getMetricsAsJSON());
  }

  return {
    sizes: () => ({ live: live.size, summed: summed.size }),
    took,
    ended(instanceId, reason) {
      if (reason !== undefined) replaced.inc({ reason });
      setTimeout(() => add(instanceId), LATE_MS).unref();
    },
    reloaded(ok) {
      reloads.inc({ result: ok ? 'ok' : 'failed' });
      reloadOk.set(ok ? 1 : 0);
    },
    async totals() {
      // Taken in one turn, as in a scrape.
      const living = [...live.values()].flat();
      return [...(await ended), ...living];
    },
    async scrape() {
      // The page waits for a hung worker and a silent store at the same time.
      const storeAnswers = Promise.all([deps.cluster(), deps.store()]);
      const asked = workers.withClients();
      const answers = await Promise.all(
        asked.map(async (worker) => {
          const answer = await worker.request(question, null, ADMIN_ANSWER_MS);
          // At once: behind a hung worker's answer it could replace newer totals.
          if (answer.ok) took(worker.instanceId, totalsOf(answer.value));
          return answer;
        }),
      );
      const answered = new Set<number>();
      // Taken in one turn, so that a worker that ends meanwhile counts once: among the living or in the sum.
      const current = new Map<string, MetricObject[]>(live);
      const sum = ended;
      for (const [index, answer] of answers.entries()) {
        const worker = asked[index];
        const totals = worker && live.get(worker.instanceId);
        if (!answer.ok || !totals) continue;
        answered.add(worker.slot);
        current.set(worker.instanceId, [...gaugesOf(answer.value), ...totals]);
      }
      await refresh(answered, storeAnswers);
      const merged = AggregatorRegistry.aggregate([
        await registry.getMetricsAsJSON(),
        await sum,
        ...current.values(),
      ]);
      return { contentType: merged.contentType, text: await merged.metrics() };
    },
  };
}

// The type is typed as an enum that prom-client does not have.
const gaugesOf = (metrics: readonly MetricObject[]) => metrics.filter(({ type }) => `${type}` === 'gauge');
const totalsOf = (metrics: readonly MetricObject[]) => metrics.filter(({ type }) => `${type}` !== 'gauge');
