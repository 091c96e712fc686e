import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Writes the operator's page into `outDir`: its document, and below `view/` its script and its style under names that change
 * with their content. Returns the paths of all bundled files.
 */
export async function buildOperator(outDir) {
  const { metafile, outputFiles } = await build({
    entryPoints: { operator: join(here, 'main.tsx') },
    outdir: join(outDir, 'view'),
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.2'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    absWorkingDir: here,
    logLevel: 'warning',
  });
  let html = readFileSync(join(here, 'index.html'), 'utf8');
  mkdirSync(join(outDir, 'view'), { recursive: true });
  for (const { path, contents } of outputFiles) {
    writeFileSync(path, contents);
    html = html.replace(path.endsWith('.css') ? '{{style}}' : '{{script}}', `view/${basename(path)}`);
  }
  writeFileSync(join(outDir, 'index.html'), html);
  return Object.keys(metafile.inputs).map((path) => join(here, path));
}
