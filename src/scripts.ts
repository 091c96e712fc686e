import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** The build puts a second form of the bundle here. A package has none: its compiled code would be of another Node. */
const FOLDER = './.scripts/';
const PREFIX = './';

export interface Scripts {
  /** Returns what the script of a bundle exports, and runs it the first time. */
  load(name: string): unknown;
}

type Wrapper = (
  module: { exports: unknown },
  require: (id: string) => unknown,
  moduleUrl: string,
  importModule: (url: string) => Promise<unknown>,
) => void;

/**
 * Opens the bundle beside the script of that URL in the form of scripts, for which V8 takes code that the build compiled: Node 20
 * takes none for modules. Returns undefined where there are none, or none are wanted. V8 refuses compiled code
 * of a text of another length, and compiles the script itself; `codeVersion` keeps it from the code of another Node.
 */
export function openScripts(url: string): Scripts | undefined {
  const folder = new URL(FOLDER, url);
  // Node reads source maps for modules only.
  if (process.sourceMapsEnabled || !existsSync(folder)) return undefined;
  const compiled = new URL(`${codeVersion()}/`, folder);
  const requireInstalled = createRequire(url);
  const modules = new Map<string, { exports: unknown }>();

  function load(name: string): unknown {
    const loaded = modules.get(name);
    if (loaded) return loaded.exports;
    const module = { exports: {} };
    modules.set(name, module);
    const script = new URL(name, folder);
    const cachedData = read(new URL(name, compiled));
    const run = new Script(readFileSync(script, 'utf8'), {
      filename: script.href,
      ...(cachedData && { cachedData }),
    }).runInThisContext() as Wrapper;
    run(module, requireHere, new URL(name, url).href, (specifier) => import(specifier));
    return module.exports;
  }

  function requireHere(id: string): unknown {
    return id.startsWith(PREFIX) ? load(id.slice(PREFIX.length)) : requireInstalled(id);
  }

  return { load };
}

/**
 * Names the folder of the code that this process may take: of this very build of Node. V8 itself compares its version, without
 * the changes that Node makes to it, and its options: Node 20.19.0 takes code of 20.20.2, and then calls the wrong functions. A
 * worker's options differ from its primary's. The build, which records the code, asks for the same name here.
 */
export function codeVersion(): string {
  const { version, platform, arch, config } = process;
  const build = createHash('sha256')
    .update(JSON.stringify([version, platform, arch, config]))
    .digest('hex');
  return `${build.slice(0, 16)}-${new Script('0').createCachedData().toString('hex', 0, 24)}`;
}

function read(url: URL): Buffer | undefined {
  try {
    return readFileSync(fileURLToPath(url));
  } catch {
    return undefined;
  }
}
