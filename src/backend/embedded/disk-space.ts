import { statfsSync } from 'node:fs';

/**
 * lmdb 3.5.6 formats the error of a refused write into a buffer that is too short (mdb.c: 100 bytes): on a full
 * disk the primary died of heap corruption. No write begins without this much free space; the largest transaction
 * dirties less than half of it.
 */
export const MIN_FREE_BYTES = 64 * 1024 * 1024;

/** Below it the store takes no new logs of people, so that those in use last longer; see chat/nearly-full.ts. */
export const NEARLY_FULL_BYTES = 4 * MIN_FREE_BYTES;
const RELIEVED_BYTES = 5 * MIN_FREE_BYTES;

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

/** Returns whether the disk is nearly full. Between the two bounds the last answer stays. */
export function createSpaceWatch({ freeBytes }: DiskSpace): () => boolean {
  let isNearlyFull = false;
  return () => {
    isNearlyFull = freeBytes() < (isNearlyFull ? RELIEVED_BYTES : NEARLY_FULL_BYTES);
    return isNearlyFull;
  };
}

/** Clients may be shown its message, which names neither a path nor data. */
export class LowSpaceError extends Error {}

export function requireSpace(disk: DiskSpace): void {
  if (disk.freeBytes() < MIN_FREE_BYTES) throw new LowSpaceError('less than 64 MiB are free on its disk');
}
