import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Heap } from '../systems/system.ts';

const MODULE = new URL('./workers.mjs', import.meta.url).href;
const LIMIT_MS = 30_000;
const LOOK_MS = 5;

/** The outside of workers.mjs. */
export interface Probe {
  /** For the server to start with. */
  readonly env: Readonly<Record<string, string>>;
  collect(pids: readonly number[]): Promise<Heap | undefined>;
  startProfile(pids: readonly number[]): Promise<void>;
  stopProfile(pids: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export async function openProbe(
  task: 'memory' | 'profile' | undefined,
  profileDir: string | undefined,
): Promise<Probe> {
  const dir = profileDir ?? (await mkdtemp(join(tmpdir(), 'roomcast-bench-')));
  await mkdir(dir, { recursive: true });
  let windows = 0;

  /** Signals each process and gives what it leaves. */
  async function ask(pids: readonly number[], ending: string): Promise<string[]> {
    const paths = pids.map((pid) => join(dir, `${pid}${ending}`));
    for (const path of paths) await rm(path, { force: true });
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    const giveUpAt = Date.now() + LIMIT_MS;
    return Promise.all(
      paths.map(async (path) => {
        for (;;) {
          const text = await readFile(path, 'utf8').catch(() => undefined);
          if (text !== undefined) return text;
          if (Date.now() > giveUpAt) throw new Error(`a worker did not answer SIGUSR2 with ${ending}`);
          await pause(LOOK_MS);
        }
      }),
    );
  }

  return {
    env: task === undefined ? {} : { NODE_OPTIONS: `--import ${MODULE}`, BENCH_INSIDE: task, BENCH_DIR: dir },
    async collect(pids) {
      if (task !== 'memory') return undefined;
      const heaps = (await ask(pids, '.json')).map((text) => JSON.parse(text) as Heap);
      return {
        heapUsed: heaps.reduce((sum, { heapUsed }) => sum + heapUsed, 0),
        external: heaps.reduce((sum, { external }) => sum + external, 0),
      };
    },
    async startProfile(pids) {
      if (task !== 'profile') return;
      const marks = await ask(pids, '.json');
      if (marks.length > 0) for (const pid of pids) await rm(join(dir, `${pid}.json`), { force: true });
    },
    async stopProfile(pids) {
      if (task !== 'profile') return;
      windows += 1;
      await ask(pids, `-${windows}.cpuprofile`);
    },
    async close() {
      if (profileDir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
