import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MAIN } from './cluster.ts';

/** A copy of the build, which a test may spoil as a bad deploy does. */
export interface BuildCopy {
  readonly main: string;
  /** Puts a text before the module that every new worker runs, or takes it away again. */
  spoilWorkers(text: string): Promise<void>;
  remove(): Promise<void>;
}

export async function copyBuild(): Promise<BuildCopy> {
  const dist = dirname(MAIN);
  const root = dirname(dist);
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-build-'));
  await cp(dist, join(dir, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(dir, 'package.json'));
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  const worker = join(dir, 'dist', 'worker.js');
  const built = await readFile(worker, 'utf8');
  return {
    main: join(dir, 'dist', 'main.js'),
    spoilWorkers: (text) => writeFile(worker, `${text}\n${built}`),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
