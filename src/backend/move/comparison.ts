import { createHash } from 'node:crypto';
import { BackendError } from '../backend.ts';
import type { MovedKind, MovedRows, RowSource, RowTarget } from '../moved-rows.ts';
import { countIn, insist, type Progress, portionsOf } from './copy.ts';

export interface KindComparison {
  readonly kind: MovedKind;
  readonly count: number;
  /** SHA-256 over everything of the kind, in base64url: the same for what was read from either store. */
  readonly digest: string;
}

export interface ComparisonDeps {
  readonly source: RowSource;
  readonly target: RowTarget;
  /** The clock of Redis. */
  readonly now: () => Promise<number>;
  readonly onProgress: (progress: Progress) => void;
}

/** A row that ends sooner may end between the look at the clock and at the row. */
const MARGIN_MS = 10_000;

/** Reads every row back and compares it with the source. */
export function createComparison({ source, target, now, onProgress }: ComparisonDeps) {
  async function compare<K extends MovedKind>(kind: K): Promise<KindComparison> {
    const digest = createHash('sha256');
    let count = 0;
    for (const portion of portionsOf(source[kind]())) {
      const endAfter = (await now()) + MARGIN_MS;
      const lasting = portion.map((row) => lastingPart(row, endAfter)).filter((row) => row !== undefined);
      const found = await Promise.all(lasting.map((row) => insist(() => target[kind].read(row))));
      for (const [index, row] of lasting.entries()) {
        const text = canonical(row);
        if (text !== canonical(found[index])) throw isDifferent(kind, row.tag);
        digest.update(text);
        digest.update('\n');
        count += countIn(row);
      }
      onProgress({ step: 'compared', kind, count });
    }
    return { kind, count, digest: digest.digest('base64url') };
  }

  return { compare };
}

/** Returns the part of a row that is left at that time; undefined if nothing is. */
function lastingPart<R extends MovedRows[MovedKind]>(row: R, endAfter: number): R | undefined {
  if (row.endsAt !== undefined && row.endsAt <= endAfter) return undefined;
  if (!('held' in row)) return row;
  const held = row.held.filter(([, , until]) => until === undefined || until > endAfter);
  return held.length === 0 ? undefined : { ...row, held };
}

/** Tags are hashes, so no text of a user is shown. */
function isDifferent(kind: MovedKind, tag: string): BackendError {
  return new BackendError(
    `Redis has other data than the store (${kind}, ${tag}): another program writes to it, or it lost what it was sent. Run this again: it begins anew`,
  );
}

/** The same text for the same content, in whatever order its members were made. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
