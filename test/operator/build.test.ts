import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPageFiles } from '../../src/host-view/page-files.ts';
import { buildOperator } from '../../src/operator/build.mjs';

const MAX_BROTLI_BYTES = 20 * 1_024;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'roomcast-operator-'));
  await buildOperator(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('the whole page is at most 20 KB with brotli', async () => {
  const assets = await readdir(join(dir, 'view'));
  expect(assets.map((name) => name.replace(/-[A-Z0-9]{8}\./, '-HASH.')).sort()).toEqual([
    'operator-HASH.css',
    'operator-HASH.js',
  ]);
  const files = await Promise.all(
    ['index.html', ...assets.map((name) => join('view', name))].map((path) => readFile(join(dir, path))),
  );
  const bytes = files.reduce((sum, file) => sum + brotliCompressSync(file).length, 0);
  expect(bytes).toBeLessThanOrEqual(MAX_BROTLI_BYTES);
});

it('the document names the files that are served, and has no script or style of its own', async () => {
  const { document, assets } = await readPageFiles(dir);
  const html = document.toString();
  for (const path of assets.keys()) expect(html).toContain(`"${path.slice(1)}"`);
  expect(assets.size).toBe(2);
  expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
});
