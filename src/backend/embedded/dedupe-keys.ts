import { createHash } from 'node:crypto';
import type { Draft } from '../../chat/log-store.ts';
import type { DedupeKey } from './rows.ts';
import type { Tables } from './tables.ts';

/**
 * The keys that a record is searched under; it is written under the first. Two periods together reach back at least one
 * TTL. The next period is searched too: a clock that is set back across a period's end would otherwise lose every record.
 */
export function dedupeKeys(
  tag: string,
  { scope, clientMsgId }: Pick<NonNullable<Draft['dedupe']>, 'scope' | 'clientMsgId'>,
  ttlS: number,
  now: number,
): DedupeKey[] {
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, clientMsgId]))
    .digest('base64url')
    .slice(0, 22);
  return dedupePeriods(ttlS, now).map((period) => [period, tag, hash]);
}

/** The periods that are searched, the one written to first. */
export function dedupePeriods(ttlS: number, now: number): number[] {
  const period = dedupePeriod(ttlS, now);
  return [period, period - 1, period + 1];
}

export function dedupePeriod(ttlS: number, now: number): number {
  return Math.floor(now / (ttlS * 1000));
}

/** The name of the fact that holds the TTL, in s, by which the periods of all records were computed. */
export const DEDUPE_TTL_FACT = 'answersCountedInS';

/** Limit for records of another TTL: clocks are seldom set back by more, and a raised TTL dates records decades ahead. */
const MAX_AHEAD_MS = 86_400_000;

/**
 * The time at which the period of the newest record began, 0 if unknown: a period's number means nothing without the TTL
 * it was computed by. Call it before a record is written: records of another TTL may stay until the cleanup.
 */
export function newestDedupeMs(
  tables: Pick<Tables, 'fact' | 'compareAndSetFact' | 'newestDedupePeriod'>,
  ttlS: number,
  now: number,
): number {
  const beganMs = (tables.newestDedupePeriod() ?? 0) * ttlS * 1_000;
  const countedIn = tables.fact(DEDUPE_TTL_FACT);
  if (countedIn === ttlS) return beganMs;
  if (countedIn !== undefined) tables.compareAndSetFact(DEDUPE_TTL_FACT, countedIn, undefined);
  return beganMs <= now + MAX_AHEAD_MS ? beganMs : 0;
}
