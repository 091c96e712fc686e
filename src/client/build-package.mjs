import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const MAIN_TYPES = 'client/index.d.ts';

/**
 * Writes the package `roomcast-client` into `outDir`, from the declarations that the compiler wrote into `declarations`. It is
 * one module beside socket.io-client, with its sources in its source map.
 */
export async function buildPackage({ root, declarations, outDir }) {
  mkdirSync(outDir, { recursive: true });
  writeTypes(declarations, join(outDir, 'types'));
  await build({
    entryPoints: { index: join(here, 'index.ts') },
    outdir: outDir,
    bundle: true,
    external: ['socket.io-client'],
    platform: 'neutral',
    format: 'esm',
    target: ['es2022'],
    sourcemap: true,
    sourcesContent: true,
    absWorkingDir: root,
    logLevel: 'warning',
  });
  const whole = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(outDir, 'package.json'), `${JSON.stringify(descriptionOf(whole), undefined, 2)}\n`);
  writeFileSync(join(outDir, 'README.md'), manualOf(readFileSync(join(here, 'README.md'), 'utf8')));
  copyFileSync(join(root, 'LICENSE'), join(outDir, 'LICENSE'));
}

function descriptionOf({ version, license, dependencies }) {
  const name = 'socket.io-client';
  const types = `./types/${MAIN_TYPES}`;
  return {
    name: 'roomcast-client',
    version,
    description:
      'The client of Roomcast: it reconnects, resumes each room, and sends a message until it is stored.',
    license,
    type: 'module',
    sideEffects: false,
    types,
    exports: { '.': { types, default: './index.js' }, './package.json': './package.json' },
    files: ['index.js', 'index.js.map', 'types'],
    dependencies: { [name]: `^${dependencies[name]}` },
  };
}

/** Copies the declarations that the package's own lead to. */
function writeTypes(from, to) {
  const texts = new Map();
  const pending = [MAIN_TYPES];
  for (const path of pending) {
    if (texts.has(path)) continue;
    const text =
      path === 'protocol/payloads.d.ts' ? payloadTypes(from) : readFileSync(join(from, path), 'utf8');
    texts.set(path, text.replace(/(from '\.[^']*)\.ts'/g, "$1.js'"));
    for (const [, target] of text.matchAll(/from '(\.[^']*)\.ts'/g)) {
      pending.push(`${join(dirname(path), target).replaceAll('\\', '/')}.d.ts`);
    }
  }
  rmSync(to, { recursive: true, force: true });
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), text);
  }
}

/** The payloads as they are written, without the schemas that they are inferred from. */
function payloadTypes(from) {
  const declaration = readFileSync(join(from, 'client', 'payload-inputs.d.ts'), 'utf8');
  const inputs = declaration.match(/export declare const inputs: (\{\n[\s\S]*?\n\});/)?.[1];
  if (inputs === undefined) throw new Error('payload-inputs.d.ts does not spell the payloads out');
  return `/** The payload of each event, as a client writes it. */
export interface PayloadInputs ${inputs}
export type EventName = keyof PayloadInputs;
export type PayloadInput<E extends EventName> = PayloadInputs[E];
`;
}

/** The manual without what is about the source, and with links that lead somewhere in the package. */
function manualOf(readme) {
  return readme
    .replace(/\nMay import: [^\n]*\n/, '')
    .replace(/\n\*\*In this folder\*\*[^\n]*\n/, '')
    .replace(/\]\(([a-z-]+)\.ts\)/g, '](types/client/$1.d.ts)')
    .replace(/\[([^\]]+)\]\(\.\.[^)]*\)/g, '$1');
}
