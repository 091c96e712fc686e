import { setTimeout as pause } from 'node:timers/promises';

/** It only ends what hangs: a busy machine takes twenty times as long as a quiet one. A unit test may take a minute. */
const TIMEOUT_MS = 50_000;
const INTERVAL_MS = 20;

/**
 * Tries `look` until it no longer throws: other workers hear of an event later than its sender. It runs without Vitest, too, in
 * the fault runs.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  {
    timeout = TIMEOUT_MS,
    interval = INTERVAL_MS,
  }: { readonly timeout?: number; readonly interval?: number } = {},
): Promise<T> {
  const giveUpAt = Date.now() + timeout;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
    await pause(interval);
  }
}
