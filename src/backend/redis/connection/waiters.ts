/** Whoever waits for one event, each with a time limit of its own. */
export interface Waiters {
  /** True at the next `release`, false when none came in time. */
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
