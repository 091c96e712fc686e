import type { Logger } from 'pino';

const LOOK_EVERY_MS = 60_000;

/** Facts about the store that an operator should know, one sentence each. */
export interface Warnings {
  current(): readonly string[];
  close(): void;
}

export interface WarningsDeps {
  /** Those at the start, which the caller logs. */
  readonly first: readonly string[];
  /** Returns those of now; undefined if they cannot be known now, and the last ones stay. */
  readonly look: () => Promise<readonly string[] | undefined>;
  readonly everyMs?: number | undefined;
  readonly log: Logger;
}

/** Looks again every minute, and logs once what begins and what is over. */
export function watchWarnings({ first, look, everyMs = LOOK_EVERY_MS, log }: WarningsDeps): Warnings {
  let current = first;
  let closed = false;
  let timer = setTimeout(lookAgain, everyMs);
  timer.unref();

  async function lookAgain(): Promise<void> {
    const seen = await look();
    if (closed) return;
    timer = setTimeout(lookAgain, everyMs);
    timer.unref();
    if (!seen) return;
    for (const warning of seen) if (!current.includes(warning)) log.warn(warning);
    for (const warning of current) if (!seen.includes(warning)) log.info(`no longer so: ${warning}`);
    current = seen;
  }

  return {
    current: () => current,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
