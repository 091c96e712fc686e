import type { MetricObject } from 'prom-client';
import type { NoticeKind, RequestKind } from './cluster/ipc.ts';
import type { DeliveryQuestion, FoundMessages, TraceQuery, WorkerTrace } from './message-trace.ts';
import type { RoomActivity } from './room-activity.ts';
import type { Sizes } from './sizes.ts';

/** The IPC messages between primary and worker that concern the chat. */
export const CHAT_MESSAGES: {
  /** primary → worker: a worker process has just died; count its connections no more. */
  readonly fence: NoticeKind<{ readonly instanceId: string }>;
  /** primary → worker: a worker process died; announce that its users have left. */
  readonly reap: NoticeKind<{ readonly instanceId: string }>;
  /** primary → worker: reap the instances whose lease has expired. */
  readonly reapExpired: NoticeKind<null>;
  /** primary → worker: return your metrics, as prom-client merges them. */
  readonly metrics: RequestKind<null, MetricObject[]>;
  /** worker → primary, every second: the counters and histograms, which must not be lost with the worker. */
  readonly totals: NoticeKind<MetricObject[]>;
  /** worker → primary: the key of the HTTP API where `API_KEYS` is not set. */
  readonly apiKey: RequestKind<null, string>;
  /** primary → worker: return whether you are ready, as your /readyz says. */
  readonly readiness: RequestKind<null, void>;
  /** primary → worker: find the message in the store. */
  readonly findMessages: RequestKind<TraceQuery, FoundMessages>;
  /** primary → worker: what do you know of these messages? */
  readonly traceDeliveries: RequestKind<DeliveryQuestion, WorkerTrace>;
  /** primary → worker: ask the workers of all other hosts the same. */
  readonly traceElsewhere: RequestKind<DeliveryQuestion, readonly WorkerTrace[]>;
  /** primary → worker: which are your largest and busiest rooms? Asked while somebody looks at the operator's page. */
  readonly roomActivity: RequestKind<null, RoomActivity>;
  /** primary → worker: how many items do your long-lived collections hold? Asked for `/status?debug`. */
  readonly sizes: RequestKind<null, Sizes>;
} = {
  fence: 'presence.fence',
  reap: 'presence.reap',
  reapExpired: 'presence.reap-expired',
  metrics: 'metrics',
  totals: 'metrics.totals',
  apiKey: 'api-key',
  readiness: 'readiness',
  findMessages: 'trace.find',
  traceDeliveries: 'trace.deliveries',
  traceElsewhere: 'trace.elsewhere',
  roomActivity: 'rooms.activity',
  sizes: 'sizes',
};
