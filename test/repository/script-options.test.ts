import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

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
