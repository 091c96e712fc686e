import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress } from '../../deploy/compress.mjs';
import { buildPage } from '../../src/page/build.mjs';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'roomcast-page-'));
  await buildPage(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('names the assets by their content, the same at every address of the page', async () => {
  const html = await readFile(join(dir, 'index.html'), 'utf8');
  const assets = await readdir(join(dir, 'assets'));
  const kinds = assets.map((name) => name.replace(/-[A-Z0-9]{8}\./, '.')).sort();
  // Readers who open no list of emoji, or read English, do not load these.
  expect(kinds).toEqual(['app.css', 'app.js', 'emoji-list.js', 'zh.js']);
  const first = assets.filter((name) => name.startsWith('app-'));
  expect(first).toHaveLength(2);
  for (const name of first) expect(html).toContain(`"/assets/${name}"`);
});

it('keeps scripts and styles out of the HTML, which the page’s policy would refuse', async () => {
  const html = await readFile(join(dir, 'index.html'), 'utf8');
  expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
});

it('gives the texts of both languages the same names', async () => {
  const textOf = async (kind: RegExp) => {
    const name = (await readdir(join(dir, 'assets'))).find((file) => kind.test(file)) ?? '';
    return readFile(join(dir, 'assets', name), 'utf8');
  };
  const names = (text: string) => [...text.matchAll(/[{,](\w+):/g)].map(([, name]) => name);
  const english = new Set(names(await textOf(/^app-.*js$/)));
  expect(names(await textOf(/^zh-/)).filter((name) => !english.has(name))).toEqual([]);
});

it('asks for nothing of Node in its scripts', async () => {
  for (const name of await readdir(join(dir, 'assets'))) {
    expect(await readFile(join(dir, 'assets', name), 'utf8')).not.toMatch(/\bprocess\b/);
  }
});

it('comes to at most 89.5 KB of script and style as it is sent', async () => {
  let sent = 0;
  for (const name of await readdir(join(dir, 'assets'))) {
    sent += (await compress(await readFile(join(dir, 'assets', name)))).br.length;
  }
  expect(sent).toBeLessThan(89_500);
});
