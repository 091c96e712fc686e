import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { isAlive } from '../faults/processes.ts';

const SCRIPT = fileURLToPath(new URL('../fuzz/run.ts', import.meta.url));
const USAGE = 'npm run fuzz -- [--surface NAME,…]';

it('the measuring scripts print their manual on --help, and beside what is wrong with an option', () => {
  const help = execFileSync(process.execPath, ['--import', 'tsx', SCRIPT, '--help'], { encoding: 'utf8' });
  expect(help).toContain(USAGE);
  expect(help).not.toContain('*');

  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', SCRIPT, '--secnods', '5'], {
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toContain("Unknown option '--secnods'");
  expect(stderr).toContain(USAGE);
});

it('a script that a signal ends leaves nothing running that it has started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomcast-script-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const endless = join(folder, 'endless.mjs');
  await writeFile(endless, 'setInterval(() => undefined, 1_000);');
  const cluster = new URL('../support/cluster.ts', import.meta.url);
  const script = `import { runRoomcast } from ${JSON.stringify(cluster)};
    const runs = [1, 2].map(() => runRoomcast([], {}, ${JSON.stringify(endless)}));
    console.log(runs.map(({ child }) => child.pid).join());`;
  async function endBy(signal: NodeJS.Signals) {
    const run = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    const ended = once(run, 'exit');
    const [printed] = (await once(run.stdout, 'data')) as [Buffer];
    const pids = printed.toString().trim().split(',').map(Number);
    const before = pids.map(isAlive);
    run.kill(signal);
    expect([before, await ended]).toEqual([
      [true, true],
      [null, signal],
    ]);
    for (const pid of pids) await expect.poll(() => isAlive(pid)).toBe(false);
  }
  await Promise.all([endBy('SIGTERM'), endBy('SIGINT')]);
});
