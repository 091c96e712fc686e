/**
 * Builds dist/: the server and the page as bundles, the SDK as a package with types. With --if-needed only if something
 * changed since the last build, so that `npm start` is quick the second time.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprintOf, isFresh } from './fingerprint.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.stamp');
const wanted = fingerprintOf(root);
const fresh = existsSync(stamp) && isFresh(readFileSync(stamp, 'utf8'), wanted);
if (!(process.argv.includes('--if-needed') && fresh)) await build();

async function build() {
  const { bundleServer } = await import('./bundle.mjs');
  const { writeScripts } = await import('./scripts.mjs');
  const { compileScripts } = await import('./compile.mjs');
  const { thirdPartyNotices } = await import('./third-party.mjs');
  const { compressFiles } = await import('./compress.mjs');
  const { buildPage } = await import('../src/page/build.mjs');
  const { buildOperator } = await import('../src/operator/build.mjs');
  const { buildClient } = await import('../src/client/build.mjs');
  const { buildPackage } = await import('../src/client/build-package.mjs');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const page = join(dist, 'page');
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const declarations = join(dist, '.declarations');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'src', 'client'), '--outDir', declarations], {
    stdio: 'inherit',
  });
  await buildPackage({ root, declarations, outDir: join(dist, 'client') });
  rmSync(declarations, { recursive: true });
  const bundled = [
    ...(await bundleServer({ root, outDir: dist, dependencies: Object.keys(dependencies) })),
    ...(await buildPage(page)),
    ...(await buildOperator(join(dist, 'operator'))),
    ...(await buildClient(page)),
  ];
  const stockClient = join(root, 'node_modules', 'socket.io', 'client-dist');
  cpSync(stockClient, join(page, 'stock-client'), {
    recursive: true,
    // The server speaks Socket.IO's own encoding only.
    filter: (path) => !path.includes('.msgpack.'),
  });
  await compressFiles(page);
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), thirdPartyNotices([...bundled, stockClient]));
  await writeScripts(dist);
  // The program runs without compiled code, only its start takes longer.
  await compileScripts(dist).catch((error) =>
    console.warn(`The build has no compiled code: ${error.message}`),
  );
  writeFileSync(stamp, wanted);
}
