import { Counter, collectDefaultMetrics, Gauge, type Metric, type MetricObject, Registry } from 'prom-client';
import { type OnRedisReply, REDIS_CALLS } from '../backend/redis-calls.ts';
import type { Outcome } from '../protocol/codes.ts';
import { createHistogram, createHistogramByLabel, type Histogram } from './histogram.ts';

/** Numbers that other modules keep; they are read when the metrics are scraped. */
export interface MetricSources {
  readonly clients: () => number;
  readonly rooms: () => number;
  readonly duplicatesDropped: () => number;
  readonly messagesRecovered: () => number;
  readonly probesMissed: () => number;
  readonly reconnects: () => number;
  readonly degraded: () => boolean;
  readonly awayServers: () => number;
  readonly slowClients: () => number;
  readonly overLimit: () => number;
  readonly mostWaitingBytes: () => number;
  /** Requests to the store that it has not answered yet. */
  readonly storeInFlight: () => number;
  readonly storeWaiting: () => number;
  readonly delivered: () => { readonly messages: number; readonly bytes: number };
}

interface LabelledCounter<Label extends string> {
  inc(labels: Readonly<Record<Label, string>>): void;
}

export interface Metrics {
  readonly said: { inc(): void };
  readonly refused: LabelledCounter<'code'>;
  readonly handshakesRefused: LabelledCounter<'code'>;
  readonly connected: { inc(): void };
  /** RATE_ADMIT keeps a client waiting for so long. */
  deferred(waitMs: number): void;
  readonly redisReply: OnRedisReply;
  readonly disconnected: LabelledCounter<'reason'>;
  /** A room's gathered messages are written to its members; the oldest was gathered for `waitMs`. */
  flushed(messages: number, waitMs: number): void;
  /** The task with its time to succeed measured. */
  timed<Args extends unknown[], Value>(
    what: 'append' | 'storeRoundTrip' | 'busRoundTrip',
    task: (...args: Args) => Promise<Outcome<Value>>,
  ): (...args: Args) => Promise<Outcome<Value>>;
  /** Starts to report what the other modules count. */
  watch(sources: MetricSources): void;
  readonly contentType: string;
  text(): Promise<string>;
  /** The metrics for the primary, which merges those of all workers. */
  asJson(): Promise<MetricObject[]>;
  /** Those that must not be lost with this process: counters and histograms. Cheap enough for every second. */
  totals(): Promise<MetricObject[]>;
}

/**
 * prom-client samples the event loop every 10 ms for its delay histogram. Waking an idle worker 100 times a second cost more
 * than a thousand idle connections, and a longer interval would measure itself. The primary reports the delay that each worker
 * measures for /status.
 */
const NEVER_MS = 2 ** 31 - 1;
const EVENT_LOOP_DELAY = /_eventloop_lag_(min|max|mean|stddev|p50|p90|p99)_seconds$/;
/** A name that ends in `_total` is a counter's; these are gauges, and each has a namesake by type. */
const MISNAMED_GAUGE = /_active_(handles|requests|resources)_total$/;

const PREFIX = 'roomcast_';
const APPEND_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const ROUND_TRIP_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2];
const WAIT_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2, 1];
const FLUSHED = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MS = 1_000;

