import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { examineRedis } from '../../src/backend/redis/examination.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { type NginxOptions, renderNginx } from '../../src/cli/nginx-config.ts';
import { redisOptions, silent } from '../contract/redis-harness.ts';
import { runRoomcast, startHost } from '../support/cluster.ts';
import { checkNginx, openNginx } from '../support/nginx-server.ts';
import { nginxOptions } from '../support/nginx-settings.ts';
import { freePorts } from '../support/ports.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';

const SOUND = ['--appendonly', 'yes', '--appendfsync', 'always'];

async function examine(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const { child, output } = runRoomcast(['doctor', '--json', ...args], { WORKERS: '1', ...env });
  const [code] = (await once(child, 'exit')) as [number];
  const { stdout } = output();
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  expect(code).toBe(ok ? 0 : 1);
  return findings;
}

/** Those that the machine of the test itself has are not its subject. */
function planted(findings: readonly Finding[]): string[] {
  for (const { fix } of findings) expect(fix).not.toBe('');
  return findings
    .filter(({ subject, problem }) => subject !== 'host' && !/in memory|of free space/.test(problem))
    .map(({ subject, problem }) => `${subject}: ${problem}`);
}

describe('roomcast doctor', () => {
  let ports: Readonly<Record<string, string>>;
  let basePort: number;
  let folder: string;
  beforeAll(async () => {
    basePort = await freePorts(4);
    ports = {
      BASE_PORT: String(basePort),
      PORT: String(basePort + 2),
      ADMIN_PORT: String(basePort + 3),
    };
    folder = await mkdtemp(join(tmpdir(), 'roomcast-doctor-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function redisWith(settings: readonly string[]): Promise<RedisProcess> {
    const redis = await openRedis(settings);
    onTestFinished(() => redis.close());
    return redis;
  }

  const config = (options: Partial<NginxOptions> = {}) =>
    renderNginx(
      nginxOptions({
        hosts: [{ address: '127.0.0.1', basePort, workers: 1 }],
        listen: [`127.0.0.1:${basePort + 1}`],
        ...options,
      }),
    );

  it('finds nothing in a sound setup, and says so to people', async () => {
    const redis = await redisWith(SOUND);
    const file = join(folder, 'sound.conf');
    await writeFile(file, config());
    const env = { ...ports, REDIS_URL: redis.url };
    expect(planted(await examine(env, ['--nginx', file]))).toEqual([]);
  });

  describe.each([
    ['without an append-only file', ['--appendonly', 'no'], {}, 'appendonly no'],
    [
      'that syncs each second',
      ['--appendonly', 'yes', '--appendfsync', 'everysec'],
      {},
      'appendfsync everysec',
    ],
    [
      'that evicts keys',
      [...SOUND, '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
      {},
      'may evict rooms',
    ],
    [
      'that is nearly full',
      [...SOUND, '--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'],
      {},
      /more than 85 % of its maxmemory|full|OOM/,
    ],
    ['that is a replica', [...SOUND, '--replicaof', '127.0.0.1', '1'], {}, 'is a replica'],
    ['that is a node of a cluster', [...SOUND, '--cluster-enabled', 'yes'], {}, /node of a Redis Cluster/],
    [
      'whose user may not subscribe',
      [...SOUND, '--user', 'poor', 'on', '>word', '~*', '&*', '+@all', '-ssubscribe'],
      { user: 'poor:word' },
      '+ssubscribe',
    ],
  ] as const)('finds a Redis %s', (_what, settings, { user }: { user?: string }, problem) => {
    it('and how to mend it', async () => {
      const redis = await redisWith(settings);
      const url = user === undefined ? redis.url : redis.url.replace('//', `//${user}@`);
      const found = planted(await examine({ ...ports, REDIS_URL: url }));
      expect(found).toContainEqual(
        expect.stringMatching(problem instanceof RegExp ? problem : escaped(problem)),
      );
    });
  });

  it('finds a clock of Redis that is not this machine’s', async () => {
    const redis = await redisWith(SOUND);
    const options = redisOptions(redis.url);
    const at = (ms: number) => examineRedis({ options, now: () => Date.now() + ms, log: silent });
    expect(await at(0)).toEqual([]);
    expect(await at(60_000)).toEqual([expect.stringMatching(/^The clock of Redis is \d{5} ms behind/)]);
    expect(await at(-60_000)).toEqual([expect.stringMatching(/^The clock of Redis is \d{5} ms ahead of/)]);
  });

  it('finds a Redis that is not there', async () => {
    const found = planted(await examine({ ...ports, REDIS_URL: `redis://127.0.0.1:${basePort}` }));
    expect(found).toEqual([expect.stringContaining(`Redis at 127.0.0.1:${basePort} cannot be used`)]);
  });

  it.each([
    [
      'a timeout below the heartbeat',
      'proxy_read_timeout 75s;',
      'proxy_read_timeout 30s;',
      'proxy_read_timeout is 30 s',
    ],
    ['counted failures', ' max_fails=0;', ';', 'counts failures'],
    ['a missing Upgrade header', 'proxy_set_header Upgrade $roomcast_upgrade;', '', 'WebSocket cannot pass'],
    ['a missing Host header', 'proxy_set_header Host $host;', '', 'the name of the site (Host)'],
    ['missing client addresses', 'proxy_set_header X-Forwarded-For $remote_addr;', '', 'X-Forwarded-For'],
    ['a body limit below the largest packet', 'client_max_body_size 2m;', '', 'client_max_body_size'],
  ])('finds %s in an nginx config', async (name, from, to, problem) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.conf`);
    expect(config()).toContain(from);
    const text = config().replaceAll(from, to);
    // A fault that nginx itself refuses would be no test.
    await checkNginx(text);
    await writeFile(file, text);
    expect(planted(await examine(ports, ['--nginx', file]))).toEqual([expect.stringContaining(problem)]);
  });

  it('finds an upstream without a worker, and without a method that keeps a client on one', async () => {
    const file = join(folder, 'two.conf');
    await writeFile(file, config().replace('ip_hash;', ''));
    const found = planted(await examine({ ...ports, WORKERS: '2' }, ['--nginx', file]));
    expect(found).toEqual([expect.stringContaining(`lacks the workers on ports ${basePort + 1}`)]);
    await writeFile(
      file,
      config({ hosts: [{ address: '127.0.0.1', basePort, workers: 2 }] }).replace('ip_hash;', ''),
    );
    expect(planted(await examine({ ...ports, WORKERS: '2' }, ['--nginx', file]))).toEqual([
      expect.stringContaining('spreads the requests'),
    ]);
  });

  it('finds a taken port, a misspelled setting, and every wrong one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(basePort, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const taken = await examine(ports);
    expect(taken).toContainEqual(
      expect.objectContaining({
        subject: 'host',
        problem: expect.stringContaining(`${basePort} on 127.0.0.1 is taken`),
      }),
    );
    const misspelled = await examine({ ...ports, PING_INTERVAL_M: '1' });
    expect(misspelled.map(({ problem }) => problem).join()).toContain('PING_INTERVAL_M');
    const wrong = await examine({ ...ports, PORT: 'x', WORKERS: 'y' });
    expect(wrong.map(({ subject }) => subject)).toEqual(['settings', 'settings']);
  });

  it('beside a running server takes its ports for its own, and finds a site that WebSocket does not pass', async () => {
    const host = await startHost({ workers: 2, basePort, env: { WORKERS: '1' } });
    onTestFinished(async () => {
      await host.stop();
      await host.remove();
    });
    const env = { ...ports, DATA_DIR: host.dataDir };
    expect((await examine(env)).filter(({ problem }) => problem.includes('is taken'))).toEqual([]);
    expect(planted(await examine(env, ['--site', host.url]))).toEqual([]);
    const sitePort = await freePorts(1);
    const text = config({ listen: [`127.0.0.1:${sitePort}`] }).replace(
      'proxy_set_header Upgrade $roomcast_upgrade;',
      '',
    );
    const nginx = await openNginx(text);
    onTestFinished(() => nginx.close());
    expect(planted(await examine(env, ['--site', `http://127.0.0.1:${sitePort}/`]))).toEqual([
      expect.stringContaining('WebSocket does not pass'),
    ]);
  });

  it('finds a damaged store, and another Roomcast on ADMIN_PORT', async () => {
    const dataDir = join(folder, 'damaged');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'data.mdb'), Buffer.alloc(8_192, 7), { mode: 0o600 });
    expect(planted(await examine({ ...ports, DATA_DIR: dataDir }))).toEqual([
      expect.stringMatching(/^store: The store in .* cannot be read \(.*\)$/),
    ]);
    const other = await startHost({ workers: 1 });
    onTestFinished(async () => {
      await other.stop();
      await other.remove();
    });
    const adminPort = new URL(other.adminUrl).port;
    const problems = (await examine({ ...ports, ADMIN_PORT: adminPort })).map(({ problem }) => problem);
    expect(problems).toContainEqual(
      `another Roomcast (pid ${other.pid}) answers on ADMIN_PORT, and its workers listen on ${other.basePort}, not from BASE_PORT on`,
    );
    expect(problems).toContainEqual(`ADMIN_PORT ${adminPort} on 127.0.0.1 is taken (EADDRINUSE)`);
  });

  it('prints its help, and refuses what it does not know', async () => {
    const helped = runRoomcast(['doctor', '--help'], {});
    expect((await once(helped.child, 'exit'))[0]).toBe(0);
    expect(helped.output().stdout).toContain('Example:\n  roomcast doctor');
    const refused = runRoomcast(['doctor', '--sites', 'x'], {});
    expect((await once(refused.child, 'exit'))[0]).toBe(2);
    expect(refused.output().stderr).toContain('--sites is no option; did you mean --site?');
    expect(await readFile(join(folder, 'sound.conf'), 'utf8')).toBe(config());
  });
});

function escaped(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
}
