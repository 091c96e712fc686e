import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { HookQueue, HookSource } from '../../chat/hook-queue.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { REAPED_SUBJECT } from './hooked-roster.ts';
import { UNLIST_AFTER_MS } from './listing.ts';
import { type HookEvent, isLog, readPending, unsentIn } from './log-events.ts';
import type { HookPost } from './post.ts';
import { isAbsent, isDue, type PresenceEvents, takenState } from './presence-events.ts';

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
/** The lease outlives a request by this time. */
const SPARE_MS = 3_000;
/** Notes that died with a process are found by the comparison. */
const COMPARE_MS = 60_000;
const COMPARED_ROOMS = 500;
const TAKEN_ROOMS = 200;
const MAX_EVENTS = 200;
const MAX_BODY_BYTES = 524_288;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 60_000;

export interface HookSenderDeps {
  readonly queue: HookQueue;
  readonly logs: Pick<RoomLogs, 'read' | 'tops'>;
  readonly presence: PresenceEvents;
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
  /** Since when the receiver has taken nothing, by `elapsedMs`; undefined while it takes what it is sent. */
  readonly failingSince: number | undefined;
}

export interface HookSender {
  counts(): HookCounts;
  close(): Promise<void>;
}

interface Batch {
  readonly events: readonly HookEvent[];
  readonly moves: readonly HookSource[];
  /** The sources that have more, with their next states. */
  readonly left: readonly HookSource[];
  readonly dropped: number;
}

