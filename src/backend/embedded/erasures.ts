import type { Write } from './rows.ts';
import type { StagedWrites } from './staged-writes.ts';
import type { Tables } from './tables.ts';

/*
 * What was erased stays in the file until freed bytes are overwritten (freed-bytes.ts). Each erasing transaction notes its time,
 * and what was overwritten notes for which time, so a start of the primary knows what the one before did not come to.
 */

const ERASED_FACT = 'erasedAt';
const OVERWRITTEN_FACT = 'overwrittenFor';

/** `now`: ms since 1970. */
export function noteErasure(staged: Pick<StagedWrites, 'write'>, now: number): void {
  staged.write({ table: 'facts', key: ERASED_FACT, value: now });
}

/** The time of the last erasure whose bytes may still be in the file, or undefined. */
export function erasureToOverwrite(tables: Pick<Tables, 'fact'>): unknown {
  const erasedAt = tables.fact(ERASED_FACT);
  return erasedAt === tables.fact(OVERWRITTEN_FACT) ? undefined : erasedAt;
}

/** Notes that all bytes are overwritten that were freed up to that erasure. */
export function overwrittenFor(erasedAt: unknown): Extract<Write, { readonly table: 'facts' }> {
  return { table: 'facts', key: OVERWRITTEN_FACT, value: erasedAt };
}
