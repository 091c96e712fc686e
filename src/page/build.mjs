import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Writes the page into `outDir`: assets under names that change with their content, so they may be cached for ever. Returns
 * the paths of all bundled files.
 */
export async function buildPage(outDir) {
  const { metafile } = await build({
    entryPoints: { app: join(here, 'main.tsx') },
    outdir: outDir,
    entryNames: 'assets/[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.2'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    absWorkingDir: here,
    tsconfig: join(here, 'tsconfig.json'),
    logLevel: 'warning',
  });
  const built = Object.keys(metafile.outputs).map((path) =>
    relative(outDir, join(here, path)).replaceAll('\\', '/'),
  );
  // From the root, because the page is at /r/ROOM too.
  const html = readFileSync(join(here, 'index.html'), 'utf8')
    .replace('{{script}}', `/${named(built, '.js')}`)
    .replace('{{style}}', `/${named(built, '.css')}`);
  writeFileSync(join(outDir, 'index.html'), html);
  // Links of the source system S4 lead to chart.html, which is the same page.
  writeFileSync(join(outDir, 'chart.html'), html);
  return Object.keys(metafile.inputs).map((path) => join(here, path));
}

function named(built, extension) {
  const name = built.find((path) => path.endsWith(extension));
  if (!name) throw new Error(`the page was built without a ${extension} file`);
  return name;
}
