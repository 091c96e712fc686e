import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import { BackendError } from '../backend.ts';
import { FORMAT } from './data-dir.ts';
import { UnknownLayoutError } from './data-pages.ts';
import { diskSpaceOf } from './disk-space.ts';
import { eraseFreedBytes, eraseFreedBytesOf } from './freed-bytes.ts';
import { connectToOwner } from './lock.ts';
import { whileNothingCommits } from './opening.ts';
import { DATA_FILE, LOCK_FILE } from './store-files.ts';
import { type KeyedRow, MAX_TABLES, openTables } from './tables.ts';

/*
 * lmdb trusts its file: opening a damaged one ends the process with a segmentation fault or a bus error. So a file of
 * unknown state is opened in a child process, whose signal becomes a sentence.
 */

const READER_IN_THE_WAY = -1;
/** A child that holds the lock of the writers for so long stands still, and everybody waits for it. */
const LOCK_LIMIT_MS = 10_000;
const LOCKING = 'locking';
const WORK = { copyStore, checkStore, readStore, eraseFreed };

/** Runs in the child: prints the result, or why there is none, as JSON. */
export async function runApart(name: keyof typeof WORK, args: readonly string[]): Promise<void> {
  const [first = '', second = ''] = args;
  try {
    const logs = (await WORK[name](first, second)) ?? 0;
    process.stdout.write(JSON.stringify({ logs }));
  } catch (error) {
    const { message } = error as Error;
    process.stdout.write(JSON.stringify({ message, isFinal: error instanceof BackendError }));
  }
}

/** Copies the store of a folder, one moment of it, into another folder. */
export async function copyStoreApart(source: string, target: string): Promise<void> {
  await work('copyStore', source, [source, target]);
}

/** Opens the store of a folder as the primary would, and counts its logs. */
export function checkStoreApart(folder: string, shownAs: string): Promise<number> {
  return work('checkStore', shownAs, [folder]);
}

/** Reads what it can of the store of a folder in the given time, and changes nothing. A server may use it meanwhile. */
export async function readStoreApart(folder: string, limitMs: number): Promise<void> {
  await work('readStore', folder, [folder, String(limitMs)], 'restore a backup');
}

/**
 * Overwrites the bytes of a folder's store that nothing refers to any more, while a server uses it. Returns their number, or
 * undefined if a reader still needs some of them. It ends when the signal is aborted, and with this process. It can be ended at
 * any time: what it did not come to is left for the next.
 */
export async function eraseFreedApart(folder: string, signal?: AbortSignal): Promise<number | undefined> {
  const child = start('eraseFreed', [folder]);
  const stop = () => child.kill('SIGKILL');
  let limit: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: string) => {
    clearTimeout(limit);
    if (chunk.endsWith(`${LOCKING}\n`)) limit = setTimeout(stop, LOCK_LIMIT_MS);
  });
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const ended = await end(child);
    if ('logs' in ended) return ended.logs === READER_IN_THE_WAY ? undefined : ended.logs;
    if (signal?.aborted) return undefined;
    throw new BackendError(`The bytes of erased messages in ${folder} stay for now: ${ended.message}`);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', stop);
  }
}

async function work(
  name: keyof typeof WORK,
  shownAs: string,
  args: readonly string[],
  advice = 'use another backup',
): Promise<number> {
  const ended = await end(start(name, args));
  if ('logs' in ended) return ended.logs;
  if (ended.isFinal) throw new BackendError(ended.message);
  throw new BackendError(
    `The store in ${shownAs} cannot be read (${ended.message}). It is damaged: ${advice}.`,
  );
}

function start(name: keyof typeof WORK, args: readonly string[]): Child {
  const url = new URL(`./store-copy${extname(import.meta.url)}`, import.meta.url).href;
  const script = 'const [url, ...rest] = process.argv.slice(1); const [name, ...args] = rest;';
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      '-e',
      `${script} import(url).then((module) => module.runApart(name, args));`,
      url,
      name,
      ...args,
    ],
    // The first is never written to. It closes when this process ends, however that happens.
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  child.stdout.setEncoding('utf8');
  return child;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;
type ChildAnswer = { readonly logs: number } | { readonly message: string; readonly isFinal: boolean };

async function end(child: Child): Promise<ChildAnswer> {
  let text = '';
  child.stdout.on('data', (chunk: string) => {
    text += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const last = text.split('\n').at(-1) ?? '';
  try {
    return JSON.parse(last) as ChildAnswer;
  } catch {
    const message = `a process that read it ended with ${signal ?? `code ${code}`}`;
    return { message, isFinal: false };
  }
}

/** Opens a store that a server may write to. */
function openBeside(folder: string, options: RootDatabaseOptions): Promise<RootDatabase> {
  return whileNothingCommits(
    folder,
    () => connectToOwner(folder),
    () => open({ path: folder, readOnly: true, noSubdir: false, ...options }),
  );
}

async function copyStore(source: string, target: string): Promise<void> {
  const store = await openBeside(source, { overlappingSync: false });
  try {
    await (store as unknown as { backup(path: string, compact: boolean): Promise<void> }).backup(
      target,
      true,
    );
  } finally {
    await store.close();
  }
  // lmdb copies whole pages, with what was removed from them.
  eraseFreedBytesOf(join(target, DATA_FILE));
}

async function eraseFreed(folder: string): Promise<number> {
  // Nobody ends it once the primary is killed.
  process.stdin.on('end', () => process.exit()).resume();
  const notices = {
    locking: () => void writeSync(1, `${LOCKING}\n`),
    released: () => void writeSync(1, 'released\n'),
  };
  try {
    return (await eraseFreedBytes(folder, notices)) ?? READER_IN_THE_WAY;
  } catch (error) {
    if (!(error instanceof UnknownLayoutError)) throw error;
    throw new BackendError(`The pages of ${folder} have a layout that is not known: ${error.message}.`);
  } finally {
    // It would keep this process alive.
    process.stdin.destroy();
  }
}

async function readStore(folder: string, limitMs: string): Promise<void> {
  const root = await openBeside(folder, { overlappingSync: false, maxDbs: MAX_TABLES });
  try {
    // All names before a table is opened, and all tables before a row is read: opening one ends the cursors.
    const names = Array.from(root.getKeys(), String);
    const tables = names.map((name) => [name, root.openDB(name, {})] as const);
    const format: unknown = tables.find(([name]) => name === 'facts')?.[1].get('format');
    if (format !== undefined && format !== FORMAT)
      throw new BackendError(`${folder} was written by another version of Roomcast. Use that version.`);
    const deadline = performance.now() + Number(limitMs);
    for (const [, table] of tables) {
      for (const _row of table.getRange()) if (performance.now() > deadline) return;
    }
  } finally {
    await root.close();
  }
}

async function checkStore(folder: string): Promise<number> {
  const disk = { ...diskSpaceOf(folder), freeBytes: () => Number.POSITIVE_INFINITY };
  const tables = openTables(folder, disk);
  try {
    if (tables.fact('format') !== FORMAT)
      throw new BackendError(`${folder} was written by another version of Roomcast. Use that version.`);
    const page = 1_000;
    let logs = 0;
    for (let last: string | undefined; ; ) {
      const found: KeyedRow<'logMeta'>[] = tables.rowsAfter('logMeta', last, page);
      logs += found.length;
      if (found.length < page) return logs;
      last = found.at(-1)?.key;
    }
  } finally {
    await tables.close();
    rmSync(join(folder, LOCK_FILE), { force: true });
  }
}
