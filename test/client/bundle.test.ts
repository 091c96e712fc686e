import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { compress } from '../../deploy/compress.mjs';
import { buildClient } from '../../src/client/build.mjs';

it('is built into one module for browsers that exports the client and carries no schemas', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'roomcast-sdk-'));
  try {
    await buildClient(outDir);
    const file = join(outDir, 'sdk.js');
    const source = await readFile(file, 'utf8');
    expect(source).not.toMatch(/ZodError|from"node:|from"socket/);
    expect((await compress(Buffer.from(source))).br.length).toBeLessThan(27_000);
    const sdk = (await import(pathToFileURL(file).href)) as object;
    expect(Object.keys(sdk).sort()).toEqual(['ClientError', 'createClient', 'fold']);
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
});
