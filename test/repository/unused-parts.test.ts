import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { leaveOutUnusedParts } from '../../deploy/unused-parts.mjs';

/** Bundles a module of this repository that has this text. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    logLevel: 'silent',
    plugins: [leaveOutUnusedParts()],
  });
  return outputFiles[0]?.text ?? '';
}

const ALL = "import fastify from 'fastify'; import { RedisClient } from '@redis/client'; console.log(fastify";

it('the program has a client of Redis that sends lists of words, without a method for each command', async () => {
  const code = await bundle(`${ALL}); module.exports = RedisClient.factory()();`);
  const module = { exports: {} as Record<string, unknown> };
  new Function('module', 'require', 'console', code)(module, process.getBuiltinModule, { log() {} });
  expect(typeof module.exports.sendCommand).toBe('function');
  expect(module.exports.get).toBe(undefined);
});

it('a build that would lack a name which the program imports fails', async () => {
  const text = `${ALL}, RedisClient); import { createCluster } from '@redis/client'; createCluster();`;
  await expect(bundle(text)).rejects.toThrow('No matching export');
});

it('a build fails when a package has moved a part that the program does without', async () => {
  await expect(
    bundle("import { ErrorReply } from '@redis/client'; console.log(ErrorReply);"),
  ).rejects.toThrow('no longer part of the bundle: ');
});
