import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { open } from 'lmdb';
import { BackendError } from '../backend.ts';
import { FORMAT, openDataDir } from './data-dir.ts';
import { diskSpaceOf } from './disk-space.ts';
import { checkNotOwned } from './lock.ts';
import { openTables } from './tables.ts';

/*
 * A backup is a folder with a store (data.mdb), the key of the API if it is in a file, and a manifest. The copy is one
 * read transaction of lmdb, which may run in any process: it is one moment of the store, whatever the primary commits
 * meanwhile. A copy of the file itself mixes the pages of several commits and does not open.
 */

const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';
const KEY_FILE = 'api-key';
const MANIFEST = 'backup.json';

export interface BackupSummary {
  /** Ms since 1970. */
  readonly takenAt: number;
  /** Rooms, inboxes and announcements with a log. */
  readonly logs: number;
  readonly bytes: number;
}

export interface RestoreSummary extends BackupSummary {
  /** The folder that has the store which stood in DATA_DIR. */
  readonly replaced: string | undefined;
}

interface Manifest {
  readonly format: number;
  readonly takenAt: number;
}

/** Copies the store of a folder, also while a primary writes to it, into a new folder. */
export async function backUp(dataDir: string, target: string, now: () => number): Promise<BackupSummary> {
  const source = resolve(dataDir);
  const folder = resolve(target);
  if (!existsSync(join(source, DATA_FILE))) {
    throw new BackendError(`DATA_DIR ${source} holds no store. Set DATA_DIR to that of the server.`);
  }
  if (existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0)) {
    throw new BackendError(`${folder} is not an empty folder. Choose a new one for each backup.`);
  }
  // Under another name until it is complete: an interrupted backup must not look like one.
  const draft = `${folder}.partial-${randomBytes(4).toString('hex')}`;
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  try {
    const takenAt = now();
    await copyStore(source, draft);
    const logs = await checkStore(draft);
    if (existsSync(join(source, KEY_FILE))) copyKey(source, draft);
    writeFileSync(
      join(draft, MANIFEST),
      `${JSON.stringify({ format: FORMAT, takenAt } satisfies Manifest)}\n`,
    );
    const { size } = statSync(join(draft, DATA_FILE));
    for (const file of readdirSync(draft)) syncPath(join(draft, file));
    syncPath(draft);
    renameSync(draft, folder);
    syncPath(dirname(folder));
    return { takenAt, logs, bytes: size };
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Puts a backup into a folder in which no primary runs. `force` replaces the store that is there, and keeps it aside. */
export async function restore(
  backup: string,
  dataDir: string,
  { force, now }: { readonly force: boolean; readonly now: () => number },
): Promise<RestoreSummary> {
  const source = resolve(backup);
  const target = resolve(dataDir);
  const manifest = readManifest(source);
  const holdsStore = existsSync(join(target, DATA_FILE));
  await checkNotOwned(target);
  if (!force && existsSync(target) && readdirSync(target).length > 0) {
    throw new BackendError(
      `DATA_DIR ${target} is not empty. Choose another DATA_DIR, or say --force: the store that is there is kept under another name.`,
    );
  }
  const draft = `${target}.restore-${randomBytes(4).toString('hex')}`;
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  try {
    copyFileSync(join(source, DATA_FILE), join(draft, DATA_FILE));
    const logs = await checkStore(draft);
    const { size } = statSync(join(draft, DATA_FILE));
    syncPath(join(draft, DATA_FILE));
    // The lock keeps a primary out that starts now.
    const lock = await openDataDir(target);
    let replaced: string | undefined;
    try {
      if (holdsStore) {
        replaced = join(target, `${DATA_FILE}.before-${new Date(now()).toISOString().replace(/[:.]/g, '-')}`);
        renameSync(join(target, DATA_FILE), replaced);
      }
      // It belongs to the store that was open until now; lmdb makes a new one.
      rmSync(join(target, LOCK_FILE), { force: true });
      renameSync(join(draft, DATA_FILE), join(target, DATA_FILE));
      if (existsSync(join(source, KEY_FILE))) copyKey(source, target);
      syncPath(target);
    } finally {
      await lock.close();
    }
    return { takenAt: manifest.takenAt, logs, bytes: size, replaced };
  } finally {
    rmSync(draft, { recursive: true, force: true });
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
}

/** Opens a store as the primary would and counts its logs. */
async function checkStore(folder: string): Promise<number> {
  const disk = { ...diskSpaceOf(folder), freeBytes: () => Number.POSITIVE_INFINITY };
  const tables = openTables(folder, disk);
  try {
    if (tables.fact('format') !== FORMAT)
      throw new BackendError(`${folder} was written by another version of Roomcast. Use that version.`);
    const page = 1_000;
    let logs = 0;
    for (let last = ''; ; ) {
      const found = tables.logMetaAfter(last, page);
      logs += found.length;
      if (found.length < page) return logs;
      last = found.at(-1)?.tag ?? '';
    }
  } finally {
    await tables.close();
    rmSync(join(folder, LOCK_FILE), { force: true });
  }
}

function readManifest(folder: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Partial<Manifest>;
  } catch {
    throw new BackendError(`${folder} is no backup: it has no ${MANIFEST} that can be read.`);
  }
  if (manifest.format !== FORMAT || typeof manifest.takenAt !== 'number') {
    throw new BackendError(
      `${folder} was made by another version of Roomcast (format ${manifest.format}, this one reads ${FORMAT}). Restore it with that version.`,
    );
  }
  return { format: manifest.format, takenAt: manifest.takenAt };
}

function copyKey(source: string, target: string): void {
  copyFileSync(join(source, KEY_FILE), join(target, KEY_FILE));
  chmodSync(join(target, KEY_FILE), 0o600);
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
