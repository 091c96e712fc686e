/**
 * Builds dist/: the server with tsc, the page with esbuild. With --if-needed only what changed since the
 * last build, so that `npm start` is quick the second time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'dist', '.stamp');
const wanted = fingerprint();
const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
if (!(process.argv.includes('--if-needed') && fresh)) await build();

async function build() {
  const { buildPage } = await import(new URL('../src/page/build.mjs', import.meta.url).href);
  const { buildClient } = await import(new URL('../src/client/build.mjs', import.meta.url).href);
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root], {
    stdio: 'inherit',
  });
  // Scripts for Redis are read from beside the module that sends them.
  cpSync(join(root, 'src', 'backend'), join(root, 'dist', 'backend'), {
    recursive: true,
    filter: (source) => !/\.(ts|md)$/.test(source),
  });
  await buildPage(join(root, 'dist', 'page'));
  await buildClient(join(root, 'dist', 'page'));
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** A hash of every file that the build reads. */
function fingerprint() {
  const hash = createHash('sha256');
  const files = ['package-lock.json', 'tsconfig.json', 'deploy/build.mjs'];
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith('.md'))
      files.push(join('src', entry.parentPath.slice(join(root, 'src').length), entry.name));
  }
  for (const file of files.sort())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}
