import { cpSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { leaveOutUnusedParts } from './unused-parts.mjs';

/** The program, its roles, and the modules that other processes import by their URL. */
const ENTRIES = [
  'main.ts',
  'program.ts',
  'scripts.ts',
  'primary.ts',
  'worker.ts',
  'backend/embedded/store-copy.ts',
  'load/driver/crowd-process.ts',
];
const OWN_URL = 'import.meta.url';
export const BANNER = `import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);`;

/**
 * Bundles the server and the command line with the packages that they use: a worker spent over half of its start on loading
 * a thousand small files. What several entries share is in chunks, so a process loads each module once and no other role's.
 * Packages in `dependencies` stay outside. Returns the paths of all bundled files.
 */
export async function bundleServer({ root, outDir, dependencies }) {
  const source = join(root, 'src');
  const { metafile } = await build({
    entryPoints: ENTRIES.map((path) => join(source, path)),
    outdir: outDir,
    outbase: source,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    external: dependencies,
    // CommonJS packages require the modules of Node.
    banner: { js: BANNER },
    plugins: [keepUrls(source), leaveOutUnusedParts()],
    metafile: true,
    absWorkingDir: root,
    logLevel: 'warning',
  });
  for (const [path, { inputs }] of Object.entries(metafile.outputs)) {
    const misplaced =
      dirname(join(root, path)) !== outDir &&
      Object.keys(inputs).find((input) => readsUrl(join(root, input)));
    if (misplaced)
      throw new Error(
        `${misplaced} reads its own URL, so it must be in the folder of main.js, not in ${path}`,
      );
  }
  copyScripts(source, outDir);
  return Object.keys(metafile.inputs).map((path) => join(root, path));
}

/** Modules find the files beside them by their own URL, which stays the one they would have without a bundle. */
function keepUrls(source) {
  return {
    name: 'keep-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!readsUrl(path)) return undefined;
        const place = `./${relative(source, path).replaceAll('\\', '/').replace(/\.ts$/, '.js')}`;
        const contents = readFileSync(path, 'utf8').replaceAll(
          OWN_URL,
          `new URL('${place}', ${OWN_URL}).href`,
        );
        return { contents, loader: 'ts' };
      });
    },
  };
}

function readsUrl(path) {
  return path.endsWith('.ts') && readFileSync(path, 'utf8').includes(OWN_URL);
}

/** Scripts for Redis are read from beside the module that sends them. */
function copyScripts(source, outDir) {
  cpSync(join(source, 'backend'), join(outDir, 'backend'), {
    recursive: true,
    filter: (path) => !/\.(ts|md)$/.test(path),
  });
}
