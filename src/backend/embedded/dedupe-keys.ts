import { createHash } from 'node:crypto';
import type { Draft } from '../../chat/log-store.ts';
import type { DedupeKey } from './rows.ts';
import type { Tables } from './tables.ts';

/**
 * Where an answer is written (the first) and looked for. Two periods together reach back at least one TTL; the
 * coming one is looked into as well, because a clock set back over a period's end would else forget everything.
 */
export function dedupeKeys(
  tag: string,
  { scope, clientMsgId }: NonNullable<Draft['dedupe']>,
  ttlS: number,
  now: number,
): DedupeKey[] {
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, clientMsgId]))
    .digest('base64url')
    .slice(0, 22);
  return dedupePeriods(ttlS, now).map((period) => [period, tag, hash]);
}

/** Those that are looked into, the one written to first. */
export function dedupePeriods(ttlS: number, now: number): number[] {
  const period = dedupePeriod(ttlS, now);
  return [period, period - 1, period + 1];
}

export function dedupePeriod(ttlS: number, now: number): number {
  return Math.floor(now / (ttlS * 1000));
}

/** The fact that all answers' periods are counted in this TTL, s. */
export const DEDUPE_TTL_FACT = 'answersCountedInS';

/** Of another TTL: a clock is seldom set back by more, and a TTL that was raised puts answers decades ahead. */
const MAX_AHEAD_MS = 86_400_000;

/**
 * When the period of the newest answer began, 0 for unknown: a period's number says nothing without the TTL it was counted
 * in. To be called before an answer is written, for those of another TTL may stay until they are tidied.
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