export function createHookSender(deps: HookSenderDeps): HookSender {
  const { queue, logs, presence, sendsMessages, post, holder, timeoutMs, elapsedMs, log } = deps;
  const leaseMs = timeoutMs + SPARE_MS;
  const closing = new AbortController();
  /** States of the subjects that may have something to send, the one that waits longest first. */
  const due = new Map<string, string>();
  let leaseUntil = Number.NEGATIVE_INFINITY;
  let comparedAt = Number.NEGATIVE_INFINITY;
  let backoffMs = FIRST_BACKOFF_MS;
  const counts = { sent: 0, dropped: 0, failed: 0, failingSince: undefined as number | undefined };

  const rest = (ms: number) => pause(ms, undefined, { signal: closing.signal }).catch(() => undefined);

  async function holdsLease(): Promise<boolean> {
    if (leaseUntil - elapsedMs() > timeoutMs + SPARE_MS / 2) return true;
    const askedAt = elapsedMs();
    const leased = await queue.lease(holder, leaseMs);
    if (leased.ok && leased.value) leaseUntil = askedAt + leaseMs;
    else if (leased.ok) leaseUntil = Number.NEGATIVE_INFINITY;
    return leaseUntil - elapsedMs() > timeoutMs;
  }

  /** Finds what no note told of, and removes rooms in which nothing happens any more. */
  async function compareAll(): Promise<boolean> {
    let after: string | undefined;
    for (;;) {
      if (closing.signal.aborted || !(await holdsLease())) return false;
      const page = await queue.listed(after, COMPARED_ROOMS);
      if (!page.ok) return false;
      const last = page.value.at(-1);
      if (!last) return true;
      after = last.subject;
      const unsent = await unsentAmong(page.value);
      if (!unsent.ok) return false;
      for (const { subject, state, idleMs } of page.value) {
        if (unsent.value.has(subject)) due.set(subject, due.get(subject) ?? state);
        // The change to absent of one that is present is yet to be sent.
        else if (presence.includes(subject) && !isAbsent(state)) continue;
        else if (idleMs > UNLIST_AFTER_MS) await queue.unlist(holder, { subject, state }, UNLIST_AFTER_MS);
      }
    }
  }

  async function unsentAmong(sources: readonly HookSource[]): Promise<Outcome<ReadonlySet<string>>> {
    const ofLogs = sources.filter(({ subject }) => sendsMessages && isLog(subject));
    const unsent = ofLogs.length > 0 ? await unsentIn(logs, ofLogs) : succeed([]);
    if (!unsent.ok) return unsent;
    const states = sources.filter(({ subject }) => presence.includes(subject));
    return succeed(
      new Set(
        [
          ...ofLogs.filter((_, index) => unsent.value[index]),
          ...states.filter(({ state }) => isDue(state)),
          ...(await presence.changed(states)),
        ].map(({ subject }) => subject),
      ),
    );
  }

  async function takeNotes(): Promise<void> {
    const taken = await queue.take(holder, TAKEN_ROOMS);
    if (!taken.ok) return;
    for (const { subject, state } of taken.value) {
      if (subject === REAPED_SUBJECT) comparedAt = Number.NEGATIVE_INFINITY;
      else if (presence.includes(subject) || (sendsMessages && isLog(subject)))
        due.set(subject, due.get(subject) ?? state);
    }
  }

  /** Stores which rooms and users have changed, before they are sent. */
  async function decideOnPresence(): Promise<void> {
    const asked: HookSource[] = [];
    for (const [subject, state] of due) {
      if (asked.length >= MAX_EVENTS) break;
      if (presence.includes(subject) && !isDue(state)) asked.push({ subject, state });
    }
    if (asked.length === 0) return;
    const changed = await presence.changed(asked);
    if (changed.length > 0 && !(await advance(changed))) return;
    // The comparison finds again what could not be read.
    for (const { subject } of asked) due.delete(subject);
    for (const { subject, state } of changed) due.set(subject, state);
  }

  /** Stores the states. If that fails, everything is sent again from the stored states, by whoever holds the lease then. */
  async function advance(moves: readonly HookSource[]): Promise<boolean> {
    const stored = await queue.advance(holder, moves);
    if (stored.ok && stored.value) return true;
    due.clear();
    comparedAt = Number.NEGATIVE_INFINITY;
    if (stored.ok) leaseUntil = Number.NEGATIVE_INFINITY;
    // A store that is away fails at once, and the same events must not be posted over and over meanwhile.
    await rest(TRY_MS);
    return false;
  }

  async function nextBatch(): Promise<Batch> {
    const events: HookEvent[] = [];
    const moves: HookSource[] = [];
    const left: HookSource[] = [];
    let [bytes, dropped] = [0, 0];
    for (const [subject, state] of due) {
      if (events.length >= MAX_EVENTS || bytes >= MAX_BODY_BYTES) break;
      if (presence.includes(subject)) {
        if (!isDue(state)) continue;
        const event = presence.eventOf({ subject, state });
        const move = { subject, state: takenState(state) };
        if (event) events.push(event);
        moves.push(move);
        // It may have changed again.
        left.push(move);
        continue;
      }
      const pending = await readPending(logs, subject, state, deps.now);
      // The comparison finds it again.
      if (!pending.ok) due.delete(subject);
      if (!pending.ok) continue;
      const move = { subject, state: pending.value.state };
      if (pending.value.more) left.push(move);
      if (move.state === state) due.delete(subject);
      else moves.push(move);
      events.push(...pending.value.events);
      dropped += pending.value.dropped;
      bytes += Buffer.byteLength(JSON.stringify(pending.value.events));
    }
    return { events, moves, left, dropped };
  }

  async function send({ events, moves, left, dropped }: Batch): Promise<void> {
    if (events.length > 0 && !(await deliver(JSON.stringify({ events })))) return;
    if (moves.length === 0) return;
    if (!(await advance(moves))) return;
    for (const { subject } of moves) due.delete(subject);
    for (const { subject, state } of left) due.set(subject, state);
    counts.sent += events.length;
    counts.dropped += dropped;
    if (dropped > 0) log.warn({ dropped }, 'hooks: messages left their logs before the receiver took them');
  }

  /**
   * Returns whether the receiver has taken the events. After a failure it waits, and the caller reads the logs again: what
   * was deleted meanwhile is not sent as it was.
   */
  async function deliver(body: string): Promise<boolean> {
    // The request must be over before another process may hold the lease.
    if (!(await holdsLease())) return false;
    const result = await post(body);
    if (result.taken) {
      if (counts.failingSince !== undefined) log.info('hooks: the receiver takes events again');
      counts.failingSince = undefined;
      backoffMs = FIRST_BACKOFF_MS;
      return true;
    }
    counts.failed += 1;
    if (counts.failingSince === undefined) {
      counts.failingSince = elapsedMs();
      log.warn({ reason: result.reason }, 'hooks: the receiver took no events; they are sent again');
    }
    await keepLease(Math.max(result.retryAfterMs ?? 0, backoffMs * (0.5 + deps.random() / 2)));
    backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
    return false;
  }

  async function keepLease(ms: number): Promise<void> {
    const until = elapsedMs() + ms;
    while (elapsedMs() < until && !closing.signal.aborted && (await holdsLease())) {
      await rest(Math.min(TRY_MS, until - elapsedMs()));
    }
  }

  async function turn(): Promise<void> {
    if (!(await holdsLease())) {
      due.clear();
      comparedAt = Number.NEGATIVE_INFINITY;
      counts.failingSince = undefined;
      return rest(TRY_MS);
    }
    if (elapsedMs() - comparedAt > COMPARE_MS && (await compareAll())) comparedAt = elapsedMs();
    await takeNotes();
    if (due.size === 0) return rest(TAKE_MS);
    await decideOnPresence();
    await send(await nextBatch());
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
    await queue.lease(holder, 0);
  }
  const running = run();

  return {
    counts: () => counts,
    async close() {
      closing.abort();
      await running;
    },
  };
}
