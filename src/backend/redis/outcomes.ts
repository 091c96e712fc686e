import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';

/** Like `Promise.all` for outcomes: returns every value, or the first refusal. */
export async function allValues<T>(
  calls: readonly (Outcome<T> | Promise<Outcome<T>>)[],
): Promise<Outcome<T[]>> {
  const values: T[] = [];
  for (const outcome of await Promise.all(calls)) {
    if (!outcome.ok) return outcome;
    values.push(outcome.value);
  }
  return succeed(values);
}
