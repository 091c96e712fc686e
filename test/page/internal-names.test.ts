import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { internalNames, namesPattern } from '../../src/page/internal-names.mjs';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'roomcast-names-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function fileOf(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, text);
  return file;
}

it('are those of a file’s own objects, and none of the browser, the protocol or a key', async () => {
  const own = await fileOf(
    'own.ts',
    `const shelf = { bookCount: 1, clientMsgId: 'x', addEventListener() {}, ArrowUp: 1, id: 2 };
     node.tabIndex = shelf.bookCount;`,
  );
  const names = internalNames([own]);
  expect(names).toContain('bookCount');
  for (const name of ['clientMsgId', 'addEventListener', 'ArrowUp', 'tabIndex', 'id'])
    expect(names).not.toContain(name);
});

it('are none that stands in quotation marks, is exported, or is stored', async () => {
  const files = [
    await fileOf(
      'shelf.ts',
      `export function openShelf() { return { bookCount: 1, pageCount: 2, open: { paper: 1 } }; }`,
    ),
    await fileOf('reader.ts', `if ('pageCount' in openShelf()) read();`),
    await fileOf('storage.ts', `localStorage.x = JSON.stringify({ paper: shelf.paper });`),
  ];
  const names = internalNames(files);
  expect(names).toContain('bookCount');
  for (const name of ['openShelf', 'pageCount', 'paper']) expect(names).not.toContain(name);
});

it('are shortened by the bundler, and nothing else is', async () => {
  const own = await fileOf('mine.ts', `export const at = (shelf) => ({ clientMsgId: shelf.bookCount });`);
  const { outputFiles } = await build({
    entryPoints: [own],
    format: 'esm',
    write: false,
    mangleProps: namesPattern(internalNames([own])),
  });
  expect(outputFiles[0]?.text).toMatch(/clientMsgId: shelf\.\w\b/);
});
