import type { HookSource } from '../../chat/hook-queue.ts';

export interface DelayedSource extends HookSource {
  /** Ms since 1970. */
  readonly at: number;
}

/** Subjects of which something is to be decided at a later time. */
export interface DelayedSubjects {
  has(subject: string): boolean;
  /** Keeps the earlier one of two. */
  add(source: DelayedSource): void;
  /** Removes and returns those whose time has come. */
  takeReady(now: number): readonly HookSource[];
  all(): readonly HookSource[];
  clear(): void;
}

export function createDelayedSubjects(): DelayedSubjects {
  const delayed = new Map<string, DelayedSource>();
  return {
    has: (subject) => delayed.has(subject),
    add(source) {
      const known = delayed.get(source.subject);
      if (!known || source.at < known.at) delayed.set(source.subject, source);
    },
    takeReady(now) {
      const ready = [...delayed.values()].filter(({ at }) => at <= now);
      for (const { subject } of ready) delayed.delete(subject);
      return ready;
    },
    all: () => [...delayed.values()],
    clear: () => delayed.clear(),
  };
}
