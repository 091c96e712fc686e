import type { MetricObject } from 'prom-client';
import type { NoticeKind, RequestKind } from './cluster/ipc.ts';

/** The messages between primary and worker that concern the chat. */
export const TASKS: {
  /** primary → worker: a worker process died just now, nobody is there by it any more. */
  readonly fence: NoticeKind<{ readonly instanceId: string }>;
  /** primary → worker: a worker process died, tell of whom it left behind. */
  readonly reap: NoticeKind<{ readonly instanceId: string }>;
  /** primary → worker: look for instances whose host died. */
  readonly reapExpired: NoticeKind<null>;
  /** primary → worker: its metrics, as prom-client merges them. */
  readonly metrics: RequestKind<null, MetricObject[]>;
  /** worker → primary: the key of the HTTP API where `API_KEYS` is not set. */
  readonly apiKey: RequestKind<null, string>;
  /** primary → worker: whether it is ready, as its own /readyz says. */
  readonly readiness: RequestKind<null, void>;
} = {
  fence: 'presence.fence',
  reap: 'presence.reap',
  reapExpired: 'presence.reap-expired',
  metrics: 'metrics',
  apiKey: 'api-key',
  readiness: 'readiness',
};
