import type { MetricObject, MetricObjectWithValues, MetricValueWithName } from 'prom-client';

/** The upper bounds of a histogram's buckets in seconds, and how many observations are not above each. */
export type Buckets = ReadonlyMap<number, number>;

/** The sums of what all workers of the host have counted since the primary started. */
export interface Totals {
  readonly acks: number;
  readonly deliveries: number;
  /** Refused events and handshakes by code. */
  readonly refused: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
  readonly ack: Buckets;
  readonly wait: Buckets;
  readonly store: Buckets;
}

/** The counters that the page lists by these names. */
const COUNTS: ReadonlyMap<string, string> = new Map([
  ['roomcast_room_messages_recovered_total', 'holes repaired from the log'],
  ['roomcast_room_duplicates_dropped_total', 'repeats of the bus dropped'],
  ['roomcast_bus_probes_missed_total', 'probes of the bus missed'],
  ['roomcast_bus_reconnects_total', 'connections of the bus replaced'],
  ['roomcast_slow_clients_total', 'slow clients closed'],
  ['roomcast_over_limit_clients_total', 'clients over their limits closed'],
  ['roomcast_connects_deferred_total', 'connects sent away for later'],
]);

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['roomcast_events_refused_total', ''],
  ['roomcast_handshakes_refused_total', ' (connecting)'],
]);

const ACKS = new Set(['roomcast_messages_stored_total', 'roomcast_private_messages_stored_total']);
const DELIVERIES = 'roomcast_messages_delivered_total';
const ACK = 'roomcast_append_duration_seconds';
const WAIT = 'roomcast_delivery_wait_seconds';
const CALLS = 'roomcast_redis_round_trip_seconds';
/** The embedded store has no calls to Redis: its health check is measured instead. */
const CHECKS = 'roomcast_store_round_trip_seconds';

type Sample = MetricValueWithName<string>;

/** Sums the metrics of all workers. A metric comes once for each worker, and may be missing in one of another release. */
export function totalsOf(metrics: readonly MetricObject[], store: 'Redis' | 'embedded'): Totals {
  const refused = new Map<string, number>();
  const counts = new Map<string, number>([...COUNTS.values()].map((name) => [name, 0]));
  const [ack, wait, stored] = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
  ];
  const histograms = new Map([
    [ACK, ack],
    [WAIT, wait],
    [store === 'Redis' ? CALLS : CHECKS, stored],
  ]);
  let acks = 0;
  let deliveries = 0;
  for (const { name, values } of metrics as readonly MetricObjectWithValues<Sample>[]) {
    const buckets = histograms.get(name);
    if (buckets) addBuckets(buckets, values);
    const count = COUNTS.get(name);
    if (count !== undefined) counts.set(count, (counts.get(count) ?? 0) + sumOf(values));
    if (ACKS.has(name)) acks += sumOf(values);
    if (name === DELIVERIES) deliveries += sumOf(values);
    const suffix = REFUSED.get(name);
    if (suffix === undefined) continue;
    for (const { labels, value } of values) {
      const code = `${labels.code}${suffix}`;
      refused.set(code, (refused.get(code) ?? 0) + value);
    }
  }
  return { acks, deliveries, refused, counts, ack, wait, store: stored };
}

function sumOf(values: readonly Sample[]): number {
  return values.reduce((sum, { value }) => sum + value, 0);
}

function addBuckets(buckets: Map<number, number>, values: readonly Sample[]): void {
  for (const { labels, value, metricName } of values) {
    if (!metricName?.endsWith('_bucket')) continue;
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
}

/**
 * Returns the quantile in ms of what was observed between the two, as Prometheus estimates it: evenly within a bucket. Null if
 * nothing was observed.
 */
export function quantileMs(before: Buckets, after: Buckets, quantile: number): number | null {
  const bounds = [...after.keys()].sort((one, other) => one - other);
  const risen = bounds.map((bound) => Math.max(0, (after.get(bound) ?? 0) - (before.get(bound) ?? 0)));
  const all = risen.at(-1) ?? 0;
  if (all === 0) return null;
  const rank = quantile * all;
  const index = risen.findIndex((count) => count >= rank);
  const upper = bounds[index] ?? 0;
  const lower = bounds[index - 1] ?? 0;
  // Nothing is known of what lies above the highest bound.
  if (!Number.isFinite(upper)) return lower * 1_000;
  const below = risen[index - 1] ?? 0;
  const within = (risen[index] ?? 0) - below;
  return (lower + (upper - lower) * (within === 0 ? 1 : (rank - below) / within)) * 1_000;
}
