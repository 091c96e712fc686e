import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Writes `sdk.js` into `outDir`: the client with socket.io-client in it, for a page without a bundler. Returns the paths of
 * all bundled files.
 */
export async function buildClient(outDir) {
  const { metafile } = await build({
    entryPoints: { sdk: join(here, 'index.ts') },
    outdir: outDir,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.2'],
    metafile: true,
    absWorkingDir: here,
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs).map((path) => join(here, path));
}
