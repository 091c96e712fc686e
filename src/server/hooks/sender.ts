import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { HookQueue, HookSource } from '../../chat/hook-queue.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import type { Sized } from '../../sizes.ts';
import { createComparison } from './comparison.ts';
import { createHookDelivery } from './delivery.ts';
import { createDueSubjects } from './due-subjects.ts';
import { createHeldSubjects } from './held-subjects.ts';
import { REAPED_SUBJECT } from './hooked-roster.ts';
import { isLog } from './log-events.ts';
import { createLossCheck, LOSS_CHECK_MS } from './loss-check.ts';
import { type Batch, MAX_EVENTS, nextBatch } from './next-batch.ts';
import type { HookPost } from './post.ts';
import { decideOnPresence } from './presence-decisions.ts';
import type { PresenceEvents } from './presence-events.ts';
import { isPush, type PushEvents } from './push-events.ts';
import { createSenderLease } from './sender-lease.ts';

/*
 * The states of a worker's sender:
 *
 *   waiting ──the lease is free──► sending: compares every listed subject with its state, then sends what is noted
 *      ▲                              │ the lease was lost, or could not be extended in time
 *      └──────────────────────────────┘
 *
 * A delivery is one request at a time, so the order of each room's events is that of its log. States are stored after the
 * receiver has taken the events: what a killed sender had sent without storing that is sent again under the same ids.
 */

/** Notes reach the sender within this time, and another worker notices a free lease. */
const TAKE_MS = 200;
const TRY_MS = 1_000;
/** Notes that died with a process are found by the comparison. */
const COMPARE_MS = 60_000;
const TAKEN_ROOMS = 200;
/** A refused request is sent again in parts, one that nobody answered in smaller ones: each try takes the whole timeout. */
const REFUSED_PARTS = 2;
const UNANSWERED_PARTS = 8;

