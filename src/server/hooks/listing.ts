import type { HookQueue } from '../../chat/hook-queue.ts';
import type { Outcome } from '../../protocol/codes.ts';

/** A worker lists a subject again after this time, while something happens. */
export const LIST_EVERY_MS = 600_000;
/** Much longer: a worker that lists a subject now must be able to rely on it until it lists it again. */
export const UNLIST_AFTER_MS = 3_600_000;
const NOTE_MS = 100;
/** A note's bytes count for the call's limits. */
const NOTES_PER_CALL = 500;

export interface HookListingDeps {
  readonly queue: Pick<HookQueue, 'list' | 'note'>;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

/**
 * Lists what a worker is about to store something for. The first write for a subject waits for the store, and those behind
 * it with it; for ten minutes after that a write waits for nothing.
 */
export interface HookListing {
  /** Runs the write once the subject is listed, in the order of the calls; refuses it if the subject cannot be listed. */
  run<T>(
    subject: string,
    initialState: () => Promise<Outcome<string>>,
    write: () => Promise<Outcome<T>>,
  ): Promise<Outcome<T>>;
  close(): Promise<void>;
}

export function createHookListing({ queue, elapsedMs }: HookListingDeps): HookListing {
  const listedAt = new Map<string, number>();
  const waiting = new Map<string, ((listed: Outcome<void>) => void)[]>();
  let noted = new Set<string>();
  let noting: Promise<unknown> = Promise.resolve();

  const isListed = (subject: string) => {
    const at = listedAt.get(subject);
    return at !== undefined && elapsedMs() - at < LIST_EVERY_MS;
  };

  async function list(subject: string, initialState: () => Promise<Outcome<string>>): Promise<void> {
    const startedAt = elapsedMs();
    const state = await initialState();
    const listed = state.ok ? await queue.list(subject, state.value) : state;
    if (listed.ok) listedAt.set(subject, startedAt);
    const writes = waiting.get(subject) ?? [];
    waiting.delete(subject);
    for (const write of writes) write(listed);
  }

  async function sendNotes(): Promise<void> {
    const subjects = [...noted];
    noted = new Set();
    for (let at = 0; at < subjects.length; at += NOTES_PER_CALL) {
      const some = subjects.slice(at, at + NOTES_PER_CALL);
      const sent = await queue.note(some);
      if (!sent.ok) for (const subject of some) noted.add(subject);
    }
    for (const [subject, at] of listedAt) {
      // In the order of listing.
      if (elapsedMs() - at < LIST_EVERY_MS) break;
      listedAt.delete(subject);
    }
  }

  const timer = setInterval(() => {
    if (noted.size > 0) noting = noting.then(sendNotes);
  }, NOTE_MS);
  timer.unref();

  async function runNow<T>(subject: string, write: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const written = await write();
    // A write without an answer may be stored, too.
    if (written.ok || written.error.temporary) noted.add(subject);
    return written;
  }

  return {
    run(subject, initialState, write) {
      if (isListed(subject)) return runNow(subject, write);
      return new Promise((resolve) => {
        const queued = waiting.get(subject) ?? [];
        queued.push((listed) => resolve(listed.ok ? runNow(subject, write) : listed));
        if (queued.length > 1) return;
        waiting.set(subject, queued);
        listedAt.delete(subject);
        void list(subject, initialState);
      });
    },
    async close() {
      clearInterval(timer);
      await noting;
      await sendNotes();
    },
  };
}
