import type { OnFrameDropped } from '../backend/dropped-frames.ts';
import { type OnRedisReply, REDIS_CALLS } from '../backend/redis-calls.ts';
import type { Outcome } from '../protocol/codes.ts';
import { createMetricRegistry, type LabelledCounter, type MetricRegistry } from './metric-registry.ts';
import { type MetricSources, reportSources } from './metric-sources.ts';

export interface Metrics extends Pick<MetricRegistry, 'contentType' | 'text' | 'asJson' | 'totals'> {
  /** The store has accepted a message of a room. */
  said(text: string): void;
  /** The store has accepted a message to one user. */
  saidPrivately(text: string): void;
  readonly refused: LabelledCounter<'code'>;
  readonly handshakesRefused: LabelledCounter<'code'>;
  /** HOOK_BEFORE_SAY_URL was asked about a message. */
  readonly reviewed: LabelledCounter<'outcome'>;
  readonly connected: { inc(): void };
  /** RATE_ADMIT keeps a client waiting for so long. */
  deferred(waitMs: number): void;
  readonly redisReply: OnRedisReply;
  readonly busFrameDropped: OnFrameDropped;
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
}

const APPEND_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const ROUND_TRIP_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2];
const WAIT_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2, 1];
const TEXT_BYTES = [16, 32, 64, 96, 128, 192, 256, 384, 512, 1_024, 2_048, 4_096, 8_192];
const FLUSHED = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MS = 1_000;

/** One worker's metrics; the primary adds up those of all its workers. */
export function createMetrics(): Metrics {
  const registry = createMetricRegistry();
  const { gauge, counter, histogram, histogramByLabel } = registry;
  const now = () => performance.now();

  const stored = counter('messages_stored_total', 'Messages of clients that the store has accepted');
  const storedPrivately = counter(
    'private_messages_stored_total',
    'Messages to one user that the store has accepted',
  );
  const textBytes = histogram(
    'message_text_bytes',
    'Bytes of the texts of messages that the store has accepted, in rooms and to one user',
    TEXT_BYTES,
  );
  const refused = counter('events_refused_total', 'Refused events of clients, by code', 'code');
  const handshakesRefused = counter(
    'handshakes_refused_total',
    'Refused connections and CONNECTs, by code',
    'code',
  );
  const reviewed = counter(
    'before_say_total',
    'Messages that HOOK_BEFORE_SAY_URL was to review, by outcome',
    'outcome',
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
  const redisReplies = histogramByLabel(
    'redis_round_trip_seconds',
    'Time from a call to Redis until its reply, by what it does',
    ROUND_TRIP_S,
    'call',
    REDIS_CALLS,
  );
  const framesDropped = counter(
    'bus_frames_dropped_total',
    'Frames of the bus that BUS_SECRET does not vouch for, by reason',
    'reason',
  );
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
    said(text) {
      stored.inc();
      textBytes.observe(Buffer.byteLength(text));
    },
    saidPrivately(text) {
      storedPrivately.inc();
      textBytes.observe(Buffer.byteLength(text));
    },
    refused,
    handshakesRefused,
    reviewed,
    connected,
    deferred(waitMs) {
      deferred.inc();
      queueEndsAtMs = Math.max(queueEndsAtMs, now() + waitMs);
    },
    redisReply: (call, ms) => redisReplies.observe(call, ms / MS),
    busFrameDropped: (why) => framesDropped.inc({ reason: why }),
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
    watch: (sources) => reportSources(registry, sources),
    contentType: registry.contentType,
    text: registry.text,
    asJson: registry.asJson,
    totals: registry.totals,
  };
}
