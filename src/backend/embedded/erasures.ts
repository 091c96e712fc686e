import type { Write } from './rows.ts';
import type { StagedWrites } from './staged-writes.ts';
import type { Tables } from './tables.ts';

/*
 * Erased bytes stay in the file until freed ones are overwritten (freed-bytes.ts). Each erasing transaction notes its time,
 * and what was overwritten notes for which time, so a start of the primary knows what the one before did not come to.
 */

const ERASED_FACT = 'erasedAt';
const OVERWRITTEN_FACT = 'overwrittenFor';
/** In the place of a time: earlier releases erased without noting it. */
const UNKNOWN_TIME = 'unknown';
/** A store that was ever in use has it. */
const USED_FACT = 'checkedAt';

/** `now`: ms since 1970. */
export function noteErasure(staged: Pick<StagedWrites, 'write'>, now: number): void {
  staged.write({ table: 'facts', key: ERASED_FACT, value: now });
}

/** The time of the last erasure whose bytes may still be in the file, or undefined. */
export function erasureToOverwrite({ fact }: Pick<Tables, 'fact'>): unknown {
  const [erasedAt = UNKNOWN_TIME, overwritten] = [fact(ERASED_FACT), fact(OVERWRITTEN_FACT)];
  const isNew = erasedAt === UNKNOWN_TIME && fact(USED_FACT) === undefined;
  return isNew || erasedAt === overwritten ? undefined : erasedAt;
}

/** Notes that all bytes are overwritten that were freed up to that erasure. */
export function overwrittenFor(erasedAt: unknown): Extract<Write, { readonly table: 'facts' }> {
  return { table: 'facts', key: OVERWRITTEN_FACT, value: erasedAt };
}
