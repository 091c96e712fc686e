import { setTimeout as pause } from 'node:timers/promises';

/**
 * It only ends what hangs: a busy machine takes twenty times as long as a quiet one. A unit test may take a minute: this
 * failure, also that of a look that hangs, comes before it.
 */
const TIMEOUT_MS = 40_000;
const INTERVAL_MS = 20;
/** The time is counted in such steps, each waited for: while the machine or this process stands still, none passes. */
const STEP_MS = 250;
/** On a machine on which each look takes seconds, the time would be over after two or three of them. */
const LEAST_LOOKS = 10;
const HANGS_AFTER_MS = 10_000;

export interface EventuallyOptions {
  readonly timeout?: number;
  readonly interval?: number;
  /** Once the time is over, a look may take so long. */
  readonly hangsAfterMs?: number;
}

/**
 * Tries `look` until it no longer throws: other workers hear of an event later than its sender. A look that does not end fails
 * when the time is over. It runs without Vitest, too, in the fault runs.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { timeout = TIMEOUT_MS, interval = INTERVAL_MS, hangsAfterMs = HANGS_AFTER_MS }: EventuallyOptions = {},
): Promise<T> {
  const ended = new AbortController();
  let looks = 0;
  let isOver = false;
  let hangs = false;
  let lastError: unknown;

  async function countTime(): Promise<never> {
    let looksBefore = looks;
    let quietMs = 0;
    for (let passedMs = 0; !isOver || quietMs < hangsAfterMs; passedMs += STEP_MS) {
      isOver = passedMs >= timeout;
      await pause(STEP_MS, undefined, { signal: ended.signal });
      quietMs = looks === looksBefore ? quietMs + STEP_MS : 0;
      looksBefore = looks;
    }
    hangs = true;
    throw new Error(`look ${looks + 1} does not end`, { cause: lastError });
  }

  async function tryAgain(): Promise<T> {
    for (;;) {
      try {
        return await look();
      } catch (error) {
        looks += 1;
        if (hangs || (isOver && looks >= LEAST_LOOKS)) throw error;
        lastError = error;
      }
      await pause(interval);
    }
  }

  try {
    return await Promise.race([tryAgain(), countTime()]);
  } finally {
    ended.abort();
  }
}
