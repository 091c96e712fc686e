import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BackendError } from '../backend.ts';
import { FORMAT } from './data-dir.ts';
import { checkStoreApart, copyStoreApart } from './store-copy.ts';
import {
  DATA_FILE,
  KEY_FILE,
  MANIFEST,
  type Manifest,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  sumOf,
  syncPath,
} from './store-files.ts';

/*
 * A backup is a folder with a store (data.mdb), the key of the API if it is in a file, and a manifest. The copy is one
 * read transaction of lmdb, which may run in any process: it is one moment of the store, whatever the primary commits
 * meanwhile. A copy of the file itself mixes the pages of several commits and does not open.
 */

export interface BackupSummary {
  /** Ms since 1970. */
  readonly takenAt: number;
  /** Rooms, inboxes and announcements with a log. */
  readonly logs: number;
  readonly bytes: number;
}

/** Copies the store of a folder, also while a primary writes to it, into a new folder. */
export async function backUp(dataDir: string, target: string, now: () => number): Promise<BackupSummary> {
  const source = resolve(dataDir);
  if (!existsSync(join(source, DATA_FILE))) {
    throw new BackendError(`DATA_DIR ${source} holds no store. Set DATA_DIR to that of the server.`);
  }
  const isNew = !existsSync(target);
  if (!isNew && (!statSync(target).isDirectory() || readdirSync(target).length > 0)) {
    throw new BackendError(`${resolve(target)} is not an empty folder. Choose a new one for each backup.`);
  }
  if (isNew) mkdirSync(target, { recursive: true, mode: PRIVATE_FOLDER });
  // The folder may be a mount or a link: a rename from beside it would cross file systems.
  const folder = realpathSync(target);
  const draft = join(folder, `.partial-${randomBytes(4).toString('hex')}`);
  const moved: string[] = [];
  try {
    mkdirSync(draft, { mode: PRIVATE_FOLDER });
    const takenAt = now();
    await copyStoreApart(source, draft);
    const logs = await checkStoreApart(draft, source);
    const data = await sumOf(join(draft, DATA_FILE));
    if (existsSync(join(source, KEY_FILE))) copyFileSync(join(source, KEY_FILE), join(draft, KEY_FILE));
    const manifest: Manifest = { format: FORMAT, takenAt, data };
    writeFileSync(join(draft, MANIFEST), `${JSON.stringify(manifest)}\n`);
    // The manifest comes last: an interrupted backup does not look like one.
    const files = readdirSync(draft).sort(
      (one, other) => Number(one === MANIFEST) - Number(other === MANIFEST),
    );
    for (const file of files) {
      chmodSync(join(draft, file), PRIVATE_FILE);
      syncPath(join(draft, file));
    }
    for (const file of files) {
      renameSync(join(draft, file), join(folder, file));
      moved.push(file);
    }
    rmdirSync(draft);
    syncPath(folder);
    syncPath(dirname(folder));
    return { takenAt, logs, bytes: data.bytes };
  } catch (error) {
    const left = isNew ? [folder] : [draft, ...moved.map((file) => join(folder, file))];
    for (const path of left) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}
