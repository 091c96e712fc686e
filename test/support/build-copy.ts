import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MAIN } from './cluster.ts';

/** A copy of the build, which a test may spoil as a bad deploy does. */
export interface BuildCopy {
  readonly main: string;
  /** Puts a text before the module that every new worker runs, or takes it away again. */
  spoilWorkers(text: string): Promise<void>;
  /**
   * Makes clocks that can be set. The scripts' clock is ahead by the seconds in the Redis key `step`; a process's wall clock goes
   * ahead by an hour with SIGUSR2 and back by an hour with SIGWINCH. faketime does not run under Redis's allocator.
   */
  makeClocksSettable(): Promise<void>;
  remove(): Promise<void>;
}

const LUA_TIME = "local time = redis.call('TIME')";
const LUA_STEP = "time[1] = time[1] + (redis.call('GET', 'step') or 0)";
const SETTABLE_DATE = `
const wallClock = Date.now;
let stepMs = 0;
Date.now = () => wallClock() + stepMs;
process.on('SIGUSR2', () => (stepMs += 3_600_000)).on('SIGWINCH', () => (stepMs -= 3_600_000));
`;

export async function copyBuild(): Promise<BuildCopy> {
  const dist = dirname(MAIN);
  const root = dirname(dist);
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-build-'));
  await cp(dist, join(dir, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(dir, 'package.json'));
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  const worker = join(dir, 'dist', '.scripts', 'worker.js');
  const built = await readFile(worker, 'utf8');
  return {
    main: join(dir, 'dist', 'main.js'),
    async makeClocksSettable() {
      const lua = join(dir, 'dist', 'backend', 'redis', 'clock.lua');
      await writeFile(lua, (await readFile(lua, 'utf8')).replace(LUA_TIME, `${LUA_TIME}\n  ${LUA_STEP}`));
      const main = join(dir, 'dist', 'main.js');
      await writeFile(main, (await readFile(main, 'utf8')).replace('\n', `\n${SETTABLE_DATE}`));
    },
    spoilWorkers: (text) => writeFile(worker, `${text};\n${built}`),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
