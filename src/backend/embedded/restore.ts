import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { BackendError } from '../backend.ts';
import type { BackupSummary } from './backup.ts';
import { makeFolder } from './data-dir.ts';
import { checkNotOwned, holdFolder } from './lock.ts';
import { checkStoreApart } from './store-copy.ts';
import {
  DATA_FILE,
  KEY_FILE,
  LOCK_FILE,
  type Manifest,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  readManifest,
  sumOf,
  syncPath,
} from './store-files.ts';

export interface RestoreSummary extends BackupSummary {
  /** The path that the store which stood in DATA_DIR has now. */
  readonly replaced: string | undefined;
}

const DRAFT = '.restore-';

/**
 * Puts a backup into a folder in which no primary runs. `force` replaces the store that is there, and keeps it aside. The
 * store that is there is never opened: it may be the damaged one that the backup is to replace.
 */
export async function restore(
  backup: string,
  dataDir: string,
  { force, now }: { readonly force: boolean; readonly now: () => number },
): Promise<RestoreSummary> {
  const source = resolve(backup);
  const manifest = readManifest(source);
  await checkNotOwned(resolve(dataDir));
  if (!force && existsSync(dataDir) && readdirSync(dataDir).some((name) => !name.startsWith(DRAFT))) {
    throw new BackendError(
      `DATA_DIR ${resolve(dataDir)} is not empty. Choose another DATA_DIR, or say --force: the store that is there is kept under another name.`,
    );
  }
  makeFolder(resolve(dataDir));
  // DATA_DIR may be a mount or a link: a rename from beside it would cross file systems.
  const target = realpathSync(dataDir);
  const lock = await holdFolder(target);
  try {
    for (const name of readdirSync(target))
      if (name.startsWith(DRAFT)) rmSync(join(target, name), { recursive: true, force: true });
    const draft = join(target, `${DRAFT}${randomBytes(4).toString('hex')}`);
    mkdirSync(draft, { mode: PRIVATE_FOLDER });
    try {
      const { logs, bytes } = await prepare(source, manifest, draft);
      for (const name of readdirSync(draft)) giveToOwnerOf(target, join(draft, name));
      const replaced = putInPlace(draft, target, now);
      return { takenAt: manifest.takenAt, logs, bytes, replaced };
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}

/** Copies the files of a backup and checks the copy. */
async function prepare(
  source: string,
  manifest: Manifest,
  draft: string,
): Promise<{ readonly logs: number; readonly bytes: number }> {
  const copy = join(draft, DATA_FILE);
  copyFileSync(join(source, DATA_FILE), copy);
  const sum = await sumOf(copy);
  const { data } = manifest;
  if (data && (data.bytes !== sum.bytes || data.sha256 !== sum.sha256)) {
    throw new BackendError(
      `${join(source, DATA_FILE)} is not the file that was backed up: ${sum.bytes} bytes with SHA-256 ${sum.sha256}, not ${data.bytes} with ${data.sha256}. Use another backup.`,
    );
  }
  const logs = await checkStoreApart(draft, source);
  if (existsSync(join(source, KEY_FILE))) copyFileSync(join(source, KEY_FILE), join(draft, KEY_FILE));
  return { logs, bytes: sum.bytes };
}

/** The server may run as another user than the one that restores. */
function giveToOwnerOf(folder: string, file: string): void {
  const { uid, gid } = statSync(folder);
  const now = statSync(file);
  if (now.uid !== uid || (process.getuid?.() === 0 && now.gid !== gid)) {
    try {
      chownSync(file, uid, gid);
    } catch {
      throw new BackendError(
        `DATA_DIR ${folder} belongs to another user (uid ${uid}), to whom this one may give no files. Run it as that user, or as root.`,
      );
    }
  }
  chmodSync(file, PRIVATE_FILE);
  syncPath(file);
}

/** At every moment the folder holds a whole store. Returns where the old one is kept. */
function putInPlace(draft: string, target: string, now: () => number): string | undefined {
  const place = join(target, DATA_FILE);
  const kept = `${place}.before-${new Date(now()).toISOString().replace(/[:.]/g, '-')}`;
  const isKept = existsSync(place);
  const movesBack = isKept && keep(place, kept);
  try {
    renameSync(join(draft, DATA_FILE), place);
  } catch (error) {
    if (movesBack) renameSync(kept, place);
    else if (isKept) rmSync(kept, { force: true });
    throw new BackendError(`${place} cannot be replaced (${(error as Error).message}); it is as it was.`);
  }
  try {
    // The lock file belongs to the store that was there; lmdb makes a new one.
    rmSync(join(target, LOCK_FILE), { force: true });
    if (existsSync(join(draft, KEY_FILE))) renameSync(join(draft, KEY_FILE), join(target, KEY_FILE));
    syncPath(target);
  } catch (error) {
    const old = isKept ? ` The store that was there is ${kept}.` : '';
    throw new BackendError(
      `${place} is the store of the backup, but the rest failed (${(error as Error).message}).${old}`,
    );
  }
  return isKept ? kept : undefined;
}

/** Gives the old store its second name. True if it had to lose the first: some file systems have no hard links. */
function keep(place: string, kept: string): boolean {
  try {
    linkSync(place, kept);
    return false;
  } catch {
    renameSync(place, kept);
    return true;
  }
}
