import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** Docker gives a container 64 MB, and the copies of the build alone need more. */
const LEAST_FREE_BYTES = 2 ** 31;
const OURS = /^roomcast-tests-(\d+)$/;

/**
 * Creates the folder for the temporary files of this run, and removes it when the process ends. Redis and lmdb wait for the
 * disk after each write, which takes thousands of times as long as in memory. What the tests do to them, kill -9 and a start
 * on the same files, leaves what is in memory as it was.
 */
export function openTemporaryFolder(): string {
  const parent = isUsable() ? MEMORY : tmpdir();
  for (const name of readdirSync(parent)) {
    const pid = OURS.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `roomcast-tests-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Native modules of an installed package are run from it, too. */
function isUsable(): boolean {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
    const [, , type, options] = mounts.find((line) => line.split(' ')[1] === MEMORY)?.split(' ') ?? [];
    const { bavail, bsize } = statfsSync(MEMORY);
    return type === 'tmpfs' && !options?.split(',').includes('noexec') && bavail * bsize > LEAST_FREE_BYTES;
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
