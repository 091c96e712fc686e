import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { open, type RootDatabase } from 'lmdb';
import {
  type ByteRange,
  newestMeta,
  pageBytesIn,
  type ReadPage,
  txnOf,
  type UsedPages,
  usedPages,
} from './data-pages.ts';
import { connectToOwner } from './lock.ts';
import { whileNothingCommits } from './opening.ts';
import { DATA_FILE } from './store-files.ts';
import { MAX_TABLES } from './tables.ts';

/*
 * lmdb writes each changed page to another place. The old one keeps its bytes until some later commit needs a page, which may
 * be never, and removing a value from a page leaves its bytes in the gap between the others. So a deleted text stays in the
 * file. Here all bytes that mean nothing are overwritten with zeros, while other processes use the store. The pages of one
 * commit are found without a lock: a reader that stays open keeps them as they are. Then portions of the rest are overwritten,
 * each under the lock of the writers, so that no commit waits for long. Within it, what later commits took is left out, and
 * nothing is written while a reader has another moment of the store open. A crash at any point leaves the same store.
 */

/** A reader that is older than the last commit ends within milliseconds, unless it copies the store. */
const READERS_WAIT_MS = 250;
const POLL_MS = 5;
const CHUNK_BYTES = 1024 * 1024;
/** Under one holding of the lock: some milliseconds. */
const CHUNKS_AT_ONCE = 4;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

type Store = Pick<RootDatabase, 'readerList' | 'resetReadTxn' | 'transactionSync' | 'useReadTransaction'>;

export interface LockNotices {
  /** Called before it asks for the lock of the writers. */
  locking(): void;
  released(): void;
}

/** Returns the bytes that were overwritten, or undefined if a reader still needs an older moment of the store: try again later. */
export async function eraseFreedBytes(folder: string, notices?: LockNotices): Promise<number | undefined> {
  const root = await whileNothingCommits(
    folder,
    () => connectToOwner(folder),
    () =>
      open({
        path: folder,
        noSubdir: false,
        overlappingSync: false,
        eventTurnBatching: false,
        maxDbs: MAX_TABLES,
      }),
  );
  try {
    const file = openSync(join(folder, DATA_FILE), 'r+');
    try {
      return await eraseInUse(root, file, notices);
    } finally {
      closeSync(file);
    }
  } finally {
    await root.close();
  }
}

/** Does the same for a file that no process has open. */
export function eraseFreedBytesOf(dataFile: string): void {
  const file = openSync(dataFile, 'r+');
  try {
    const readPage = pageReader(file);
    for (const range of dirtyRanges(file, usedPages(readPage, newestMeta(readPage)))) overwrite(file, range);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function eraseInUse(root: Store, file: number, notices?: LockNotices): Promise<number | undefined> {
  const readPage = pageReader(file);
  const moment = holdMoment(root, readPage);
  try {
    const kept = usedPages(readPage, moment.meta);
    const eraseNow = (ranges: readonly ByteRange[]): number | undefined => {
      const meta = newestMeta(readPage);
      const [held, last] = [txnOf(moment.meta), txnOf(meta)];
      if (readersIn(root.readerList()).some((txn) => txn !== held && txn < last)) return undefined;
      const later = usedPages(readPage, meta, kept);
      const unused = ranges.flatMap((range) => [...without(later, range)]);
      return unused.reduce((bytes, range) => bytes + overwrite(file, range), 0);
    };
    let erased = 0;
    for (const ranges of inPortions(dirtyRanges(file, kept))) {
      const bytes = await underLock(root, () => eraseNow(ranges), notices);
      if (bytes === undefined) return undefined;
      erased += bytes;
    }
    if (erased > 0) fdatasyncSync(file);
    return erased;
  } finally {
    moment.release();
  }
}

/** Repeats it, each time under the lock of the writers, until it returns something or readers have had their time. */
async function underLock<T>(root: Store, run: () => T | undefined, notices?: LockNotices) {
  for (let waitedMs = 0; waitedMs <= READERS_WAIT_MS; waitedMs += POLL_MS) {
    notices?.locking();
    const result = root.transactionSync(run);
    notices?.released();
    // Those who wait for the lock get it before it is asked for again.
    await pause(POLL_MS);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** Until it is released, no commit writes to a page that the commit of this meta uses. */
function holdMoment(root: Store, readPage: ReadPage) {
  for (;;) {
    const meta = newestMeta(readPage);
    const transaction = root.useReadTransaction();
    const release = () => {
      transaction.done();
      root.resetReadTxn();
    };
    if (newestMeta(readPage).equals(meta)) return { meta, release };
    release();
  }
}

function pageReader(file: number): ReadPage {
  const first = Buffer.alloc(4096);
  readSync(file, first, 0, first.length, 0);
  const page = Buffer.alloc(pageBytesIn(first));
  return (number) => {
    readSync(file, page, 0, page.length, number * page.length);
    return page;
  };
}

/** The transactions that readers of all processes have open, as lmdb lists them: `pid thread txn` a line, `-` for none. */
function readersIn(list: string): bigint[] {
  return Array.from(list.matchAll(/^\s*\d+ +[0-9a-f]+ +(\d+)$/gm), ([, txn = '']) => BigInt(txn));
}

/** Everything that a commit does not use and that is not zero, in ranges of at most a chunk. */
function* dirtyRanges(file: number, pages: UsedPages): Generator<ByteRange> {
  const bytes = Buffer.alloc(CHUNK_BYTES);
  function* dirtyIn({ start, end }: ByteRange): Generator<ByteRange> {
    for (let from = start; from < end; from += CHUNK_BYTES) {
      const to = Math.min(end, from + CHUNK_BYTES);
      const length = readSync(file, bytes, 0, to - from, from);
      if (!isZero(bytes.subarray(0, length))) yield { start: from, end: from + length };
    }
  }
  for (const range of without(pages, { start: 0, end: fstatSync(file).size })) yield* dirtyIn(range);
  for (const range of pages.gaps) yield* dirtyIn(range);
}

/** The parts of a range, which begins and ends anywhere, that are on no used page. */
function* without(
  { used, pageBytes }: Pick<UsedPages, 'used' | 'pageBytes'>,
  { start, end }: ByteRange,
): Generator<ByteRange> {
  let from = start;
  for (let page = Math.floor(start / pageBytes); page * pageBytes < end; page += 1) {
    if (used[page] !== 1) continue;
    if (from < page * pageBytes) yield { start: from, end: page * pageBytes };
    from = (page + 1) * pageBytes;
  }
  if (from < end) yield { start: from, end };
}

function* inPortions(ranges: Iterable<ByteRange>): Generator<ByteRange[]> {
  let portion: ByteRange[] = [];
  let bytes = 0;
  for (const range of ranges) {
    portion.push(range);
    bytes += range.end - range.start;
    if (bytes < CHUNKS_AT_ONCE * CHUNK_BYTES) continue;
    yield portion;
    [portion, bytes] = [[], 0];
  }
  if (portion.length > 0) yield portion;
}

const isZero = (bytes: Buffer) => bytes.equals(ZEROS.subarray(0, bytes.length));

function overwrite(file: number, { start, end }: ByteRange): number {
  for (let at = start; at < end; ) at += writeSync(file, ZEROS, 0, Math.min(CHUNK_BYTES, end - at), at);
  return end - start;
}
