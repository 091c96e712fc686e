import type { Outcome } from '../protocol/codes.ts';

declare const NOTICE: unique symbol;
declare const REQUEST: unique symbol;

/** The name of a notice. Its type says what the notice carries, at both ends. */
export type NoticeKind<Body> = string & { readonly [NOTICE]?: (body: Body) => void };

/** The name of a request. Its type says what the request carries, and what it is answered with. */
export type RequestKind<Body, Answer> = string & { readonly [REQUEST]?: (body: Body) => Answer };

/**
 * One end of the IPC channel between the primary and a worker. Requests are answered or fail with
 * `unavailable`: after their time limit, or at once when the other end goes away. Notices and requests of one
 * sender arrive in the order sent.
 */
export interface IpcChannel {
  request<Body, Answer>(
    kind: RequestKind<Body, Answer>,
    body: NoInfer<Body>,
    timeoutMs?: number,
  ): Promise<Outcome<Answer>>;
  notify<Body>(kind: NoticeKind<Body>, body: NoInfer<Body>): void;
  /** One handler per kind. The channel logs what a handler throws or rejects with, and answers `internal`. */
  onRequest<Body, Answer>(
    kind: RequestKind<Body, Answer>,
    handler: (body: Body) => Promise<Outcome<Answer>> | Outcome<Answer>,
  ): void;
  onNotice<Body>(kind: NoticeKind<Body>, handler: (body: Body) => void): void;
  /** Called once, when the other end is gone. */
  onClose(listener: () => void): void;
  /** Resolves when all that was sent so far is written or lost. */
  flushed(): Promise<void>;
}

/** The primary's end of the channel to one worker. */
export interface WorkerIpc extends IpcChannel {
  readonly slot: number;
  readonly pid: number;
  /** The id of that worker process; a respawned one has another. */
  readonly instanceId: string;
}
