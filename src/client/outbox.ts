import type { Outcome } from '../protocol/codes.ts';
import { createBackoff, MAX_WAIT_MS, retryWaitMs } from './backoff.ts';
import { ClientError, errorOf } from './client-error.ts';

/*
 * The messages of one room, or those to people, that are not acked yet. One is in flight at a time, so that none overtakes
 * another that was refused or not answered.
 *
 *   waiting ──opened──► sent ──ack──► stored
 *      ▲                      │ ├──refused for good──► failed
 *      ├──refused for now─────┤
 *      └──no answer───────────┘ (and failed as `unknown` once the server may have forgotten its clientMsgId)
 */
export interface Unsent {
  /** The same in every attempt: the server stores the message once. */
  readonly clientMsgId: string;
  /** By the forward clock, in ms. The server may forget the clientMsgId `DEDUPE_TTL_S` later. */
  readonly firstSentAt?: number;
}

export interface OutboxDeps<D extends Unsent, S> {
  /** Undefined: no answer came, and none will. */
  readonly send: (draft: D, answered: (answer: Outcome<S> | undefined) => void) => void;
  /** The error of a message that cannot be sent: the server may close the connection on a packet it does not read. */
  readonly check: (draft: D) => ClientError | undefined;
  /** The server does not know this client as a member, although it answered the join. */
  readonly rejoin?: () => void;
  readonly dedupeMs: () => number;
  readonly onStored: (stored: S, draft: D) => void;
  readonly onFailed: (error: ClientError, draft: D) => void;
  readonly onChange: () => void;
  /** A clock that does not go back. */
  readonly now: () => number;
  readonly random: () => number;
}

export interface Outbox<D extends Unsent, S> {
  add(draft: D): Promise<S>;
  /** Adds the messages of an earlier run before those that wait already. */
  restore(drafts: readonly D[]): void;
  drafts(): readonly D[];
  /**
   * One caller of `add` gives the draft up. Without another one it is dropped, unless it was sent: that is not undone. Returns
   * whether it was dropped.
   */
  withdraw(clientMsgId: string, error: ClientError): boolean;
  update(change: (draft: D) => D): void;
  /** Starts to send: the room is joined, or the client is online. */
  open(): void;
  shut(): void;
  /** Sends nothing more. A message in flight may still be answered. */
  end(error: ClientError): void;
}

interface Entry<D extends Unsent, S> {
  draft: D;
  rejoined: boolean;
  /** The number of callers of `add` that wait for it. */
  callers: number;
  readonly promise: Promise<S>;
  readonly resolve: (stored: S) => void;
  readonly reject: (error: ClientError) => void;
}

/** The part of the server's dedupe time that stays unused: the last attempt must still arrive within it. */
const UNUSED_PART = 0.1;

export function createOutbox<D extends Unsent, S>(deps: OutboxDeps<D, S>): Outbox<D, S> {
  const { now, random } = deps;
  const backoff = createBackoff({ random });
  const queue: Entry<D, S>[] = [];
  let flowing = false;
  let ended: ClientError | undefined;
  let onWire: Entry<D, S> | undefined;
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
    deps.send(head.draft, (answer) => conclude(head, answer, before));
  }

  function conclude(
    entry: Entry<D, S>,
    answer: Outcome<S> | undefined,
    sentBefore: number | undefined,
  ): void {
    onWire = undefined;
    if (answer?.ok) {
      backoff.reset();
      remove(entry);
      entry.resolve(answer.value);
      deps.onStored(answer.value, entry.draft);
    } else if (ended) {
      fail(entry, answer ? errorOf(answer.error) : unknownFate());
    } else if (answer?.error.temporary) {
      // The server refused it before it looked further: this attempt starts no dedupe time.
      if (answer.error.code === 'rate_limited') entry.draft = { ...entry.draft, firstSentAt: sentBefore };
      const waitMs = retryWaitMs(answer.error.retryAfterMs, backoff, random);
      retryTimer = setTimeout(retry, waitMs);
    } else if (answer?.error.code === 'not_joined' && deps.rejoin && !entry.rejoined) {
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

  /** Only the first message can have been sent. */
  function expire(): boolean {
    const head = queue[0];
    if (!head || onWire || expiresInMs(head.draft, now(), deps.dedupeMs()) > 0) return false;
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
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(0, expiresInMs(head.draft, now(), deps.dedupeMs())));
    expiryTimer = setTimeout(() => expire() || watchExpiry(), waitMs);
  }

  function remove(entry: Entry<D, S>): boolean {
    const index = queue.indexOf(entry);
    if (index < 0) return false;
    queue.splice(index, 1);
    deps.onChange();
    return true;
  }

  function fail(entry: Entry<D, S>, error: ClientError): void {
    if (!remove(entry)) return;
    entry.reject(error);
    deps.onFailed(error, entry.draft);
  }

  function find({ clientMsgId }: Unsent): Entry<D, S> | undefined {
    return queue.find((entry) => entry.draft.clientMsgId === clientMsgId);
  }

  function changed(): void {
    deps.onChange();
    watchExpiry();
    pump();
  }

  return {
    add(draft) {
      if (ended) return Promise.reject(ended);
      const known = find(draft);
      if (known) {
        known.callers += 1;
        return known.promise;
      }
      const entry = newEntry<D, S>(draft);
      queue.push(entry);
      changed();
      return entry.promise;
    },
    restore(drafts) {
      const older = drafts.filter((draft) => !find(draft)).map((draft) => newEntry<D, S>(draft));
      if (ended || older.length === 0) return;
      queue.splice(onWire ? 1 : 0, 0, ...older);
      changed();
    },
    drafts: () => queue.map(({ draft }) => draft),
    withdraw(clientMsgId, error) {
      const entry = find({ clientMsgId });
      if (!entry) return false;
      entry.callers -= 1;
      if (entry.callers > 0 || entry.draft.firstSentAt !== undefined || !remove(entry)) return false;
      entry.reject(error);
      pump();
      return true;
    },
    update(change) {
      for (const entry of queue) entry.draft = change(entry.draft);
      deps.onChange();
    },
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

/** Until the server may have forgotten the message. */
function expiresInMs({ firstSentAt }: Unsent, nowMs: number, dedupeMs: number): number {
  if (firstSentAt === undefined) return Infinity;
  // Stored before a reload, and the clock was set back since: nobody knows how long ago that was.
  if (firstSentAt > nowMs) return 0;
  return firstSentAt + dedupeMs * (1 - UNUSED_PART) - nowMs;
}

export function unknownFate(): ClientError {
  return new ClientError('unknown', 'it is not known whether this was stored: no answer came');
}

function newEntry<D extends Unsent, S>(draft: D): Entry<D, S> {
  let resolve: (stored: S) => void = () => undefined;
  let reject: (error: ClientError) => void = () => undefined;
  const promise = new Promise<S>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // An application that listens to `failed` need not catch each promise too.
  promise.catch(() => undefined);
  return { draft, rejoined: false, callers: 1, promise, resolve, reject };
}