export interface HookSenderDeps {
  readonly queue: HookQueue;
  readonly logs: Pick<RoomLogs, 'read' | 'tops'>;
  readonly presence: PresenceEvents;
  /** Undefined if nothing is sent about pushes. */
  readonly pushes: PushEvents | undefined;
  /** Entries of rooms are sent, too. */
  readonly sendsMessages: boolean;
  readonly post: HookPost;
  /** The longest time of a `post`. */
  readonly timeoutMs: number;
  /** This process, by a name that no other ever has. */
  readonly holder: string;
  /** Ms since 1970. */
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface HookCounts {
  /** Events that the receiver has taken from this worker. */
  readonly sent: number;
  /** Entries that left their log before the receiver took them. */
  readonly dropped: number;
  readonly failed: number;
  /** Since when the receiver has taken nothing, or refused a room’s event, by `elapsedMs`; undefined while it takes all. */
  readonly failingSince: number | undefined;
}

export interface HookSender {
  counts(): HookCounts;
  close(): Promise<void>;
}

export function createHookSender(deps: HookSenderDeps): HookSender & Sized {
  const { queue, presence, pushes, sendsMessages, holder, now, elapsedMs, log } = deps;
  const closing = new AbortController();
  const rest = (ms: number) => pause(ms, undefined, { signal: closing.signal }).catch(() => undefined);
  const lease = createSenderLease(deps);
  const delivery = createHookDelivery({ ...deps, lease, rest, closing: closing.signal });
  const due = createDueSubjects();
  const held = createHeldSubjects(elapsedMs);
  /** Events of one request. It falls while the receiver refuses, since it may be too much, or one of them not to its liking. */
  let limit = MAX_EVENTS;
  const hasLog = (subject: string) =>
    (sendsMessages && isLog(subject)) || (pushes !== undefined && isPush(subject));
  const comparison = createComparison({ ...deps, hasLog, lease, closing: closing.signal });
  const lossCheck = createLossCheck(deps);
  let lossCheckedAt = Number.NEGATIVE_INFINITY;
  let comparedAt = Number.NEGATIVE_INFINITY;
  /** The states in the queue count, no longer those in `due`. */
  let outdated = false;
  let [sent, dropped] = [0, 0];

  async function takeNotes(): Promise<void> {
    const taken = await queue.take(holder, TAKEN_ROOMS);
    if (!taken.ok) return;
    for (const { subject, state } of taken.value) {
      if (subject === REAPED_SUBJECT) comparedAt = Number.NEGATIVE_INFINITY;
      // It was stored a moment ago.
      else if (pushes && isPush(subject)) due.delay({ subject, state, at: now() + pushes.undeliveredMs });
      else if (presence.includes(subject) || hasLog(subject)) due.add({ subject, state });
    }
  }

  /** Stores the states. If that fails, everything is sent again from the stored states, by whoever holds the lease then. */
  async function advance(moves: readonly HookSource[]): Promise<boolean> {
    const stored = await queue.advance(holder, moves);
    if (stored.ok && stored.value) return true;
    outdated = true;
    if (stored.ok) lease.lost();
    // A store that is away fails at once, and the same events must not be posted over and over meanwhile.
    await rest(TRY_MS);
    return false;
  }

  /** Posts the events, fewer next time if they are refused or not answered. Returns whether they are taken. */
  async function post({ events, subjects }: Batch, isSmallest: boolean): Promise<boolean> {
    const delivered = await delivery.deliver(events, isSmallest);
    const [subject] = subjects;
    if (delivered === 'taken') limit = Math.min(MAX_EVENTS, limit * 2);
    if (delivered === 'taken' || delivered === 'failed') return delivered === 'taken';
    const parts = delivered === 'refused' ? REFUSED_PARTS : UNANSWERED_PARTS;
    if (!isSmallest) limit = Math.max(1, Math.floor(Math.min(limit, events.length) / parts));
    else if (subject !== undefined) held.hold(subject);
    return false;
  }

  async function send(): Promise<unknown> {
    const retried = held.next();
    const state = retried === undefined ? undefined : due.stateOf(retried);
    const alone = retried !== undefined && state !== undefined ? [[retried, state] as const] : undefined;
    // It was taken, or nothing of it is due any more.
    if (retried !== undefined && !alone) held.release(retried);
    const batch = await nextBatch(alone ?? due.except(held.has), alone ? 1 : limit, deps);
    due.settle(batch.settled, batch.delayed);
    // The others are held.
    if (batch.events.length + batch.moves.length + batch.settled.length === 0) return rest(TAKE_MS);
    if (batch.events.length > 0 && !(await post(batch, alone !== undefined || limit === 1))) return;
    if (retried !== undefined) held.release(retried);
    if (batch.moves.length === 0 || !(await advance(batch.moves))) return;
    const moved = batch.moves.map(({ subject }) => subject);
    due.settle(moved, batch.delayed);
    for (const source of batch.left) due.add(source);
    sent += batch.events.length;
    dropped += batch.dropped;
    if (batch.dropped > 0) {
      log.warn({ dropped: batch.dropped }, 'hooks: messages left their logs before the receiver took them');
    }
  }

  /** Lists again what is due if the queue may have lost it. */
  async function keepWhatWasLost(): Promise<boolean> {
    if (!outdated && elapsedMs() - lossCheckedAt < LOSS_CHECK_MS) return true;
    const sources = due.all();
    if (sources.length === 0) return true;
    lossCheckedAt = elapsedMs();
    return (await lossCheck.relist(sources)).ok;
  }

  async function turn(): Promise<void> {
    const holds = await lease.holds();
    if (!holds) {
      delivery.forgetFailure();
      outdated = true;
    }
    if (!(await keepWhatWasLost())) return rest(TRY_MS);
    if (outdated) {
      due.clear();
      held.clear();
      comparedAt = Number.NEGATIVE_INFINITY;
      outdated = false;
    }
    if (!holds) return rest(TRY_MS);
    if (elapsedMs() - comparedAt > COMPARE_MS && (await comparison.addTo(due))) comparedAt = elapsedMs();
    await takeNotes();
    due.wake(now());
    if (due.isEmpty()) return rest(TAKE_MS);
    await decideOnPresence(due, presence, advance);
    await send();
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await turn();
      } catch (error) {
        log.error({ err: error }, 'hooks: a turn of the sender failed');
        await rest(TRY_MS);
      }
    }
    await lease.release();
  }
  const running = run();

  return {
    sizes: () => ({ due: due.sizes(), held: held.sizes() }),
    counts: () => ({
      sent,
      dropped,
      failed: delivery.failed(),
      failingSince: delivery.failingSince() ?? held.since(),
    }),
    async close() {
      closing.abort();
      await running;
    },
  };
}
