import type { Logger } from 'pino';
import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import type { IpcChannel, RequestKind } from './ipc.ts';
import { createNegotiation, GREETING_VERSION, IPC_VERSIONS, type IpcVersions } from './ipc-versions.ts';

/**
 * `rc` is the version, and marks our messages among those of @socket.io/sticky, the cluster adapter and node:cluster on the
 * same channel.
 */
type Envelope = { readonly rc: number } & (
  | { readonly op: 'hello'; readonly versions: IpcVersions }
  | { readonly op: 'request'; readonly id: number; readonly kind: string; readonly body: unknown }
  | { readonly op: 'reply'; readonly id: number; readonly outcome: Outcome<unknown> }
  | { readonly op: 'notice'; readonly kind: string; readonly body: unknown }
);

/** One end of a transport that keeps the order of its messages. */
export interface MessagePort {
  /** May throw if the message cannot be cloned. Calls back when the message is written, or with the reason it is not. */
  send(message: object, callback: (error: Error | null) => void): unknown;
  onMessage(listener: (message: unknown) => void): void;
  /** Calls back when nothing more can be sent or received; a second call does no harm. */
  onClose(listener: () => void): void;
}

export interface IpcChannelOptions {
  readonly log: Logger;
  readonly defaultTimeoutMs?: number;
  readonly versions?: IpcVersions;
  /** The versions of the other end, if they are known. The first message then tells it this end's, which it does not know. */
  readonly theirVersions?: IpcVersions;
  /** Called once, if the two ends have no version in common. */
  readonly onForeignVersions?: (theirs: IpcVersions) => void;
}

type RequestHandler = (body: unknown) => Promise<Outcome<unknown>> | Outcome<unknown>;
type NoticeHandler = (body: unknown) => void;

