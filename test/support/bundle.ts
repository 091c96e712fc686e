import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The files that a built script was made of, by their path in this repository; the script itself if it is no bundle. */
export async function sourcesOf(script: string): Promise<readonly string[]> {
  const map = await readFile(`${script}.map`, 'utf8').catch(() => undefined);
  if (map === undefined) return [relative(ROOT, script)];
  const { sources } = JSON.parse(map) as { readonly sources: readonly string[] };
  return sources.map((source) => relative(ROOT, resolve(dirname(script), source)));
}
