import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomcast-tally-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The lines that a real run of test files ends with. */
function run(files: Readonly<Record<string, string>>): string[] {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const reporter = `--reporter=${path('test/support/tally-reporter.ts')}`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [path('node_modules/vitest/vitest.mjs'), 'run', '--root', folder, '--globals', reporter],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

it('names each failed test, hook and file with its error before the counts', () => {
  const lines = run({
    'a.test.mjs': `
      describe('a room', () => {
        it('opens', () => {});
        it('holds', () => expect({ seq: 1 }).toEqual({ seq: 2 }));
      });
      describe('an inbox', () => {
        beforeAll(() => { throw new Error('no port'); });
        it('opens', () => {});
      });`,
    'b.test.mjs': `import 'nothing-there';`,
  });
  const text = lines.join('\n');
  expect(text).toContain(
    'FAILED    a.test.mjs > a room > holds\n' +
      '    AssertionError: expected { seq: 1 } to deeply equal { seq: 2 }\n' +
      `        at ${folder}/a.test.mjs:4:`,
  );
  expect(text).toContain('    -   "seq": 2,\n    +   "seq": 1,');
  expect(text).toContain('FAILED    a.test.mjs > an inbox\n    Error: no port');
  expect(text).toContain("FAILED    b.test.mjs\n    Error: Cannot find package 'nothing-there'");
  expect(lines.slice(-3)).toEqual([
    '-- end of failed tests --',
    ': 1 passed, 2 failed, 1 skipped',
    '1 passed, 2 failed, 1 skipped',
  ]);
});

it('names as many as a short end holds', () => {
  const lines = run({
    'a.test.mjs': `for (let n = 0; n < 60; n += 1) it('test ' + n, () => expect(n).toBe(-1));`,
  });
  const at = lines.indexOf('-- failed tests --');
  expect(lines.length - at).toBeLessThan(55);
  expect(lines).toContain('    AssertionError: expected +0 to be -1 // Object.is equality');
  expect(lines.at(-1)).toBe('0 passed, 60 failed');
});

it('prints the counts alone if all pass', () => {
  expect(run({ 'a.test.mjs': `it('is there', () => {});` })).toEqual([
    ': 1 passed, 0 failed',
    '1 passed, 0 failed',
  ]);
});