/** Replies, requests and notices over one port. Handlers run in the order of arrival, each at once. */
export function createIpcChannel(port: MessagePort, options: IpcChannelOptions): IpcChannel & Sized {
  const { log, defaultTimeoutMs = 5_000, versions = IPC_VERSIONS, theirVersions } = options;
  const pending = new Map<number, (outcome: Outcome<unknown>) => void>();
  const requestHandlers = new Map<string, RequestHandler>();
  const noticeHandlers = new Map<string, NoticeHandler>();
  const closeListeners: Array<() => void> = [];
  const flushWaiters: Array<() => void> = [];
  let lastId = 0;
  let unwritten = 0;
  let closed = false;
  const negotiation = createNegotiation({
    ours: versions,
    theirs: theirVersions,
    onForeign(theirs) {
      log.error({ theirs, ours: versions }, 'the other process has no IPC version in common; it is ignored');
      options.onForeignVersions?.(theirs);
    },
  });

  function send(message: Envelope, failed: (why: Refusal) => void): void {
    if (closed) {
      failed(refuse('unavailable', 'the other process is gone'));
      return;
    }
    unwritten += 1;
    try {
      port.send(message, (error) => {
        written();
        if (error) failed(refuse('unavailable', `the other process cannot be reached: ${error.message}`));
      });
    } catch (error) {
      written();
      // `send` throws only for what cannot be cloned: a bug of ours, not a fault of the transport.
      log.error({ err: error }, 'a message between processes cannot be sent');
      failed(refuse('internal', 'the message cannot be sent to another process'));
    }
  }

  function written(): void {
    unwritten -= 1;
    if (unwritten === 0) for (const resolve of flushWaiters.splice(0)) resolve();
  }

  function answer(id: number, outcome: Outcome<unknown>): void {
    const rc = negotiation.version;
    send({ rc, op: 'reply', id, outcome }, (why) => {
      if (why.error.code === 'internal') send({ rc, op: 'reply', id, outcome: why }, () => {});
    });
  }

  function handleRequest(id: number, kind: string, body: unknown): void {
    const handler = requestHandlers.get(kind);
    if (!handler) {
      answer(id, refuse('internal', `unknown request "${kind}"`));
      return;
    }
    const fail = (error: unknown) => {
      log.error({ err: error, kind }, 'a request of another process failed');
      answer(id, refuse('internal', `"${kind}" failed`));
    };
    try {
      Promise.resolve(handler(body)).then((outcome) => answer(id, outcome), fail);
    } catch (error) {
      fail(error);
    }
  }

  function handleNotice(kind: string, body: unknown): void {
    try {
      noticeHandlers.get(kind)?.(body);
    } catch (error) {
      log.error({ err: error, kind }, 'a notice of another process failed');
    }
  }

  port.onMessage((raw) => {
    if (!isEnvelope(raw)) return;
    const message = raw;
    const { rc } = message;
    if (!negotiation.hear(message.op === 'hello' ? message.versions : { min: rc, max: rc })) return;
    switch (message.op) {
      case 'reply':
        pending.get(message.id)?.(message.outcome);
        break;
      case 'request':
        handleRequest(message.id, message.kind, message.body);
        break;
      case 'notice':
        handleNotice(message.kind, message.body);
    }
  });

  port.onClose(() => {
    if (closed) return;
    closed = true;
    const why = refuse('unavailable', 'the other process is gone');
    for (const settle of [...pending.values()]) settle(why);
    for (const listener of closeListeners.splice(0)) listener();
    for (const resolve of flushWaiters.splice(0)) resolve();
  });

  if (theirVersions) send({ rc: GREETING_VERSION, op: 'hello', versions }, () => {});

  return {
    sizes: () => ({ pending: pending.size }),
    request<Body, Answer>(kind: RequestKind<Body, Answer>, body: Body, timeoutMs = defaultTimeoutMs) {
      return new Promise<Outcome<Answer>>((resolve) => {
        const id = ++lastId;
        const settle = (outcome: Outcome<unknown>) => {
          clearTimeout(timer);
          pending.delete(id);
          // The kind says what the other end answers.
          resolve(outcome as Outcome<Answer>);
        };
        const timer = setTimeout(
          () => settle(refuse('unavailable', `no answer to "${kind}" within ${timeoutMs} ms`)),
          timeoutMs,
        );
        pending.set(id, settle);
        if (negotiation.understands(kind))
          send({ rc: negotiation.version, op: 'request', id, kind, body }, settle);
        else settle(refuse('unavailable', `the other process is of an earlier release, without "${kind}"`));
      });
    },
    notify(kind, body) {
      if (negotiation.understands(kind))
        send({ rc: negotiation.version, op: 'notice', kind, body }, () => {});
    },
    onRequest(kind, handler) {
      if (requestHandlers.has(kind)) throw new Error(`request "${kind}" has a handler already`);
      requestHandlers.set(kind, handler as RequestHandler);
    },
    onNotice(kind, handler) {
      if (noticeHandlers.has(kind)) throw new Error(`notice "${kind}" has a handler already`);
      noticeHandlers.set(kind, handler as NoticeHandler);
    },
    onClose(listener) {
      if (closed) queueMicrotask(listener);
      else closeListeners.push(listener);
    },
    flushed() {
      if (unwritten === 0 || closed) return Promise.resolve();
      return new Promise<void>((resolve) => flushWaiters.push(resolve));
    },
  };
}

/** A message that lacks a part would end the process that reads it, and with a primary the whole host. */
function isEnvelope(raw: unknown): raw is Envelope {
  if (typeof raw !== 'object' || raw === null || !('rc' in raw)) return false;
  const { rc, op, id, kind, versions, outcome } = raw as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(rc)) return false;
  if (op === 'hello') return isRange(versions);
  if (op === 'reply') return typeof id === 'number' && isOutcome(outcome);
  if (op === 'request') return typeof id === 'number' && typeof kind === 'string';
  return op === 'notice' && typeof kind === 'string';
}

function isRange(versions: unknown): versions is IpcVersions {
  if (typeof versions !== 'object' || versions === null) return false;
  const { min, max } = versions as Readonly<Record<string, unknown>>;
  return Number.isSafeInteger(min) && Number.isSafeInteger(max);
}

function isOutcome(outcome: unknown): outcome is Outcome<unknown> {
  if (typeof outcome !== 'object' || outcome === null || !('ok' in outcome)) return false;
  const { ok, error } = outcome as Readonly<Record<string, unknown>>;
  return ok === true || (ok === false && typeof error === 'object' && error !== null);
}
