import type { Outcome } from '../protocol/codes.ts';

/**
 * One end of the IPC channel between the primary and a worker. Requests are answered or fail with
 * `unavailable`: after their time limit, or at once when the other end goes away. Notices and requests of one
 * sender arrive in the order sent.
 */
export interface Link {
  request<T>(kind: string, body: unknown, timeoutMs?: number): Promise<Outcome<T>>;
  notify(kind: string, body: unknown): void;
  /** One handler a kind. What it throws or rejects with is logged and answered as `internal`. */
  onRequest(kind: string, handler: (body: never) => Promise<Outcome<unknown>> | Outcome<unknown>): void;
  onNotice(kind: string, handler: (body: never) => void): void;
  /** Told once, when the other end is gone. */
  onClose(listener: () => void): void;
}

/** The worker's end. */
export type PrimaryLink = Link;

/** The primary's end of one worker. */
export interface WorkerLink extends Link {
  readonly slot: number;
  /** Of that worker process; a respawned one has another. */
  readonly instanceId: string;
}
