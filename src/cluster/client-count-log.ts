import type { Logger } from 'pino';

const LOG_INTERVAL_MS = 1_000;

export interface ClientCountLog {
  /** Call after any change of a count. */
  changed(): void;
  stop(): void;
}

/**
 * Says the number of clients of all workers in S3's words, when it changed and at most once a second. It is summed
 * over the workers that live, never added up, so a crashed worker takes its share with it and nothing drifts.
 */
export function createClientCountLog(log: Logger, count: () => number): ClientCountLog {
  let said = 0;
  let timer: NodeJS.Timeout | undefined;

  function say(): void {
    const clients = count();
    if (clients === said) return;
    said = clients;
    log.info({ clients }, `socket server connectnum:${clients}`);
    timer = setTimeout(() => {
      timer = undefined;
      say();
    }, LOG_INTERVAL_MS);
    timer.unref();
  }

  return {
    changed() {
      if (timer === undefined) say();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
