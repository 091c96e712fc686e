import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startHost } from '../support/cluster.ts';
import { openRedis } from '../support/redis-server.ts';

/** The scripts that each process of a Roomcast had loaded when it ended; V8 lists them for its coverage. */
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
  async function scriptsOf(pid: number | undefined): Promise<string[]> {
    const report = reports.find((name) => name.startsWith(`coverage-${pid}-`));
    const { result } = JSON.parse(await readFile(join(coverageDir, report ?? ''), 'utf8')) as {
      result: readonly { readonly url: string }[];
    };
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  }
  return { primary: await scriptsOf(host.pid), worker: await scriptsOf(worker?.pid) };
}

const SERVER = /\/dist\/(server|worker\.js)|\/node_modules\/(socket\.io|engine\.io|jose)\//;
const EMBEDDED = /\/dist\/backend\/embedded\/|\/node_modules\/lmdb\//;
/** The terminal's log, tokens, and the commands of Redis' modules. */
const RARE = /\/node_modules\/(pino-pretty|jose|redis|@redis\/(bloom|json|search|time-series))\//;
const REDIS = /\/dist\/backend\/redis\/|\/node_modules\/(@redis|redis)\//;
const among = (scripts: readonly string[], which: RegExp) => scripts.filter((url) => which.test(url));

describe('a process loads the modules of its role only', () => {
  it('in embedded mode', async () => {
    const { primary, worker } = await loadedBy();
    expect(among(primary, SERVER)).toEqual([]);
    expect(among([...primary, ...worker], REDIS)).toEqual([]);
    expect(among(primary, EMBEDDED)).not.toEqual([]);
    expect(among(worker, SERVER)).not.toEqual([]);
    expect(among(worker, /\/dist\/primary\.js|\/node_modules\/lmdb\//)).toEqual([]);
  });

  it('in cluster mode', async () => {
    const redis = await openRedis();
    onTestFinished(() => redis.close());
    const { primary, worker } = await loadedBy(redis.url);
    expect(among(primary, SERVER)).toEqual([]);
    expect(among([...primary, ...worker], EMBEDDED)).toEqual([]);
    expect(among([...primary, ...worker], RARE)).toEqual([]);
    expect(among(primary, REDIS)).not.toEqual([]);
    expect(among(worker, SERVER)).not.toEqual([]);
  });
});
