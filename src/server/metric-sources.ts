import type { MetricRegistry } from './metric-registry.ts';

/** Numbers that other modules keep; they are read when the metrics are scraped. */
export interface MetricSources {
  readonly clients: () => number;
  readonly pollingClients: () => number;
  readonly rooms: () => number;
  readonly duplicatesDropped: () => number;
  readonly messagesRecovered: () => number;
  readonly probesMissed: () => number;
  readonly reconnects: () => number;
  readonly degraded: () => boolean;
  readonly awayServers: () => number;
  readonly nearlyFull: () => boolean;
  readonly slowClients: () => number;
  readonly overLimit: () => number;
  readonly mostWaitingBytes: () => number;
  /** Requests to the store that it has not answered yet. */
  readonly storeInFlight: () => number;
  readonly storeWaiting: () => number;
  /** From 0, nothing is gathered, to 1. */
  readonly saturation: () => number;
  readonly delivered: () => { readonly messages: number; readonly presence: number; readonly bytes: number };
  /** Events that the receiver of HOOK_URL has taken from this worker. */
  readonly hookEventsSent: () => number;
  readonly hookEventsDropped: () => number;
  readonly hookFailures: () => number;
  /** The receiver has taken nothing, or refused a room’s event, for so long; 0 while it takes what it is sent. */
  readonly hookFailingMs: () => number;
}

/** Reports these numbers from now on. */
export function reportSources({ gauge, readCounter }: MetricRegistry, sources: MetricSources): void {
  gauge('clients', 'Open connections', sources.clients);
  gauge('polling_clients', 'Open connections that poll over HTTP', sources.pollingClients);
  gauge('rooms_local', 'Rooms with a member on this worker', sources.rooms);
  gauge(
    'degraded',
    '1 while the store or the bus is away, or one of several servers',
    () => (sources.degraded() ? 1 : 0),
    'max',
  );
  gauge(
    'store_servers_away',
    'Servers of the store that are away while others serve',
    sources.awayServers,
    'max',
  );
  gauge(
    'store_nearly_full',
    '1 while the store refuses new rooms of people, and items for users who were never there',
    () => (sources.nearlyFull() ? 1 : 0),
    'max',
  );
  readCounter(
    'messages_delivered_total',
    'Messages of rooms times the members they were written to',
    () => sources.delivered().messages,
  );
  readCounter(
    'presence_delivered_total',
    'Changes of presence among these messages, times the members',
    () => sources.delivered().presence,
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
  readCounter('bus_probes_missed_total', 'Probes over the bus that did not come back', sources.probesMissed);
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
  gauge(
    'gathering_level',
    'How long messages and calls to Redis are gathered, from 0, not at all, to 1, as long as may be',
    sources.saturation,
    'max',
  );
  readCounter(
    'hook_events_sent_total',
    'Events that the receiver of HOOK_URL has taken',
    sources.hookEventsSent,
  );
  readCounter(
    'hook_events_dropped_total',
    'Messages that left their logs before the receiver of HOOK_URL took them',
    sources.hookEventsDropped,
  );
  readCounter(
    'hook_failures_total',
    'Requests that the receiver of HOOK_URL did not take',
    sources.hookFailures,
  );
  gauge(
    'hook_failing_seconds',
    'Time since the receiver of HOOK_URL takes nothing, or refuses a room’s event; 0 while it takes all',
    () => sources.hookFailingMs() / 1_000,
    'max',
  );
}
