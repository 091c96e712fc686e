import type { Sized } from '../../sizes.ts';

/*
 * A receiver may refuse one event of a room for ever, or hang at it, and the room's later events must not be sent before it. Only that room
 * waits: it is tried again alone, with its next event alone, until that is taken or its log no longer has it.
 */

const FIRST_HOLD_MS = 1_000;
const MAX_HOLD_MS = 60_000;

export interface HeldSubjects {
  has(subject: string): boolean;
  /** Keeps the subject out of the requests of the others, longer each time. */
  hold(subject: string): void;
  /** Returns one that is to be tried again now. */
  next(): string | undefined;
  release(subject: string): void;
  clear(): void;
  /** Since when the longest one is held, by `elapsedMs`; undefined without any. */
  since(): number | undefined;
}

interface Hold {
  readonly since: number;
  readonly retryAt: number;
  readonly holdMs: number;
}

export function createHeldSubjects(elapsedMs: () => number): HeldSubjects & Sized {
  const holds = new Map<string, Hold>();

  return {
    sizes: () => ({ holds: holds.size }),
    has: (subject) => holds.has(subject),
    hold(subject) {
      const now = elapsedMs();
      const { since = now, holdMs = FIRST_HOLD_MS / 2 } = holds.get(subject) ?? {};
      const nextMs = Math.min(MAX_HOLD_MS, holdMs * 2);
      holds.set(subject, { since, retryAt: now + nextMs, holdMs: nextMs });
    },
    next() {
      for (const [subject, { retryAt }] of holds) if (elapsedMs() >= retryAt) return subject;
      return undefined;
    },
    release: (subject) => void holds.delete(subject),
    clear: () => holds.clear(),
    since: () =>
      [...holds.values()].reduce<number | undefined>(
        (first, { since }) => Math.min(first ?? since, since),
        undefined,
      ),
  };
}