/** One worker's metrics; the primary adds up those of all its workers. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (EVENT_LOOP_DELAY.test(name) || MISNAMED_GAUGE.test(name)) registry.removeSingleMetric(name);
  }
  const registers = [registry];
  const now = () => performance.now();

  function gauge(name: string, help: string, read: () => number, aggregator: 'sum' | 'max' = 'sum'): void {
    new Gauge({
      name: PREFIX + name,
      help,
      aggregator,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function readCounter(name: string, help: string, read: () => number): void {
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  function counter<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    return new Counter<Label>({ name: PREFIX + name, help, labelNames, registers });
  }

  function histogram(name: string, help: string, buckets: number[]): Pick<Histogram, 'observe'> {
    const created = createHistogram({ name: PREFIX + name, help, buckets });
    registry.registerMetric(created.metric);
    return created;
  }

  const said = counter('messages_stored_total', 'Messages of clients that the store has accepted');
  const refused = counter('events_refused_total', 'Refused events of clients, by code', 'code');
  const handshakesRefused = counter(
    'handshakes_refused_total',
    'Refused connections and CONNECTs, by code',
    'code',
  );
  const connected = counter('connections_total', 'Connections that entered a namespace');
  const disconnected = counter('disconnections_total', 'Connections that ended, by reason', 'reason');
  const deferred = counter(
    'connects_deferred_total',
    'Connects that RATE_ADMIT sent away, with a time to come back at',
  );
  let queueEndsAtMs = Number.NEGATIVE_INFINITY;
  gauge(
    'connect_queue_seconds',
    'Time until the last client that this host sent away has its turn',
    () => Math.max(0, queueEndsAtMs - now()) / MS,
    'max',
  );
  const redisReplies = createHistogramByLabel(
    {
      name: `${PREFIX}redis_round_trip_seconds`,
      help: 'Time from a call to Redis until its reply, by what it does',
      buckets: ROUND_TRIP_S,
    },
    'call',
    REDIS_CALLS,
  );
  registry.registerMetric(redisReplies.metric);
  const durations = {
    append: histogram('append_duration_seconds', 'Time until the store acknowledged an entry', APPEND_S),
    storeRoundTrip: histogram(
      'store_round_trip_seconds',
      'Time of a health check of the store',
      ROUND_TRIP_S,
    ),
    busRoundTrip: histogram('bus_round_trip_seconds', 'Time of a probe over the bus and back', ROUND_TRIP_S),
  };
  const waits = histogram(
    'delivery_wait_seconds',
    'Time from the arrival of a room’s oldest gathered message until it is written to the members',
    WAIT_S,
  );
  const sizes = histogram('flush_messages', 'Messages that are written to a room’s members at once', FLUSHED);

  return {
    said,
    refused,
    handshakesRefused,
    connected,
    deferred(waitMs) {
      deferred.inc();
      queueEndsAtMs = Math.max(queueEndsAtMs, now() + waitMs);
    },
    redisReply: (call, ms) => redisReplies.observe(call, ms / MS),
    disconnected,
    flushed(messages, waitMs) {
      sizes.observe(messages);
      waits.observe(waitMs / MS);
    },
    timed(what, task) {
      const distribution = durations[what];
      return async (...args) => {
        const startedAt = now();
        const outcome = await task(...args);
        if (outcome.ok) distribution.observe((now() - startedAt) / MS);
        return outcome;
      };
    },
    watch(sources) {
      gauge('clients', 'Open connections', sources.clients);
      gauge('rooms_local', 'Rooms with a member on this worker', sources.rooms);
      gauge('degraded', '1 while the store or the bus is away, or one of several servers', () =>
        sources.degraded() ? 1 : 0,
      );
      gauge(
        'store_servers_away',
        'Servers of the store that are away while others serve',
        sources.awayServers,
      );
      readCounter(
        'messages_delivered_total',
        'Messages of rooms times the members they were written to',
        () => sources.delivered().messages,
      );
      readCounter(
        'delivered_bytes_total',
        'Bytes of these messages, as WebSocket frames',
        () => sources.delivered().bytes,
      );
      readCounter(
        'room_duplicates_dropped_total',
        'Messages that the bus delivered twice, dropped by their number',
        sources.duplicatesDropped,
      );
      readCounter(
        'room_messages_recovered_total',
        'Messages that the bus lost, read from the log',
        sources.messagesRecovered,
      );
      readCounter(
        'bus_probes_missed_total',
        'Probes over the bus that did not come back',
        sources.probesMissed,
      );
      readCounter(
        'bus_reconnects_total',
        'Connections of the bus replaced because they delivered nothing',
        sources.reconnects,
      );
      readCounter('slow_clients_total', 'Clients closed because they read too slowly', sources.slowClients);
      readCounter('over_limit_clients_total', 'Clients closed because they sent too much', sources.overLimit);
      gauge(
        'client_waiting_bytes_max',
        'The most bytes that wait for one client',
        sources.mostWaitingBytes,
        'max',
      );
      gauge('store_requests_in_flight', 'Requests that the store has not answered', sources.storeInFlight);
      gauge('store_requests_waiting', 'Requests that wait for admission to the store', sources.storeWaiting);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
    asJson: () => registry.getMetricsAsJSON(),
    totals: () =>
      Promise.all(
        registry
          .getMetricsAsArray()
          // Typed as an enum that prom-client does not have.
          .filter(({ type }) => `${type}` === 'counter' || `${type}` === 'histogram')
          .flatMap(({ name }) => (registry.getSingleMetric(name) as Metric | undefined)?.get() ?? []),
      ),
  };
}
