import { vi } from 'vitest';

const TIMEOUT_MS = 20_000;
const INTERVAL_MS = 20;

/** Tries `look` until it no longer throws: other workers hear of an event later than its sender. */
export function eventually<T>(
  look: () => T | Promise<T>,
  {
    timeout = TIMEOUT_MS,
    interval = INTERVAL_MS,
  }: { readonly timeout?: number; readonly interval?: number } = {},
): Promise<T> {
  return vi.waitFor(look, { timeout, interval });
}
