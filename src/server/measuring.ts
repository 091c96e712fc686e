import type { WorkerBackend } from '../backend/backend.ts';
import type { Admission } from '../chat/admission.ts';
import type { Feeds } from '../chat/feeds.ts';
import type { RoomLogs } from '../chat/log-store.ts';
import type { Saturation } from '../cluster/saturation.ts';
import type { Sized } from '../sizes.ts';
import { createRoomTally, type RoomTally } from './delivery/room-tally.ts';
import { type Edge, type EdgeDeps, openEdge } from './edge.ts';
import type { Health } from './health.ts';
import type { Hooks } from './hooks/hooks.ts';
import type { MetricSources } from './metric-sources.ts';
import type { Metrics } from './metrics.ts';

/** Engine.IO's codes for a refused request, by number. */
const ENGINE_CODES = [
  'transport_unknown',
  'session_unknown',
  'handshake_method',
  'request',
  'forbidden',
  'protocol_version',
];

export interface MeasuredEdgeDeps extends Omit<EdgeDeps, 'onFlush' | 'onFull'> {
  readonly metrics: Metrics;
  /** Messages were delivered. */
  readonly onActivity: () => void;
}

export interface MeasuredEdge extends Edge {
  readonly roomTally: Pick<RoomTally, 'report'>;
}

export async function openMeasuredEdge(deps: MeasuredEdgeDeps): Promise<MeasuredEdge & Sized> {
  const { metrics, onActivity, log } = deps;
  const edge = await openEdge({
    ...deps,
    onFull() {
      metrics.handshakesRefused.inc({ code: 'unavailable' });
      log.warn('MAX_WORKER_CLIENTS connections are open: further ones are refused');
    },
    onFlush(messages, waitMs, room, members) {
      metrics.flushed(messages, waitMs);
      roomTally.written(room, messages, members);
      onActivity();
    },
  });
  const roomTally = createRoomTally({ namespaces: edge.namespaces, now: () => performance.now() });
  edge.engine.on('connection_error', ({ code }: { code: number }) =>
    metrics.handshakesRefused.inc({ code: ENGINE_CODES[code] ?? 'other' }),
  );
  return { ...edge, roomTally };
}

/** The same backend, with the time of every append measured. */
export function measureAppends<Backend extends Pick<WorkerBackend, 'logs'>>(
  backend: Backend,
  { timed }: Pick<Metrics, 'timed'>,
): Backend {
  // One by one: the logs of the embedded store are made when they are read, and cannot be spread.
  const { append, read, replace, amend, tops, unread, known } = backend.logs;
  const logs: RoomLogs = { append: timed('append', append), read, replace, amend, tops, unread, known };
  return { ...backend, logs };
}

export interface MeasuredParts {
  readonly edge: Edge;
  readonly feeds: Pick<Feeds, 'rooms' | 'counters'>;
  readonly health: Pick<Health, 'counters' | 'degradedSince' | 'awayServers'>;
  readonly admission: Pick<Admission, 'state'>;
  readonly saturation: Pick<Saturation, 'level'>;
  readonly backend: Pick<WorkerBackend, 'isNearlyFull'>;
  readonly hooks: Pick<Hooks<unknown>, 'counts'>;
}

export function metricSources({
  edge,
  feeds,
  health,
  admission,
  saturation,
  backend,
  hooks,
}: MeasuredParts): MetricSources {
  const { clients, delivery, slowClients, traffic } = edge;
  return {
    clients,
    pollingClients: edge.pollingClients,
    rooms: () => feeds.rooms().length,
    duplicatesDropped: () => feeds.counters.duplicatesDropped,
    messagesRecovered: () => feeds.counters.messagesRecovered,
    probesMissed: () => health.counters.probesMissed,
    reconnects: () => health.counters.reconnects,
    degraded: () => health.degradedSince() !== undefined,
    awayServers: health.awayServers,
    nearlyFull: backend.isNearlyFull,
    slowClients: slowClients.closedCount,
    overLimit: traffic.connections.closedCount,
    mostWaitingBytes: slowClients.mostWaitingBytes,
    storeInFlight: () => admission.state().inFlight,
    storeWaiting: () => admission.state().waiting,
    saturation: saturation.level,
    delivered: () => delivery.fanout.delivered,
    hookEventsSent: () => hooks.counts().sent,
    hookEventsDropped: () => hooks.counts().dropped,
    hookFailures: () => hooks.counts().failed,
    hookFailingMs() {
      const { failingSince } = hooks.counts();
      return failingSince === undefined ? 0 : performance.now() - failingSince;
    },
  };
}
