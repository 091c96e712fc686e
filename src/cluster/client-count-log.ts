import type { Logger } from 'pino';

const LOG_INTERVAL_MS = 1_000;

export interface ClientCountLog {
  /** Call after any change of a count. */
  changed(): void;
  stop(): void;
}

/**
 * Logs the number of clients of all workers when it has changed, at most once a second. The text is that of the program
 * S3 in test/seeds/README.md, whose users may look for it. The number is the sum over the living workers, not a running
 * total: a crashed worker takes its share along and nothing drifts.
 */
export function createClientCountLog(log: Logger, count: () => number): ClientCountLog {
  let lastLogged = 0;
  let timer: NodeJS.Timeout | undefined;

  function logChange(): void {
    const clients = count();
    if (clients === lastLogged) return;
    lastLogged = clients;
    log.info({ clients }, `socket server connectnum:${clients}`);
    timer = setTimeout(() => {
      timer = undefined;
      logChange();
    }, LOG_INTERVAL_MS);
    timer.unref();
  }

  return {
    changed() {
      if (timer === undefined) logChange();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
