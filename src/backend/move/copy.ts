import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../protocol/codes.ts';
import { BackendError } from '../backend.ts';
import type { MovedKind, MovedRows, RowSource, RowTarget } from '../moved-rows.ts';

export interface Progress {
  readonly step: 'copied' | 'compared';
  readonly kind: MovedKind;
  /** Things of that kind so far: entries and no rows of entries. */
  readonly count: number;
}

/**
 * The weight of the rows in progress. An entry weighs 1: they are 3 MiB at most, so that each call ends in its time on a slow
 * line, too.
 */
const AT_ONCE = 1_000;
/** A Redis that fails over is back within some seconds. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;
/** About the length of an entry. */
const ENTRY_CHARS = 300;

export interface CopyDeps {
  readonly onProgress: (progress: Progress) => void;
  /** Throws if another run has taken the Redis over, and has deleted what this one wrote. */
  readonly requireOwn: () => Promise<void>;
}

export async function copyRows<K extends MovedKind>(
  kind: K,
  source: RowSource,
  target: RowTarget,
  { onProgress, requireOwn }: CopyDeps,
): Promise<void> {
  let count = 0;
  for (const portion of portionsOf(source[kind]())) {
    await requireOwn();
    await Promise.all(groupsOf(portion).map((group) => writeInOrder(target, kind, group)));
    count += portion.reduce((sum, row) => sum + countIn(row), 0);
    onProgress({ step: 'copied', kind, count });
  }
}

async function writeInOrder<K extends MovedKind>(
  target: RowTarget,
  kind: K,
  rows: readonly MovedRows[K][],
): Promise<void> {
  for (const row of rows) await insist(() => target[kind].write(row));
}

/** Repeats a call until Redis answers it, or throws after a while. */
export async function insist<T>(call: () => Promise<Outcome<T>>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await call();
    if (outcome.ok) return outcome.value;
    if (!outcome.error.temporary || performance.now() > giveUpAt) {
      throw new BackendError(
        `Redis cannot be used: ${outcome.error.message}. Run this again when it can: it begins anew`,
      );
    }
    await delay(RETRY_MS);
  }
}

export function* portionsOf<R extends MovedRows[MovedKind]>(rows: Iterable<R>): Generator<readonly R[]> {
  let portion: R[] = [];
  let weight = 0;
  for (const row of rows) {
    const more = weightOf(row);
    if (portion.length > 0 && weight + more > AT_ONCE) {
      yield portion;
      portion = [];
      weight = 0;
    }
    portion.push(row);
    weight += more;
  }
  if (portion.length > 0) yield portion;
}

function weightOf(row: MovedRows[MovedKind]): number {
  if ('positions' in row) return 1 + row.positions.length;
  if ('recv' in row) return 1 + row.sent.length + row.recv.length + row.read.length;
  if ('answer' in row) return 1 + (row.answer?.length ?? 0) / ENTRY_CHARS;
  return 1 + countIn(row);
}

/** The rows of one thing must be written one after the other. */
function groupsOf<R extends { readonly tag: string }>(rows: readonly R[]): readonly (readonly R[])[] {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const group = groups.get(row.tag) ?? [];
    group.push(row);
    groups.set(row.tag, group);
  }
  return [...groups.values()];
}

export function countIn(row: MovedRows[MovedKind]): number {
  if ('entries' in row) return row.entries.length;
  if ('seqs' in row) return row.seqs.length;
  if ('answers' in row) return row.answers.length;
  if ('rooms' in row) return row.rooms.length;
  if ('users' in row) return row.users.length;
  return 'held' in row ? row.held.length : 1;
}
