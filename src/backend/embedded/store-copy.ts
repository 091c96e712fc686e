import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { open } from 'lmdb';
import { BackendError } from '../backend.ts';
import { FORMAT } from './data-dir.ts';
import { UnknownLayoutError } from './data-pages.ts';
import { diskSpaceOf } from './disk-space.ts';
import { eraseFreedBytes, eraseFreedBytesOf } from './freed-bytes.ts';
import { DATA_FILE, LOCK_FILE } from './store-files.ts';
import { type KeyedRow, MAX_TABLES, openTables } from './tables.ts';

/*
 * lmdb trusts its file: opening a damaged one ends the process with a segmentation fault or a bus error. So a file of
 * unknown state is opened in a child process, whose signal becomes a sentence.
 */

const READER_IN_THE_WAY = -1;
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
 * undefined if a reader still needs some of them. In a process of its own it holds up commits, but no event.
 */
export async function eraseFreedApart(folder: string): Promise<number | undefined> {
  const erased = await work('eraseFreed', folder, [folder], 'see what roomcast doctor says');
  return erased === READER_IN_THE_WAY ? undefined : erased;
}

async function work(
  name: keyof typeof WORK,
  shownAs: string,
  args: readonly string[],
  advice = 'use another backup',
): Promise<number> {
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
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const answer = answerIn(text);
  if (answer && 'logs' in answer) return answer.logs;
  if (answer?.isFinal) throw new BackendError(answer.message);
  const why = answer?.message ?? `a process that read it ended with ${signal ?? `code ${code}`}`;
  throw new BackendError(`The store in ${shownAs} cannot be read (${why}). It is damaged: ${advice}.`);
}

type ChildAnswer = { readonly logs: number } | { readonly message: string; readonly isFinal: boolean };

function answerIn(text: string): ChildAnswer | undefined {
  try {
    return JSON.parse(text) as ChildAnswer;
  } catch {
    return undefined;
  }
}

async function copyStore(source: string, target: string): Promise<void> {
  const store = open({ path: source, readOnly: true, noSubdir: false, overlappingSync: false });
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
  try {
    return (await eraseFreedBytes(folder)) ?? READER_IN_THE_WAY;
  } catch (error) {
    if (!(error instanceof UnknownLayoutError)) throw error;
    throw new BackendError(`The pages of ${folder} have a layout that is not known: ${error.message}.`);
  }
}

async function readStore(folder: string, limitMs: string): Promise<void> {
  const root = open({
    path: folder,
    readOnly: true,
    noSubdir: false,
    overlappingSync: false,
    maxDbs: MAX_TABLES,
  });
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
