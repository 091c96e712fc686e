import type { Outcome } from '../protocol/codes.ts';
import { createBackoff, MAX_WAIT_MS, retryWaitMs } from './backoff.ts';
import { ClientError, errorOf } from './client-error.ts';
import {
  createUnsentQueue,
  type Unsent,
  type UnsentEntry,
  type UnsentQueue,
  type UnsentQueueDeps,
} from './unsent-queue.ts';

/*
 * The messages of one room, or those to people, that are not acked yet. One is in flight at a time, so that none overtakes
 * another that was refused or not answered.
 *
 *   waiting ──opened──► sent ──ack──► stored
 *      ▲                      │ ├──refused for good──► failed
 *      ├──refused for now─────┤
 *      └──no answer───────────┘ (and failed as `unknown` once the server may have forgotten its clientMsgId)
 */
export interface OutboxDeps<D extends Unsent, S> extends UnsentQueueDeps<D> {
  /** Undefined: no answer came, and none will. */
  readonly send: (draft: D, answered: (answer: Outcome<S> | undefined) => void) => void;
  /** The error of a message that cannot be sent: the server may close the connection on a packet it does not read. */
  readonly check: (draft: D) => ClientError | undefined;
  /** The server does not know this client as a member, although it answered the join. */
  readonly rejoin?: () => void;
  readonly dedupeMs: () => number;
  readonly onStored: (stored: S, draft: D) => void;
  /** A clock that does not go back. */
  readonly now: () => number;
  readonly random: () => number;
}

export interface Outbox<D extends Unsent, S>
  extends Pick<UnsentQueue<D, S>, 'drafts' | 'withdraw' | 'update'> {
  add(draft: D): Promise<S>;
  /** Adds the messages of an earlier run before those that wait already. */
  restore(drafts: readonly D[]): void;
  /** Starts to send: the room is joined, or the client is online. */
  open(): void;
  shut(): void;
  /** Sends nothing more. A message in flight may still be answered. */
  end(error: ClientError): void;
}

/** The part of the server's dedupe time that stays unused: the last attempt must still arrive within it. */
const UNUSED_PART = 0.1;

export function createOutbox<D extends Unsent, S>(deps: OutboxDeps<D, S>): Outbox<D, S> {
  const { now, random } = deps;
  const backoff = createBackoff({ random });
  const queue = createUnsentQueue<D, S>(deps);
  let flowing = false;
  let ended: ClientError | undefined;
  let onWire: UnsentEntry<D, S> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let expiryTimer: ReturnType<typeof setTimeout> | undefined;

  function pump(): void {
    const head = queue.first();
    if (!flowing || onWire || retryTimer || !head || expire()) return;
    const problem = deps.check(head.draft);
    if (problem) {
      queue.fail(head, problem);
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
    entry: UnsentEntry<D, S>,
    answer: Outcome<S> | undefined,
    sentBefore: number | undefined,
  ): void {
    onWire = undefined;
    if (answer?.ok) {
      backoff.reset();
      queue.remove(entry);
      entry.resolve(answer.value);
      deps.onStored(answer.value, entry.draft);
    } else if (ended) {
      queue.fail(entry, answer ? errorOf(answer.error) : unknownFate());
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
      queue.fail(entry, errorOf(answer.error));
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
    const head = queue.first();
    if (!head || onWire || expiresInMs(head.draft, now(), deps.dedupeMs()) > 0) return false;
    clearTimeout(retryTimer);
    retryTimer = undefined;
    queue.fail(head, unknownFate());
    watchExpiry();
    pump();
    return true;
  }

  function watchExpiry(): void {
    clearTimeout(expiryTimer);
    const head = queue.first();
    if (head?.draft.firstSentAt === undefined || onWire || ended) return;
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(0, expiresInMs(head.draft, now(), deps.dedupeMs())));
    expiryTimer = setTimeout(() => expire() || watchExpiry(), waitMs);
  }

  function changed(): void {
    deps.onChange();
    watchExpiry();
    pump();
  }

  return {
    add(draft) {
      if (ended) return Promise.reject(ended);
      const { entry, isNew } = queue.add(draft);
      if (isNew) changed();
      return entry.promise;
    },
    restore(drafts) {
      if (!ended && queue.restore(drafts, onWire)) changed();
    },
    drafts: queue.drafts,
    withdraw(clientMsgId, error) {
      const withdrawn = queue.withdraw(clientMsgId, error);
      if (withdrawn) pump();
      return withdrawn;
    },
    update: queue.update,
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
      for (const entry of queue.entries()) {
        if (entry !== onWire)
          queue.fail(entry, entry.draft.firstSentAt === undefined ? error : unknownFate());
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
