import { createHash } from 'node:crypto';
import { type DedupeKey as ClientDedupeKey, dedupeHash } from '../../chat/dedupe.ts';
import type { DedupeKey } from './rows.ts';
import type { Tables } from './tables.ts';
import type { StoreRules } from './transaction-context.ts';

/** The name of a message by its sender. */
type ClientMessage = Omit<ClientDedupeKey, 'content'>;

/**
 * The keys that a record is searched under; it is written under the first. Two periods together reach back at least one
 * TTL. The next period is searched too: a clock that is set back across a period's end would otherwise lose every record.
 *
 * Until `earlierNamesUntilMs` records under the names of earlier releases may be left.
 */
export function dedupeKeys(
  tag: string,
  message: ClientMessage,
  { dedupeTtlS, earlierNamesUntilMs }: Pick<StoreRules, 'dedupeTtlS' | 'earlierNamesUntilMs'>,
  steadyMs: number,
): DedupeKey[] {
  const names =
    steadyMs < earlierNamesUntilMs ? [dedupeHash(message), earlierHash(message)] : [dedupeHash(message)];
  return dedupePeriods(dedupeTtlS, steadyMs).flatMap((period) =>
    names.map((name): DedupeKey => [period, tag, name]),
  );
}

/** Earlier releases named records so; the length tells these names from the present ones. */
export function earlierHash({ scope, clientMsgId }: ClientMessage): string {
  return createHash('sha256')
    .update(JSON.stringify([scope, clientMsgId]))
    .digest('base64url')
    .slice(0, EARLIER_HASH_CHARS);
}

const EARLIER_HASH_CHARS = 22;

export function isEarlierHash(name: string): boolean {
  return name.length === EARLIER_HASH_CHARS;
}

/** The name of the fact that holds the time, by the store's steady clock, from which no earlier name is left. */
const EARLIER_NAMES_FACT = 'answersNamedByJsonUntil';
/** A record is found in its own period and those beside it. */
const PERIODS_FOUND = 3;

/** A start does not read more names than that. */
const MAX_NAMES_READ = 200_000;

/**
 * Returns the time from which no record under an earlier name is left. Call it before a record is written. The fact alone does
 * not tell: the operator may have gone back to an earlier release for a while.
 */
export function earlierNamesUntilMs(
  tables: Pick<Tables, 'fact' | 'compareAndSetFact' | 'newestDedupePeriod' | 'dedupeNamesFrom'>,
  ttlS: number,
  steadyMs: number,
): number {
  const known = tables.fact(EARLIER_NAMES_FACT);
  if (typeof known === 'number' && !mayHaveEarlierNames(tables, dedupePeriod(ttlS, steadyMs) - 1))
    return known;
  const untilMs = tables.newestDedupePeriod() === undefined ? 0 : steadyMs + PERIODS_FOUND * ttlS * 1_000;
  tables.compareAndSetFact(EARLIER_NAMES_FACT, known, untilMs);
  return untilMs;
}

function mayHaveEarlierNames(tables: Pick<Tables, 'dedupeNamesFrom'>, fromPeriod: number): boolean {
  let read = 0;
  for (const name of tables.dedupeNamesFrom(fromPeriod)) {
    if (isEarlierHash(name) || read === MAX_NAMES_READ) return true;
    read += 1;
  }
  return false;
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
