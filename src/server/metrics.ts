import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Numbers that other modules keep; they are read when the metrics are scraped. */
export interface MetricSources {
  readonly clients: () => number;
  readonly rooms: () => number;
  readonly duplicatesDropped: () => number;
  readonly messagesRecovered: () => number;
  readonly probesMissed: () => number;
  readonly reconnects: () => number;
  readonly degraded: () => boolean;
  readonly slowClients: () => number;
  readonly overLimit: () => number;
  readonly mostWaitingBytes: () => number;
  /** Requests to the store that it has not answered yet. */
  readonly storeInFlight: () => number;
  readonly storeWaiting: () => number;
}

export interface Metrics {
  readonly said: { inc(): void };
  readonly refused: { inc(labels: { code: string }): void };
  readonly contentType: string;
  text(): Promise<string>;
  /** The metrics for the primary, which merges those of all workers. */
  asJson(): Promise<object[]>;
}

/**
 * prom-client samples the event loop every 10 ms for its delay histogram. Waking an idle worker 100 times a second cost more
 * than a thousand idle connections, and a longer interval would measure itself. `eventloop_lag_seconds`, which is measured at
 * each scrape, stays, and /status shows the worker's delay.
 */
const NEVER_MS = 2 ** 31 - 1;
const EVENT_LOOP_DELAY = /_eventloop_lag_(min|max|mean|stddev|p50|p90|p99)_seconds$/;

const PREFIX = 'roomcast_';

/** One worker's metrics; the primary adds up those of all its workers. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (EVENT_LOOP_DELAY.test(name)) registry.removeSingleMetric(name);
  }
  const registers = [registry];

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

  function counter(name: string, help: string, read: () => number): void {
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

  gauge('clients', 'Open connections', sources.clients);
  gauge('rooms_local', 'Rooms with a member on this worker', sources.rooms);
  gauge('degraded', '1 while the store or the bus is away', () => (sources.degraded() ? 1 : 0));
  counter(
    'room_duplicates_dropped_total',
    'Messages that the bus delivered twice, dropped by their number',
    sources.duplicatesDropped,
  );
  counter(
    'room_messages_recovered_total',
    'Messages that the bus lost, read from the log',
    sources.messagesRecovered,
  );
  counter('bus_probes_missed_total', 'Probes over the bus that did not come back', sources.probesMissed);
  counter(
    'bus_reconnects_total',
    'Connections of the bus replaced because they delivered nothing',
    sources.reconnects,
  );
  counter('slow_clients_total', 'Clients closed because they read too slowly', sources.slowClients);
  counter('over_limit_clients_total', 'Clients closed because they sent too much', sources.overLimit);
  gauge(
    'client_waiting_bytes_max',
    'The most bytes that wait for one client',
    sources.mostWaitingBytes,
    'max',
  );
  gauge('store_requests_in_flight', 'Requests that the store has not answered', sources.storeInFlight);
  gauge('store_requests_waiting', 'Requests that wait for admission to the store', sources.storeWaiting);
  const said = new Counter({
    name: `${PREFIX}messages_stored_total`,
    help: 'Messages of clients that the store has accepted',
    registers,
  });
  const refused = new Counter({
    name: `${PREFIX}events_refused_total`,
    help: 'Refused events of clients, by code',
    labelNames: ['code'] as const,
    registers,
  });

  return {
    said,
    refused,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    asJson: () => registry.getMetricsAsJSON(),
  };
}
