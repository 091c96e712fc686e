import { readFileSync, writeFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Scripts of their own, which the page loads when it needs them: most readers open no list of emoji and read one language. */
const LATER = { 'emoji-list': 'text/emoji/emoji-list.ts', zh: 'language/zh.ts' };

/**
 * Writes the page into `outDir`: assets under names that change with their content, so they may be cached for ever. Returns
 * the paths of all bundled files.
 */
export async function buildPage(outDir) {
  const later = {};
  for (const [name, path] of Object.entries(LATER))
    later[name] = await bundle(outDir, { [name]: join(here, path) });
  const first = await bundle(outDir, { app: join(here, 'main.tsx') }, loaded(later));
  // From the root, because the page is at /r/ROOM too.
  const html = readFileSync(join(here, 'index.html'), 'utf8')
    .replace('{{script}}', `/${first.script}`)
    .replace('{{style}}', `/${first.style}`);
  writeFileSync(join(outDir, 'index.html'), html);
  return [first, ...Object.values(later)].flatMap(({ inputs }) => inputs);
}

async function bundle(outDir, entryPoints, ...plugins) {
  const { metafile } = await build({
    entryPoints,
    plugins: [withoutWebTransport, ...plugins],
    outdir: outDir,
    entryNames: 'assets/[name]-[hash]',
    bundle: true,
    minify: true,
    // The hints of libraries to their programmers.
    pure: ['console.warn', 'console.info'],
    charset: 'utf8',
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
  const inputs = Object.keys(metafile.inputs).map((path) => join(here, path));
  return { script: named(built, '.js'), style: built.find((path) => path.endsWith('.css')), inputs };
}

/** The server speaks no WebTransport, so its client is a name only. */
const withoutWebTransport = {
  name: 'without-webtransport',
  setup({ onLoad }) {
    onLoad({ filter: /engine\.io-client[\\/]build[\\/]esm[\\/]transports[\\/]webtransport\.js$/ }, () => ({
      contents: "export class WT { get name() { return 'webtransport'; } }",
    }));
  },
};

/** Leaves the imports of what is loaded later to the browser. esbuild's own splitting adds a script for its helpers. */
function loaded(later) {
  return {
    name: 'loaded-later',
    setup({ onResolve }) {
      onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
        const built = kind === 'dynamic-import' ? later[posix.basename(path, '.ts')] : undefined;
        return built && { path: `./${posix.basename(built.script)}`, external: true };
      });
    },
  };
}

function named(built, extension) {
  const name = built.find((path) => path.endsWith(extension));
  if (!name) throw new Error(`the page was built without a ${extension} file`);
  return name;
}
