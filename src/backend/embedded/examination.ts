import { accessSync, constants, existsSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BackendError } from '../backend.ts';
import { DATA_FILE, lowSpace, WARN_FREE_BYTES } from './data-dir.ts';
import { readStoreApart } from './store-copy.ts';
import { LOCK_FILE } from './store-files.ts';

export interface DataDirExaminationDeps {
  readonly dataDir: string;
  /** The user of this process; undefined where the system has no such numbers. */
  readonly uid: number | undefined;
  /** The kind of the folder's file system, as statfs(2) numbers it, and the free space there. */
  readonly fileSystem?: (path: string) => { readonly type: number; readonly freeBytes: number };
}

/** `f_type` of statfs(2). */
const IN_MEMORY = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);
const ON_NETWORK = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB 2'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x01021997, '9P'],
]);
const READ_MS = 5_000;
const OTHERS = 0o077;

/** Says what is wrong with the folder of the embedded store, and how to mend it. It changes nothing there. */
export async function examineDataDir(deps: DataDirExaminationDeps): Promise<string[]> {
  const { uid, fileSystem = fileSystemOf } = deps;
  const dir = resolve(deps.dataDir);
  const present = nearestExisting(dir);
  if (!statSync(present).isDirectory())
    return [`DATA_DIR ${dir} cannot be used: ${present} is no folder. Choose another DATA_DIR.`];
  if (!isWritable(present)) {
    const what =
      present === dir ? 'cannot be written by this user' : `cannot be made in ${present} by this user`;
    return [
      `DATA_DIR ${dir} ${what}. Run the doctor as the user of the server; if it does, chown the folder.`,
    ];
  }
  const { type, freeBytes } = fileSystem(present);
  const problems: string[] = [];
  const inMemory = IN_MEMORY.get(type);
  const onNetwork = ON_NETWORK.get(type);
  if (inMemory)
    problems.push(
      `DATA_DIR ${dir} is on ${inMemory}, in memory: a restart of the machine loses all messages. Choose a DATA_DIR on a disk.`,
    );
  if (onNetwork)
    problems.push(
      `DATA_DIR ${dir} is on a network file system (${onNetwork}): the store maps its file into memory, and would be damaged. Choose a DATA_DIR on a local disk.`,
    );
  if (freeBytes < WARN_FREE_BYTES) problems.push(`${lowSpace(dir)} Free some, or choose another DATA_DIR.`);
  if (!existsSync(join(dir, DATA_FILE))) return problems;
  const file = statSync(join(dir, DATA_FILE));
  problems.push(...ownerProblems(dir, file, uid));
  if (onNetwork === undefined && mayRead(dir, file, uid)) problems.push(...(await readProblems(dir)));
  return problems;
}

function ownerProblems(dir: string, file: Stats, uid: number | undefined): string[] {
  const path = join(dir, DATA_FILE);
  const folder = statSync(dir);
  const problems: string[] = [];
  if (file.uid !== folder.uid)
    problems.push(
      `${path} belongs to user ${file.uid} and its folder to user ${folder.uid}: one of them cannot run the server. Run \`chown -R\` on ${dir} with the user of the server.`,
    );
  else if (uid !== undefined && uid !== 0 && uid !== file.uid)
    problems.push(
      `${path} belongs to user ${file.uid}, and this is user ${uid}. Run the doctor and the server as the user that owns DATA_DIR.`,
    );
  if ((file.mode & OTHERS) !== 0)
    problems.push(`${path} may be read by other users of the machine. Run \`chmod 600\` on it.`);
  return problems;
}

/** Opening the store of another user would leave a lock file there that this user cannot open. */
function mayRead(dir: string, file: Stats, uid: number | undefined): boolean {
  return uid === undefined || uid === file.uid || existsSync(join(dir, LOCK_FILE));
}

async function readProblems(dir: string): Promise<string[]> {
  try {
    await readStoreApart(dir, READ_MS);
    return [];
  } catch (error) {
    if (error instanceof BackendError) return [error.message];
    throw error;
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fileSystemOf(path: string) {
  const { type, bavail, bsize } = statfsSync(path);
  return { type, freeBytes: bavail * bsize };
}
