import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { tighten } from './tighten.mjs';
import { withoutUnusedParts } from './unused-parts.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Writes `sdk.js` into `outDir`: the client with socket.io-client in it, for a page without a bundler. Returns the paths of
 * all bundled files.
 */
export async function buildClient(outDir) {
  const { metafile, outputFiles } = await build({
    entryPoints: { sdk: join(here, 'index.ts') },
    plugins: [withoutUnusedParts],
    outdir: outDir,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.2'],
    metafile: true,
    absWorkingDir: here,
    logLevel: 'warning',
  });
  mkdirSync(outDir, { recursive: true });
  writeFileSync(join(outDir, 'sdk.js'), tighten('sdk.js', outputFiles[0].text));
  return Object.keys(metafile.inputs).map((path) => join(here, path));
}
