import type { HookSource } from '../../chat/hook-queue.ts';
import type { Sized } from '../../sizes.ts';

export interface DelayedSource extends HookSource {
  /** Ms since 1970. */
  readonly at: number;
}

/**
 * The states of the subjects that may have something to send, now or at a later time. A subject is in one of the two only, and
 * keeps the state it has here: the queue's may be older.
 */
export interface DueSubjects {
  /** Has no effect on a subject that is here. */
  add(source: HookSource): void;
  /** The same for a later time; of two times the earlier one counts. */
  delay(source: DelayedSource): void;
  /** Makes those due whose time has come. */
  wake(now: number): void;
  stateOf(subject: string): string | undefined;
  /** Those that are due now, the one that waits longest first. */
  except(isLeftOut: (subject: string) => boolean): Iterable<[subject: string, state: string]>;
  /** These are no longer due, but some of them at a later time. */
  settle(subjects: readonly string[], delayed?: readonly DelayedSource[]): void;
  isEmpty(): boolean;
  /** The delayed ones, too. */
  all(): readonly HookSource[];
  clear(): void;
}

export function createDueSubjects(): DueSubjects & Sized {
  const due = new Map<string, string>();
  const delayed = new Map<string, DelayedSource>();

  function delay(source: DelayedSource): void {
    if (due.has(source.subject)) return;
    const known = delayed.get(source.subject);
    if (!known || source.at < known.at) delayed.set(source.subject, source);
  }

  return {
    sizes: () => ({ due: due.size, delayed: delayed.size }),
    add({ subject, state }) {
      if (!due.has(subject) && !delayed.has(subject)) due.set(subject, state);
    },
    delay,
    wake(now) {
      for (const [subject, { state, at }] of delayed) {
        if (at > now) continue;
        delayed.delete(subject);
        due.set(subject, state);
      }
    },
    stateOf: (subject) => due.get(subject),
    *except(isLeftOut) {
      for (const source of due) if (!isLeftOut(source[0])) yield source;
    },
    settle(subjects, later = []) {
      for (const subject of subjects) due.delete(subject);
      for (const source of later) delay(source);
    },
    isEmpty: () => due.size === 0,
    all: () => [...Array.from(due, ([subject, state]) => ({ subject, state })), ...delayed.values()],
    clear() {
      due.clear();
      delayed.clear();
    },
  };
}
