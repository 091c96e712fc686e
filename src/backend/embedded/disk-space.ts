import { statfsSync } from 'node:fs';

/**
 * lmdb 3.5.6 formats the error of a refused write into a buffer that is too short (mdb.c: 100 bytes): on a full
 * disk the primary died of heap corruption. No write begins without this much free space; the largest transaction
 * dirties less than half of it.
 */
export const MIN_FREE_BYTES = 64 * 1024 * 1024;

export interface DiskSpace {
  freeBytes(): number;
}

export function diskSpaceOf(dir: string): DiskSpace {
  return {
    freeBytes() {
      const { bavail, bsize } = statfsSync(dir);
      return bavail * bsize;
    },
  };
}

/** Clients may be shown its message, which names neither a path nor data. */
export class LowSpaceError extends Error {}

export function requireSpace(disk: DiskSpace): void {
  if (disk.freeBytes() < MIN_FREE_BYTES) throw new LowSpaceError('less than 64 MiB are free on its disk');
}
