import type { Ack, Said } from '../protocol/events.ts';
import { createBackoff, spreadMs } from './backoff.ts';
import { ClientError, errorOf } from './client-error.ts';

/*
 * The messages of one room that are not acked yet. One is on the wire at a time: behind a refused or unanswered
 * one nothing overtakes.
 *
 *   waiting ──room joined──► sent ──ack──► said
 *      ▲                      │ ├──refused for good──► failed
 *      ├──refused for now─────┤
 *      └──no answer───────────┘ (and failed as `unknown` once the server may have forgotten its clientMsgId)
 */
export interface Draft {
  readonly roomid: string;
  /** The same however often it is sent: the room stores it once. */
  readonly clientMsgId: string;
  readonly text: string;
  readonly type?: number;
  readonly echo?: boolean;
  /** From here on the server counts how long it remembers the clientMsgId. */
  readonly firstSentAt?: number;
}

export interface OutboxDeps {
  readonly send: (draft: Draft, answered: (answer: Ack<'say'> | undefined) => void) => void;
  /** Why the server would not even read it; such a packet could cost the link, again and again. */
  readonly check: (draft: Draft) => ClientError | undefined;
  /** The server does not count us as a member although it answered our join. */
  readonly rejoin: () => void;
  readonly dedupeMs: () => number;
  readonly onSaid: (said: Said, draft: Draft) => void;
  readonly onFailed: (error: ClientError, draft: Draft) => void;
  readonly onChange: () => void;
  readonly now: () => number;
  readonly random: () => number;
}

export interface Outbox {
  add(draft: Draft): Promise<Said>;
  drafts(): readonly Draft[];
  /** The room is joined. */
  open(): void;
  shut(): void;
  /** Nothing is sent any more. What is on the wire may still be answered. */
  end(error: ClientError): void;
}

interface Entry {
  draft: Draft;
  rejoined: boolean;
  readonly promise: Promise<Said>;
  readonly resolve: (said: Said) => void;
  readonly reject: (error: ClientError) => void;
}

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;
/** Part of the server's memory that is not used: what is sent at its end must still arrive within it. */
const UNUSED_PART = 0.1;
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createOutbox(deps: OutboxDeps): Outbox {
  const { now, random } = deps;
  const backoff = createBackoff({ minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS, random });
  const queue: Entry[] = [];
  let flowing = false;
  let ended: ClientError | undefined;
  let onWire: Entry | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let expiryTimer: ReturnType<typeof setTimeout> | undefined;

  function pump(): void {
    const head = queue[0];
    if (!flowing || onWire || retryTimer || !head || expire()) return;
    const problem = deps.check(head.draft);
    if (problem) {
      fail(head, problem);
      pump();
      return;
    }
    clearTimeout(expiryTimer);
    const before = head.draft.firstSentAt;
    if (before === undefined) {
      head.draft = { ...head.draft, firstSentAt: now() };
      deps.onChange();
    }
    onWire = head;
    deps.send(head.draft, (answer) => hear(head, answer, before));
  }

  function hear(entry: Entry, answer: Ack<'say'> | undefined, sentBefore: number | undefined): void {
    onWire = undefined;
    if (answer?.ok) {
      backoff.reset();
      remove(entry);
      const { ok: _, ...said } = answer;
      entry.resolve(said);
      deps.onSaid(said, entry.draft);
    } else if (ended) {
      fail(entry, answer ? errorOf(answer.error) : unknownFate());
    } else if (answer?.error.temporary) {
      // Refused before anything was tried: this sending left no memory that could run out.
      if (answer.error.code === 'rate_limited') entry.draft = { ...entry.draft, firstSentAt: sentBefore };
      const { retryAfterMs } = answer.error;
      const waitMs = retryAfterMs === undefined ? backoff.nextMs() : spreadMs(retryAfterMs, random);
      retryTimer = setTimeout(retry, waitMs);
    } else if (answer?.error.code === 'not_joined' && !entry.rejoined) {
      entry.rejoined = true;
      flowing = false;
      deps.rejoin();
    } else if (answer) {
      fail(entry, errorOf(answer.error));
    }
    watchExpiry();
    pump();
  }

  function retry(): void {
    retryTimer = undefined;
    pump();
  }

  /** Only the first can have been sent: the others wait behind it. */
  function expire(): boolean {
    const head = queue[0];
    if (!head || onWire || expiresInMs(head.draft) > 0) return false;
    clearTimeout(retryTimer);
    retryTimer = undefined;
    fail(head, unknownFate());
    watchExpiry();
    pump();
    return true;
  }

  function watchExpiry(): void {
    clearTimeout(expiryTimer);
    const head = queue[0];
    if (head?.draft.firstSentAt === undefined || onWire || ended) return;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, expiresInMs(head.draft)));
    expiryTimer = setTimeout(() => expire() || watchExpiry(), waitMs);
  }

  function expiresInMs({ firstSentAt }: Draft): number {
    return firstSentAt === undefined ? Infinity : firstSentAt + deps.dedupeMs() * (1 - UNUSED_PART) - now();
  }

  function remove(entry: Entry): boolean {
    const index = queue.indexOf(entry);
    if (index < 0) return false;
    queue.splice(index, 1);
    deps.onChange();
    return true;
  }

  function fail(entry: Entry, error: ClientError): void {
    if (!remove(entry)) return;
    entry.reject(error);
    deps.onFailed(error, entry.draft);
  }

  return {
    add(draft) {
      if (ended) return Promise.reject(ended);
      const known = queue.find((entry) => entry.draft.clientMsgId === draft.clientMsgId);
      if (known) return known.promise;
      const { promise, resolve, reject } = deferred<Said>();
      queue.push({ draft, rejoined: false, promise, resolve, reject });
      deps.onChange();
      watchExpiry();
      pump();
      return promise;
    },
    drafts: () => queue.map(({ draft }) => draft),
    open() {
      flowing = true;
      pump();
    },
    shut() {
      flowing = false;
      clearTimeout(retryTimer);
      retryTimer = undefined;
    },
    end(error) {
      ended = error;
      flowing = false;
      clearTimeout(retryTimer);
      clearTimeout(expiryTimer);
      retryTimer = undefined;
      for (const entry of [...queue]) {
        if (entry !== onWire) fail(entry, entry.draft.firstSentAt === undefined ? error : unknownFate());
      }
    },
  };
}

function unknownFate(): ClientError {
  return new ClientError('unknown', 'it is not known whether this was stored: no answer came');
}

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: ClientError) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // An application that only shows `failed` need not catch each promise too.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
