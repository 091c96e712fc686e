import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** The built page: its document, and its script and style by the path under which they are served. */
export interface PageFiles {
  readonly document: Buffer;
  readonly assets: ReadonlyMap<string, PageFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Reads the page once: a deployment may replace the files while this primary runs. */
export async function readPageFiles(dir: string): Promise<PageFiles> {
  const assets = new Map<string, PageFile>();
  for (const name of await readdir(join(dir, 'view'))) {
    const type = TYPES[extname(name)];
    if (type !== undefined)
      assets.set(`/view/${name}`, { type, content: await readFile(join(dir, 'view', name)) });
  }
  return { document: await readFile(join(dir, 'index.html')), assets };
}
