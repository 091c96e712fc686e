import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import type { ChatClient } from '../../src/client/index.ts';

const SDK = fileURLToPath(new URL('../../src/client', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** The address in every example. */
const ADDRESS = 'http://127.0.0.1:3000';

/** The example of the SDK's manual under this file name, for the server at `url`. */
export function exampleOf(name: string, url: string): string {
  const manual = readFileSync(join(SDK, 'README.md'), 'utf8');
  const block = manual.match(
    new RegExp(`^\`\`\`\\w+ ${name.replaceAll('.', '\\.')}\\n([\\s\\S]*?)^\`\`\`$`, 'm'),
  );
  if (block?.[1] === undefined) throw new Error(`the manual has no example ${name}`);
  return block[1].replaceAll(ADDRESS, url.replace(/\/$/, ''));
}

/** Bundles a script that imports the SDK by the name of its package. */
export async function bundleExample(contents: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: SDK, loader: 'tsx' },
    bundle: true,
    format: 'esm',
    nodePaths: [NODE_MODULES],
    write: false,
    ...options,
    alias: { 'roomcast-client': join(SDK, 'index.ts'), ...options.alias },
  });
  return outputFiles?.[0]?.text ?? '';
}

/** Runs the example in this process until its last line, and returns its client. */
export async function runExample(name: string, url: string): Promise<ChatClient> {
  const folder = await mkdtemp(join(tmpdir(), 'roomcast-example-'));
  const file = join(folder, name);
  await writeFile(
    file,
    await bundleExample(`${exampleOf(name, url)}\nexport { chat };`, {
      platform: 'node',
      banner: { js: REQUIRE },
    }),
  );
  try {
    return ((await import(pathToFileURL(file).href)) as { readonly chat: ChatClient }).chat;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Packages of CommonJS in a bundle require the modules of Node. */
const REQUIRE = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);`;
