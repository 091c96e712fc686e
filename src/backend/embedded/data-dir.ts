import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BackendError } from '../backend.ts';
import { diskSpaceOf } from './disk-space.ts';
import { checkNotOwned, openLock } from './lock.ts';
import { openTables, type Tables } from './tables.ts';

export interface DataDir {
  readonly tables: Tables;
  /** Generated when the store is created. */
  readonly secret: string;
  /** What an operator should know now, one sentence each. */
  warnings(): readonly string[];
  close(): Promise<void>;
}

/** The layout of the tables. */
export const FORMAT = 1;
const WARN_FREE_BYTES = 1024 ** 3;

/** Opens the folder of the store, which this process alone owns from then on. */
export async function openDataDir(dataDir: string): Promise<DataDir> {
  const dir = resolve(dataDir);
  refuseUnusable(dir, () => {
    makeFolder(dir);
    if (!statSync(dir).isDirectory()) throw new Error('it is not a folder');
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  });
  await checkNotOwned(dir);
  const disk = diskSpaceOf(dir);
  const tables = refuseUnusable(dir, () => openTables(dir, disk));
  try {
    const lock = await openLock(dir, tables);
    tables.compareAndSetFact('format', undefined, FORMAT);
    tables.compareAndSetFact('secret', undefined, randomBytes(32).toString('base64url'));
    if (tables.fact('format') !== FORMAT) {
      await lock.release();
      throw new BackendError(
        `DATA_DIR ${dir} was written by another version of Roomcast. Use that version, or choose another DATA_DIR.`,
      );
    }
    return {
      tables,
      secret: tables.fact('secret') as string,
      warnings: () => (disk.freeBytes() < WARN_FREE_BYTES ? [lowSpace(dir)] : []),
      async close() {
        await lock.release();
        await tables.close();
      },
    };
  } catch (error) {
    await tables.close();
    throw unusable(dir, error);
  }
}

function unusable(dir: string, error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  const reason = (error as Error).message;
  return new BackendError(
    `DATA_DIR ${dir} cannot be used (${reason}). It must be a folder this user may write to, with free space; make it so, or choose another DATA_DIR.`,
  );
}

function lowSpace(dir: string): string {
  return `DATA_DIR ${dir} has less than 1 GiB of free space; below 64 MiB no message is taken.`;
}

function refuseUnusable<T>(dir: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw unusable(dir, error);
  }
}

/**
 * Does not pass `recursive`: Node 20 loops for ever where the file system reports ENOENT below an existing folder
 * (/proc).
 */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  if (dirname(dir) !== dir) makeFolder(dirname(dir));
  mkdirSync(dir);
}
