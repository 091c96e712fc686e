import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const COMPRESSIBLE = /\.(css|js)$/;

/**
 * Writes every script and style sheet below `dir` a second time as brotli and as gzip, with `.br` and `.gz` behind its name,
 * so that no worker spends time on it. HTML is missing here because a worker writes settings into it.
 */
export async function compressFiles(dir) {
  const files = readdirSync(dir, { recursive: true }).filter((name) => COMPRESSIBLE.test(name));
  await Promise.all(
    files.map(async (name) => {
      const path = join(dir, name);
      const { br, gz } = await compress(await readFile(path));
      await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)]);
    }),
  );
}

/** Returns the bytes in both encodings, as small as they get. */
export async function compress(bytes) {
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  return { br, gz };
}
