import type { HookQueue, HookSource } from '../../chat/hook-queue.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { createLossCheck, LOSS_CHECK_MS } from './loss-check.ts';

/** A worker lists a subject again after this time, while something happens. */
export const LIST_EVERY_MS = 600_000;
/** Much longer: a worker that lists a subject now must be able to rely on it until it lists it again. */
export const UNLIST_AFTER_MS = 3_600_000;
const NOTE_MS = 100;
const RELIST_MS = 1_000;
/** A note's bytes count for the call's limits. */
const NOTES_PER_CALL = 500;

export interface HookListingDeps {
  readonly queue: Pick<HookQueue, 'list' | 'note' | 'term'>;
  /** Returns the state of a subject that the queue has lost, by the one it had when this worker listed it last. */
  readonly restored: (source: HookSource) => string;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

interface Listed {
  readonly at: number;
  /** An entry that was stored later was not sent by then. */
  readonly state: string;
}

/**
 * Lists what a worker is about to store something for. The first write for a subject waits for the store, and those behind
 * it with it; for ten minutes after that a write waits for nothing. Over these minutes the worker also knows the subject's
 * state, and lists it again if the queue has lost it.
 */
export interface HookListing {
  /** Runs the write once the subject is listed, in the order of the calls, and notes the subject after it. */
  run<T>(
    subject: string,
    initialState: InitialState,
    write: () => Promise<Outcome<T>>,
    how?: HowToRun<T>,
  ): Promise<Outcome<T>>;
  close(): Promise<void>;
}

export type InitialState = () => Promise<Outcome<string>>;

export interface HowToRun<T> {
  /** If the subject cannot be listed: the write is refused, or runs all the same and the listing is repeated. Default: `refuse`. */
  readonly unlisted?: 'refuse' | 'write';
  /** Returns whether a successful write may have given the sender something to do. Default: always. */
  readonly isNoted?: (value: T) => boolean;
  readonly noteAfterMs?: number;
}

export function createHookListing({ queue, restored, elapsedMs }: HookListingDeps): HookListing & Sized {
  const lossCheck = createLossCheck({ queue, elapsedMs });
  /** In the order of listing. */
  const known = new Map<string, Listed>();
  const waiting = new Map<string, ((listed: Outcome<void>) => void)[]>();
  let noted = new Set<string>();
  /** Subjects to note later, by when. */
  const later = new Map<string, number>();
  /** Subjects that were written to before they could be listed. */
  const unlisted = new Map<string, InitialState>();
  let relistAt = 0;
  let lossCheckAt = 0;
  let noting: Promise<unknown> = Promise.resolve();

  const isListed = (subject: string) => {
    const listed = known.get(subject);
    return listed !== undefined && elapsedMs() - listed.at < LIST_EVERY_MS;
  };

  async function firstState(subject: string, initialState: InitialState): Promise<Outcome<string>> {
    const state = known.get(subject)?.state;
    if (state !== undefined) return succeed(restored({ subject, state }));
    const settled = await lossCheck.settled();
    return settled.ok ? initialState() : settled;
  }

  async function list(subject: string, initialState: InitialState): Promise<Outcome<string>> {
    const at = elapsedMs();
    const state = await firstState(subject, initialState);
    const listed = state.ok ? await queue.list(subject, state.value) : state;
    if (!listed.ok) return listed;
    known.delete(subject);
    known.set(subject, { at, state: listed.value });
    return listed;
  }

  async function listForWaiting(subject: string, initialState: InitialState): Promise<void> {
    const listed = await list(subject, initialState);
    const writes = waiting.get(subject) ?? [];
    waiting.delete(subject);
    for (const write of writes) write(listed.ok ? succeed(undefined) : listed);
  }

  async function sendNotes(): Promise<void> {
    const subjects = [...noted];
    noted = new Set();
    for (let at = 0; at < subjects.length; at += NOTES_PER_CALL) {
      const some = subjects.slice(at, at + NOTES_PER_CALL);
      const sent = await queue.note(some);
      if (!sent.ok) for (const subject of some) noted.add(subject);
    }
    for (const [subject, { at }] of known) {
      if (elapsedMs() - at < LIST_EVERY_MS) break;
      known.delete(subject);
    }
  }

  async function restoreLost(): Promise<void> {
    const sources = [...known].map(([subject, { state }]) => ({
      subject,
      state: restored({ subject, state }),
    }));
    const relisted = await lossCheck.relist(sources);
    // The notes are lost, too.
    for (const subject of relisted.ok ? relisted.value : []) noted.add(subject);
  }

  /** One after the other, and none after a failure: the store may be away. */
  async function relist(): Promise<void> {
    for (const [subject, initialState] of unlisted) {
      if (!(await list(subject, initialState)).ok) return;
      unlisted.delete(subject);
      noted.add(subject);
    }
  }

  const timer = setInterval(() => {
    const now = elapsedMs();
    for (const [subject, at] of later) {
      if (at > now) continue;
      later.delete(subject);
      noted.add(subject);
    }
    if (unlisted.size > 0 && now >= relistAt) {
      relistAt = now + RELIST_MS;
      noting = noting.then(relist);
    }
    if (known.size > 0 && now >= lossCheckAt) {
      lossCheckAt = now + LOSS_CHECK_MS;
      noting = noting.then(restoreLost);
    }
    if (noted.size > 0) noting = noting.then(sendNotes);
  }, NOTE_MS);
  timer.unref();

  async function runNow<T>(
    subject: string,
    write: () => Promise<Outcome<T>>,
    { isNoted = () => true, noteAfterMs = 0 }: HowToRun<T>,
  ): Promise<Outcome<T>> {
    const written = await write();
    // A write without an answer may be stored, too.
    if (!(written.ok ? isNoted(written.value) : written.error.temporary)) return written;
    if (noteAfterMs > 0) later.set(subject, elapsedMs() + noteAfterMs);
    else noted.add(subject);
    return written;
  }

  return {
    sizes: () => ({
      known: known.size,
      waiting: waiting.size,
      noted: noted.size,
      later: later.size,
      unlisted: unlisted.size,
    }),
    run(subject, initialState, write, how = {}) {
      if (isListed(subject)) return runNow(subject, write, how);
      return new Promise((resolve) => {
        const queued = waiting.get(subject) ?? [];
        queued.push((listed) => {
          if (!listed.ok && how.unlisted !== 'write') return resolve(listed);
          if (!listed.ok) unlisted.set(subject, initialState);
          resolve(runNow(subject, write, how));
        });
        if (queued.length > 1) return;
        waiting.set(subject, queued);
        void listForWaiting(subject, initialState);
      });
    },
    async close() {
      clearInterval(timer);
      await noting;
      for (const subject of later.keys()) noted.add(subject);
      await sendNotes();
    },
  };
}
