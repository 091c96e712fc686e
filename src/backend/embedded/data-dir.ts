import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BackendError } from '../backend.ts';
import { createSpaceWatch, diskSpaceOf } from './disk-space.ts';
import { checkNotOwned, type OnConnection, openLock } from './lock.ts';
import { openTables, type Tables } from './tables.ts';

export interface DataDir {
  readonly tables: Tables;
  /** Generated when the store is created. */
  readonly secret: string;
  /** The facts that an operator should know now, one sentence each. */
  warnings(): readonly string[];
  readonly isNearlyFull: () => boolean;
  /** Passes on who connects to the socket of the lock from now on, see opening.ts. */
  serveConnections(serve: OnConnection): void;
  close(): Promise<void>;
}

/** The layout of the tables. */
export const FORMAT = 1;
export const DATA_FILE = 'data.mdb';
export const WARN_FREE_BYTES = 1024 ** 3;

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
  const isNew = !existsSync(join(dir, DATA_FILE));
  const tables = refuseUnusable(dir, () => openTables(dir, disk));
  try {
    const opened = dataFileIn(dir);
    // Messages are for the user that runs the server.
    if (isNew) chmodSync(join(dir, DATA_FILE), 0o600);
    let onConnection: OnConnection = (socket) => void socket.destroy();
    const lock = await openLock(dir, tables, (socket) => onConnection(socket));
    if (dataFileIn(dir) !== opened) {
      await lock.release();
      throw new BackendError(`DATA_DIR ${dir} got another store while this one was opened. Start again.`);
    }
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
      isNearlyFull: createSpaceWatch(disk),
      serveConnections: (serve) => {
        onConnection = serve;
      },
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

export function lowSpace(dir: string): string {
  return `DATA_DIR ${dir} has less than 1 GiB of free space; below 256 MiB rooms that never had a message and inboxes of users who were never there take none from people, below 64 MiB no message is taken.`;
}

function refuseUnusable<T>(dir: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw unusable(dir, error);
  }
}

const dataFileIn = (dir: string) => statSync(join(dir, DATA_FILE)).ino;

/**
 * Makes a folder for its user alone. Does not pass `recursive`: Node 20 loops for ever where the file system reports
 * ENOENT below an existing folder (/proc).
 */
export function makeFolder(dir: string, mode = 0o700): void {
  if (existsSync(dir)) return;
  if (dirname(dir) !== dir) makeFolder(dirname(dir), 0o777);
  mkdirSync(dir, { mode });
}
