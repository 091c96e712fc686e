import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** npm writes here what it has installed. The lock file says only what the next install will bring. */
const INSTALLED = 'node_modules/.package-lock.json';

/**
 * Returns a hash of every file that the build reads, and on a second line one of the installed packages, which the bundles
 * contain. Where the bundler is not installed, the second is absent.
 */
export function fingerprintOf(root) {
  const files = ['package.json', 'package-lock.json', 'tsconfig.json'];
  for (const name of readdirSync(join(root, 'deploy')))
    if (name.endsWith('.mjs')) files.push(`deploy/${name}`);
  for (const folder of ['deploy/licenses', 'src']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.md'))
        files.push(join(folder, entry.parentPath.slice(join(root, folder).length), entry.name));
    }
  }
  const hashes = [hashOf(root, files.sort())];
  if (existsSync(join(root, 'node_modules', 'esbuild')) && existsSync(join(root, INSTALLED)))
    hashes.push(hashOf(root, [INSTALLED]));
  return hashes.join('\n');
}

/** Returns whether a build of the fingerprint `stamp` is up to date. Without a bundler the sources alone decide. */
export function isFresh(stamp, wanted) {
  return `${stamp}\n`.startsWith(`${wanted}\n`);
}

function hashOf(root, files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}
