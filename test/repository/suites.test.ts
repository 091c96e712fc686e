import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LONGEST } from '../suites.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};

/** The files that `command` would run, with the suite of each, as Vitest itself lists them. */
function filesOf(command: string): { readonly file: string; readonly suite: string }[] {
  const [program, , ...options] = command.split(' ');
  expect(program).toBe('vitest');
  const vitest = `${root}/node_modules/vitest/vitest.mjs`;
  const args = [vitest, 'list', '--filesOnly', '--json', ...options];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const listed = JSON.parse(stdout) as { file: string; projectName: string }[];
  return listed.map(({ file, projectName }) => ({ file: relative(root, file), suite: projectName }));
}

describe('the test suites', () => {
  it('start files first that are there', () => {
    for (const name of LONGEST) expect(existsSync(`${root}/test/${name}.test.ts`), name).toBe(true);
  });

  it('hold every test file exactly once, and only test/nightly is left out of npm test', () => {
    const all = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => `test/${path}`)
      .sort();
    const inTest = filesOf(scripts.test ?? '');
    expect(scripts.nightly).toBe('npm test -- --project nightly');
    const inNightly = filesOf(`${scripts.test} --project nightly`);
    const run = [...inTest, ...inNightly].map(({ file }) => file).sort();
    expect(run).toEqual(all);
    const late = all.filter((file) => file.startsWith('test/nightly/'));
    expect(inNightly.map(({ file }) => file).sort()).toEqual(late);
    expect(late.length).toBeGreaterThan(0);
  });

  it('keep in test/contract only what both backends pass, and the fake store as far as it goes', () => {
    const contract = filesOf(scripts.test ?? '').filter(({ suite }) => suite === 'contract');
    expect(contract.map(({ file }) => file).sort()).toEqual([
      'test/contract/embedded.test.ts',
      'test/contract/memory.test.ts',
      'test/contract/redis.test.ts',
    ]);
  });
});
