import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { seedOf } from '../support/seed.ts';

const RUN = fileURLToPath(new URL('../fuzz/run-costs.ts', import.meta.url));
const SEED = seedOf();

it(`no input costs more processor time per byte than the bound, seed ${SEED}`, {
  timeout: 1_800_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    RUN,
    '--seed',
    String(SEED),
  ]);
  expect(stdout).toContain('workers lost: 0');
});
