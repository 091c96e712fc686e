import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { type ByteRange, pageBytesIn, usedPages } from './data-pages.ts';
import { DATA_FILE } from './store-files.ts';
import { MAX_TABLES } from './tables.ts';

/*
 * lmdb writes each changed page to another place. The old one keeps its bytes until some later commit needs a page, which may
 * be never, and removing a value from a page leaves its bytes in the gap between the others. So a deleted text stays in the
 * file. Here all bytes that mean nothing are overwritten with zeros. It is safe while other processes use the store: the lock
 * of its writers is held, no reader has an older moment of the store open, and every byte that is written belongs to no page
 * that the newest commit can reach. A crash at any point leaves the same store.
 */

/** A reader that is older than the last commit ends within milliseconds, unless it copies the store. */
const READERS_WAIT_MS = 250;
const POLL_MS = 5;
const MAX_WRITE_BYTES = 1024 * 1024;

/** Returns the bytes that were overwritten, or undefined if a reader still needs an older moment of the store: try again later. */
export async function eraseFreedBytes(folder: string): Promise<number | undefined> {
  const root = open({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    maxDbs: MAX_TABLES,
  });
  try {
    // No commit begins before the callback ends.
    return root.transactionSync(() => eraseIn(join(folder, DATA_FILE), () => readersIn(root.readerList())));
  } finally {
    await root.close();
  }
}

/** Does the same for a file that no process has open. */
export function eraseFreedBytesOf(dataFile: string): void {
  eraseIn(dataFile, () => []);
}

function eraseIn(dataFile: string, readers: () => readonly bigint[]): number | undefined {
  const file = openSync(dataFile, 'r+');
  try {
    const first = Buffer.alloc(4096);
    readSync(file, first, 0, first.length, 0);
    const page = Buffer.alloc(pageBytesIn(first));
    const { pageBytes, txn, used, gaps } = usedPages((number) => {
      readSync(file, page, 0, page.length, number * page.length);
      return page;
    });
    if (!endOlderThan(txn, readers)) return undefined;
    let erased = 0;
    for (const range of [...unusedRanges(used, pageBytes, fstatSync(file).size), ...gaps]) {
      erased += zero(file, range);
    }
    if (erased > 0) fdatasyncSync(file);
    return erased;
  } finally {
    closeSync(file);
  }
}

/** Waits until no reader has a moment before that transaction open. No new one can, since nothing is committed meanwhile. */
function endOlderThan(txn: bigint, readers: () => readonly bigint[]): boolean {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; readers().some((reader) => reader < txn); waitedMs += POLL_MS) {
    if (waitedMs >= READERS_WAIT_MS) return false;
    Atomics.wait(clock, 0, 0, POLL_MS);
  }
  return true;
}

/** The transactions that readers of all processes have open, as lmdb lists them: `pid thread txn` a line, `-` for none. */
function readersIn(list: string): bigint[] {
  return Array.from(list.matchAll(/^\s*\d+ +[0-9a-f]+ +(\d+)$/gm), ([, txn = '']) => BigInt(txn));
}

function* unusedRanges(used: Uint8Array, pageBytes: number, size: number): Generator<ByteRange> {
  const pages = Math.ceil(size / pageBytes);
  for (let page = 0; page < pages; page += 1) {
    if (used[page] === 1) continue;
    let end = page + 1;
    while (end < pages && used[end] !== 1) end += 1;
    yield* portions({ start: page * pageBytes, end: Math.min(size, end * pageBytes) });
    page = end;
  }
}

function* portions({ start, end }: ByteRange): Generator<ByteRange> {
  for (let from = start; from < end; from += MAX_WRITE_BYTES) {
    yield { start: from, end: Math.min(end, from + MAX_WRITE_BYTES) };
  }
}

/** Writes only where there is something to overwrite: most free pages are zero since the last time. */
function zero(file: number, { start, end }: ByteRange): number {
  if (start >= end) return 0;
  const bytes = Buffer.alloc(end - start);
  const length = readSync(file, bytes, 0, bytes.length, start);
  if (bytes.every((byte) => byte === 0)) return 0;
  writeSync(file, bytes.fill(0), 0, length, start);
  return length;
}
