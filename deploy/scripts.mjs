import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { BANNER } from './bundle.mjs';

/** What finds the scripts is loaded as modules. */
const LOADERS = ['main.js', 'scripts.js'];
const PREFIX = "(function (module, require, moduleUrl, importModule) {'use strict';";
const SUFFIX = '\n})';
/** esbuild would make it a call of `require`. A module that the user names may be any that Node imports. */
const FREE_IMPORT = /\bawait import\((?=\w+\))/g;

/**
 * Writes the second form of the bundle: its modules as scripts, each a function that src/scripts.ts calls with what a module
 * has. V8 keeps the compiled code of scripts.
 */
export async function writeScripts(dist) {
  const folder = join(dist, '.scripts');
  mkdirSync(folder);
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.js') && !LOADERS.includes(file))) {
    const map = readFileSync(join(dist, `${name}.map`)).toString('base64');
    const module = readFileSync(join(dist, name), 'utf8')
      .replace(BANNER, '')
      .replace(FREE_IMPORT, 'await importModule(')
      .replace(/\/\/# sourceMappingURL=.*\s*$/, '');
    const made = await transform(`${module}\n//# sourceMappingURL=data:application/json;base64,${map}`, {
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      // Every import of the bundle's own modules is a call of `require`.
      supported: { 'dynamic-import': false },
      define: { 'import.meta.url': 'moduleUrl' },
      sourcefile: name,
      sourcemap: 'external',
      sourcesContent: false,
      logLevel: 'warning',
    });
    writeFileSync(join(folder, name), `${PREFIX}${made.code}${SUFFIX}`);
    const { sources, ...rest } = JSON.parse(made.map);
    const moved = { ...rest, sources: sources.map((source) => `../${source}`) };
    writeFileSync(join(folder, `${name}.map`), JSON.stringify(moved));
  }
}
