import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fingerprintOf, isFresh } from '../../deploy/fingerprint.mjs';

const INSTALLED = 'node_modules/.package-lock.json';

function openTree() {
  const root = mkdtempSync(join(tmpdir(), 'roomcast-fingerprint-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of ['package.json', 'package-lock.json', 'tsconfig.json', 'deploy/build.mjs'])
    write(path, '');
  for (const path of ['deploy/licenses/MIT.txt', 'src/main.ts', 'node_modules/esbuild/package.json'])
    write(path, '');
  write(INSTALLED, 'ws 1');
  const stamp = fingerprintOf(root);
  return { root, write, isFresh: () => isFresh(stamp, fingerprintOf(root)) };
}

it('a build is up to date until a file that it read changes', () => {
  const { write, isFresh: fresh } = openTree();
  expect(fresh()).toBe(true);
  write('src/README.md', 'text');
  expect(fresh()).toBe(true);
  write('src/main.ts', 'code');
  expect(fresh()).toBe(false);
});

it('a build is out of date once npm has installed other packages, also if the lock file was new before', () => {
  const { root, write } = openTree();
  write('package-lock.json', 'ws 2');
  const builtTooEarly = fingerprintOf(root);
  expect(isFresh(builtTooEarly, fingerprintOf(root))).toBe(true);
  write(INSTALLED, 'ws 2');
  expect(isFresh(builtTooEarly, fingerprintOf(root))).toBe(false);
});

it('a build is up to date after the packages that only the build needs were removed', () => {
  const { root, write, isFresh: fresh } = openTree();
  write(INSTALLED, 'nothing');
  rmSync(join(root, 'node_modules', 'esbuild'), { recursive: true });
  expect(fresh()).toBe(true);
  write('src/main.ts', 'code');
  expect(fresh()).toBe(false);
});
