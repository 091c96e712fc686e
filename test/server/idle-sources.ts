import type { MetricSources } from '../../src/server/metric-sources.ts';

const zero = () => 0;

/** The sources of a worker on which nothing has happened. */
export const IDLE_SOURCES: MetricSources = {
  clients: zero,
  pollingClients: zero,
  rooms: zero,
  duplicatesDropped: zero,
  messagesRecovered: zero,
  probesMissed: zero,
  reconnects: zero,
  degraded: () => false,
  awayServers: zero,
  nearlyFull: () => false,
  slowClients: zero,
  overLimit: zero,
  mostWaitingBytes: zero,
  storeInFlight: zero,
  storeWaiting: zero,
  saturation: zero,
  hookEventsSent: zero,
  hookEventsDropped: zero,
  hookFailures: zero,
  hookFailingMs: zero,
  delivered: () => ({ messages: 0, presence: 0, bytes: 0 }),
};
