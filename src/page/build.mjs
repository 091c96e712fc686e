import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { tighten } from '../client/tighten.mjs';
import { withoutUnusedParts } from '../client/unused-parts.mjs';
import { internalNames, namesPattern } from './internal-names.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

const ENTRY = './main.tsx';
/** Scripts of their own, which the page loads when it needs them: most readers open no list of emoji and read one language. */
const LATER = { 'emoji-list': './text/emoji/emoji-list.ts', zh: './language/zh.ts' };

/**
 * Writes the page into `outDir`: assets under names that change with their content, so they may be cached for ever. Returns
 * the paths of all bundled files.
 */
export async function buildPage(outDir) {
  const whole = { entryPoints: [ENTRY], plugins: [withoutUnusedParts] };
  const { metafile } = await bundle(whole);
  const inputs = Object.keys(metafile.inputs).map((path) => join(here, path));
  const mangleProps = namesPattern(internalNames(inputs));
  // A name is shortened in the same way in each script, and never to one that another script has for something else.
  const { mangleCache } = await bundle({ ...whole, mangleProps, mangleCache: {} });
  const { outputFiles } = await bundle({ mangleProps, mangleCache });
  const textOf = (name) => {
    const { text } = outputFiles.find(({ path }) => basename(path) === name);
    return name.endsWith('.js') ? tighten(name, text) : text;
  };

  mkdirSync(join(outDir, 'assets'), { recursive: true });
  let script = textOf('app.js');
  for (const name of Object.keys(LATER)) {
    const imported = `./${name}.js`;
    if (!script.includes(imported)) throw new Error(`the page does not load ${name}`);
    script = script.replace(imported, `./${write(outDir, name, '.js', textOf(`${name}.js`))}`);
  }
  // From the root, because the page is at /r/ROOM too.
  const html = readFileSync(join(here, 'index.html'), 'utf8')
    .replace('{{script}}', `/assets/${write(outDir, 'app', '.js', script)}`)
    .replace('{{style}}', `/assets/${write(outDir, 'app', '.css', textOf('app.css'))}`);
  writeFileSync(join(outDir, 'index.html'), html);
  return inputs;
}

function bundle(options = {}) {
  return build({
    entryPoints: { app: ENTRY, ...LATER },
    plugins: [withoutUnusedParts, loadedLater],
    outdir: 'assets',
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
    write: false,
    absWorkingDir: here,
    tsconfig: join(here, 'tsconfig.json'),
    logLevel: 'warning',
    ...options,
  });
}

/** Leaves the imports of what is loaded later to the browser. esbuild's own splitting adds a script for its helpers. */
const loadedLater = {
  name: 'loaded-later',
  setup({ onResolve }) {
    onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      const name = basename(path, '.ts');
      return kind === 'dynamic-import' && name in LATER
        ? { path: `./${name}.js`, external: true }
        : undefined;
    });
  },
};

/** Returns the file's name, which has a hash of the content in it. */
function write(outDir, name, extension, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase();
  const file = `${name}-${hash}${extension}`;
  writeFileSync(join(outDir, 'assets', file), content);
  return file;
}
