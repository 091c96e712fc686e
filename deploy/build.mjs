/**
 * Builds dist/: the server and the page as bundles, the SDK as modules with types. With --if-needed only if something
 * changed since the last build, so that `npm start` is quick the second time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.stamp');
const wanted = fingerprint();
const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
if (!(process.argv.includes('--if-needed') && fresh)) await build();

async function build() {
  const { bundleServer } = await import('./bundle.mjs');
  const { thirdPartyNotices } = await import('./third-party.mjs');
  const { buildPage } = await import('../src/page/build.mjs');
  const { buildClient } = await import('../src/client/build.mjs');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const page = join(dist, 'page');
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'src', 'client')], { stdio: 'inherit' });
  const bundled = [
    ...(await bundleServer({ root, outDir: dist, dependencies: Object.keys(dependencies) })),
    ...(await buildPage(page)),
    ...(await buildClient(page)),
  ];
  const stockClient = join(root, 'node_modules', 'socket.io', 'client-dist');
  cpSync(stockClient, join(page, 'stock-client'), { recursive: true });
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), thirdPartyNotices([...bundled, stockClient]));
  writeFileSync(stamp, wanted);
}

/** A hash of every file that the build reads. The lock file stands for the packages. */
function fingerprint() {
  const hash = createHash('sha256');
  const files = ['package.json', 'package-lock.json', 'tsconfig.json'];
  for (const name of readdirSync(join(root, 'deploy')))
    if (name.endsWith('.mjs')) files.push(`deploy/${name}`);
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
