import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { codeVersion } from '../../src/scripts.ts';
import { sourcesOf } from '../support/bundle.ts';
import { MAIN, startHost } from '../support/cluster.ts';
import { openRedis } from '../support/redis-server.ts';

/** The files of which each process of a Roomcast had loaded code when it ended; V8 lists its scripts for its coverage. */
async function loadedBy(redisUrl?: string): Promise<{ primary: string[]; worker: string[] }> {
  const coverageDir = await mkdtemp(join(tmpdir(), 'roomcast-modules-'));
  const host = await startHost({
    workers: 1,
    env: { NODE_V8_COVERAGE: coverageDir },
    ...(redisUrl !== undefined && { redisUrl }),
  });
  onTestFinished(async () => {
    await host.remove();
    await rm(coverageDir, { recursive: true, force: true });
  });
  const [worker] = (await host.status()).workers;
  expect(await host.stop()).toBe(0);
  const reports = await readdir(coverageDir);
  async function filesOf(pid: number | undefined): Promise<string[]> {
    const report = reports.find((name) => name.startsWith(`coverage-${pid}-`));
    const { result } = JSON.parse(await readFile(join(coverageDir, report ?? ''), 'utf8')) as {
      result: readonly { readonly url: string }[];
    };
    const scripts = result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    return (await Promise.all(scripts.map((url) => sourcesOf(fileURLToPath(url))))).flat();
  }
  return { primary: await filesOf(host.pid), worker: await filesOf(worker?.pid) };
}

const SERVER = /^src\/(server\/|worker\.ts)|^node_modules\/(socket\.io|engine\.io|jose)\//;
const EMBEDDED = /^src\/backend\/embedded\/|^node_modules\/lmdb\//;
/** The terminal's log, tokens, and languages, which come with the import of zod's `z`. */
const RARE = /^node_modules\/(pino-pretty|jose)\/|^node_modules\/zod\/v4\/locales\/(?!en\.)/;
/** Redis' modules, clients of more than one server, commands as methods, and compilers of JSON schemas. */
const NEVER =
  /^node_modules\/(redis|@redis\/(bloom|json|search|time-series|client\/dist\/lib\/(cluster|sentinel|commands\/GET))|ajv)\b/;
const REDIS = /^src\/backend\/redis\/|^node_modules\/(@redis|redis)\//;
const among = (files: readonly string[], which: RegExp) => files.filter((path) => which.test(path));

describe('a process loads the modules of its role only', () => {
  it('in embedded mode', async () => {
    const { primary, worker } = await loadedBy();
    expect(among(primary, SERVER)).toEqual([]);
    expect(among([...primary, ...worker], REDIS)).toEqual([]);
    expect(among(primary, EMBEDDED)).not.toEqual([]);
    expect(among(worker, SERVER)).not.toEqual([]);
    expect(among(worker, /^src\/primary\.ts|^node_modules\/lmdb\//)).toEqual([]);
  });

  it('in cluster mode', async () => {
    const redis = await openRedis();
    onTestFinished(() => redis.close());
    const { primary, worker } = await loadedBy(redis.url);
    expect(among(primary, SERVER)).toEqual([]);
    expect(among([...primary, ...worker], EMBEDDED)).toEqual([]);
    expect(among([...primary, ...worker], RARE)).toEqual([]);
    expect(among([...primary, ...worker], NEVER)).toEqual([]);
    expect(among(primary, REDIS)).not.toEqual([]);
    expect(among(worker, SERVER)).not.toEqual([]);
  });
});

it('V8 takes the code that the build compiled, for both roles in both modes', async () => {
  const folder = join(dirname(MAIN), '.scripts');
  const versions = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  // A worker has other options than its primary.
  expect(versions).toHaveLength(2);
  const own = join(folder, codeVersion());
  for (const name of ['program.js', 'primary.js']) {
    const cachedData = await readFile(join(own, name));
    const { cachedDataRejected } = new Script(await readFile(join(folder, name), 'utf8'), { cachedData });
    expect({ name, cachedDataRejected }).toEqual({ name, cachedDataRejected: false });
  }
  const compiled = await Promise.all(
    versions.map(async ({ name }) => {
      const files = await readdir(join(folder, name));
      return (await Promise.all(files.map((file) => sourcesOf(join(folder, file))))).flat();
    }),
  );
  for (const role of ['primary', 'worker'])
    for (const backend of ['embedded', 'redis'])
      expect(compiled.flat()).toContain(`src/backend/${backend}/${role}.ts`);
});
