import type { Logger } from 'pino';
import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
import type { Link } from './link.ts';

/** Marks our messages among @socket.io/sticky's, the cluster adapter's and node:cluster's on the same channel. */
export const LINK_VERSION = 6;

type Envelope = { readonly rc: number } & (
  | { readonly op: 'request'; readonly id: number; readonly kind: string; readonly body: unknown }
  | { readonly op: 'reply'; readonly id: number; readonly outcome: Outcome<unknown> }
  | { readonly op: 'notice'; readonly kind: string; readonly body: unknown }
);

/** One end of a channel that keeps the order of its messages. */
export interface MessagePort {
  /** May throw if the message cannot be cloned; tells the callback when it is written or cannot be. */
  send(message: object, callback: (error: Error | null) => void): unknown;
  onMessage(listener: (message: unknown) => void): void;
  /** Told when nothing more can be sent or heard; telling it twice does no harm. */
  onClose(listener: () => void): void;
}

export interface LinkOptions {
  readonly log: Logger;
  readonly defaultTimeoutMs?: number;
  /** Told once, when the other end turns out to be of another release. */
  readonly onForeignVersion?: (version: unknown) => void;
}

export interface PortLink extends Link {
  /** Resolves when all that was sent so far is written or lost. */
  flushed(): Promise<void>;
}

/** Replies, requests and notices over one port. Handlers run in the order of arrival, each at once. */
export function createLink(port: MessagePort, options: LinkOptions): PortLink {
  const { log, defaultTimeoutMs = 5_000 } = options;
  const pending = new Map<number, (outcome: Outcome<unknown>) => void>();
  const requestHandlers = new Map<string, (body: never) => Promise<Outcome<unknown>> | Outcome<unknown>>();
  const noticeHandlers = new Map<string, (body: never) => void>();
  const closeListeners: Array<() => void> = [];
  const flushWaiters: Array<() => void> = [];
  let lastId = 0;
  let unwritten = 0;
  let closed = false;
  let foreignSeen = false;

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
      // Only what cannot be cloned throws: a bug of ours, not a fault of the channel.
      log.error({ err: error }, 'a message between processes cannot be sent');
      failed(refuse('internal', 'the message cannot be sent to another process'));
    }
  }

  function written(): void {
    unwritten -= 1;
    if (unwritten === 0) for (const resolve of flushWaiters.splice(0)) resolve();
  }

  function answer(id: number, outcome: Outcome<unknown>): void {
    send({ rc: LINK_VERSION, op: 'reply', id, outcome }, (why) => {
      if (why.error.code === 'internal') send({ rc: LINK_VERSION, op: 'reply', id, outcome: why }, () => {});
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
      Promise.resolve(handler(body as never)).then((outcome) => answer(id, outcome), fail);
    } catch (error) {
      fail(error);
    }
  }

  function handleNotice(kind: string, body: unknown): void {
    try {
      noticeHandlers.get(kind)?.(body as never);
    } catch (error) {
      log.error({ err: error, kind }, 'a notice of another process failed');
    }
  }

  port.onMessage((raw) => {
    if (typeof raw !== 'object' || raw === null || !('rc' in raw)) return;
    if (raw.rc !== LINK_VERSION) {
      if (foreignSeen) return;
      foreignSeen = true;
      log.error({ version: raw.rc, ours: LINK_VERSION }, 'the other process speaks another version; ignored');
      options.onForeignVersion?.(raw.rc);
      return;
    }
    const message = raw as Envelope;
    if (message.op === 'reply') pending.get(message.id)?.(message.outcome);
    else if (message.op === 'request') handleRequest(message.id, message.kind, message.body);
    else handleNotice(message.kind, message.body);
  });

  port.onClose(() => {
    if (closed) return;
    closed = true;
    const why = refuse('unavailable', 'the other process is gone');
    for (const settle of [...pending.values()]) settle(why);
    for (const listener of closeListeners.splice(0)) listener();
    for (const resolve of flushWaiters.splice(0)) resolve();
  });

  return {
    request<T>(kind: string, body: unknown, timeoutMs = defaultTimeoutMs) {
      return new Promise<Outcome<T>>((resolve) => {
        const id = ++lastId;
        const settle = (outcome: Outcome<unknown>) => {
          clearTimeout(timer);
          pending.delete(id);
          resolve(outcome as Outcome<T>);
        };
        const timer = setTimeout(
          () => settle(refuse('unavailable', `no answer to "${kind}" within ${timeoutMs} ms`)),
          timeoutMs,
        );
        pending.set(id, settle);
        send({ rc: LINK_VERSION, op: 'request', id, kind, body }, settle);
      });
    },
    notify(kind, body) {
      send({ rc: LINK_VERSION, op: 'notice', kind, body }, () => {});
    },
    onRequest(kind, handler) {
      if (requestHandlers.has(kind)) throw new Error(`request "${kind}" has a handler already`);
      requestHandlers.set(kind, handler);
    },
    onNotice(kind, handler) {
      if (noticeHandlers.has(kind)) throw new Error(`notice "${kind}" has a handler already`);
      noticeHandlers.set(kind, handler);
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
