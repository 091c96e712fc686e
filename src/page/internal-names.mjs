import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

const SCRIPT = /\.(?:mjs|[jt]sx?)$/;
const NAME = /[A-Za-z_$][\w$]*/g;
/** Names of keys (`ArrowUp`) and of classes begin with a capital letter; short names are short already. */
const MANGLED = /^_?[a-z]\w{2,}$/;
const QUOTED = /(['"`])([A-Za-z_$][\w$]*)\1/g;
const EXPORTED = /\bexport (?:async )?(?:function|const|class|let) ([\w$]+)/g;
/** Of the compiler's libraries, those of the language and of pages. */
const DECLARING = /^(?:(?!lib\.)|lib\.(?:dom|es)).*\.ts$/;
/** Begins a line, so that nothing in a string is taken for one. */
const COMMENT = /^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm;
/** A file that has to do with what is stored, or what the document or its history says. */
const LASTING = /\bJSON\.|\bcreateStoredValue\b|\bdataset\b|\bhistory\b/;
/** `process.env` is the bundler's, and the placeholder of Socket.IO's parser is on the wire. */
const KNOWN_OUTSIDE = ['env', '_placeholder'];
/** Packages whose objects nothing outside of the bundle reads. */
const CLOSED_PACKAGES = ['@tanstack/virtual-core'];

/**
 * Returns the names of properties that nothing outside of the bundle of these files can know, so that the bundle may shorten
 * them. A name is none of them if it stands in a declaration of the browser or of Preact, in the protocol, in another
 * package, alone in quotation marks, or in a file that reads or writes what is stored.
 */
export function internalNames(files) {
  const [candidates, reserved] = [new Set(), new Set(KNOWN_OUTSIDE)];
  const take = (into, text, pattern, group = 0) => {
    for (const match of text.matchAll(pattern)) into.add(match[group]);
  };
  // Types leave no trace in a bundle, so the protocol and the declarations are read whole.
  for (const text of outsideTexts()) take(reserved, text, NAME);
  for (const file of files) {
    if (!SCRIPT.test(file)) continue;
    const text = readFileSync(file, 'utf8').replace(COMMENT, '');
    const origin = originOf(file);
    take(reserved, text, QUOTED, 2);
    take(reserved, text, EXPORTED, 1);
    if (origin === 'package') {
      // In these packages an underscore means: of this class only.
      for (const [name] of text.matchAll(NAME)) (/^_[a-z]/.test(name) ? candidates : reserved).add(name);
    } else take(LASTING.test(text) ? reserved : candidates, text, NAME);
  }
  return [...candidates].filter((name) => MANGLED.test(name) && !reserved.has(name)).sort();
}

/** The option of esbuild that shortens these names. */
export const namesPattern = (names) => new RegExp(`^(?:${names.join('|')})$`);

function originOf(file) {
  const path = file.replaceAll('\\', '/');
  if (!path.includes('/node_modules/')) return 'own';
  return CLOSED_PACKAGES.some((name) => path.includes(`/node_modules/${name}/`)) ? 'closed' : 'package';
}

/** The protocol, and the declarations of the language, the browser and Preact. */
function outsideTexts() {
  const compiler = createRequire(require.resolve('typescript/package.json'));
  const library = compiler.resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`);
  const preact = require.resolve('preact/package.json');
  const folders = [join(dirname(library), 'lib'), join(dirname(preact), 'src'), join(sources, 'protocol')];
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => DECLARING.test(name))
      .map((name) => readFileSync(join(folder, name), 'utf8').replace(COMMENT, '')),
  );
}
