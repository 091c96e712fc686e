/** The callers that wait for one event, each with its own time limit. */
export interface Waiters {
  /** Resolves with true at the next `release`, or with false after that time. */
  wait(withinMs: number): Promise<boolean>;
  release(): void;
}

export function createWaiters(): Waiters {
  const waiting = new Set<(released: boolean) => void>();
  return {
    wait: (withinMs) =>
      new Promise((resolve) => {
        const deadline = setTimeout(() => done(false), withinMs);
        waiting.add(done);
        function done(released: boolean): void {
          clearTimeout(deadline);
          waiting.delete(done);
          resolve(released);
        }
      }),
    release: () => {
      for (const done of waiting) done(true);
    },
  };
}
