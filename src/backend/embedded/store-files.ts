import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BackendError } from '../backend.ts';
import { DATA_FILE, FORMAT } from './data-dir.ts';

export { DATA_FILE };
export const LOCK_FILE = 'lock.mdb';
export const KEY_FILE = 'api-key';
export const MANIFEST = 'backup.json';
/** Only the user that runs the server reads messages and the key. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;

/** The content of `backup.json`. */
export interface Manifest {
  readonly format: number;
  /** Ms since 1970. */
  readonly takenAt: number;
  /** The data file; backups of earlier releases do not say it. */
  readonly data?: FileSum;
}

export interface FileSum {
  readonly bytes: number;
  readonly sha256: string;
}

export function readManifest(folder: string): Manifest {
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
  const { format, takenAt, data } = manifest;
  return { format, takenAt, ...(data === undefined ? {} : { data }) };
}

export async function sumOf(path: string): Promise<FileSum> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { bytes: statSync(path).size, sha256: hash.digest('hex') };
}

export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
