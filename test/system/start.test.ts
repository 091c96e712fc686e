import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, MAIN, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter } from '../support/member.ts';
import { freePorts } from '../support/ports.ts';
import { openRedis } from '../support/redis-server.ts';

/** Runs a start that is expected to fail. */
async function failedStart(env: Record<string, string>) {
  const base = await freePorts(4);
  const { child, output } = runRoomcast(['start'], {
    BASE_PORT: String(base),
    PORT: String(base + 2),
    ADMIN_PORT: String(base + 3),
    WORKERS: '2',
    ...env,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, base, ...output() };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a host', () => {
  let host: Host;
  beforeAll(async () => {
    host = await startHost();
  });
  afterAll(async () => {
    await host.stop();
    await host.remove();
  });

  it('prints one line with the address of the page, which is there', async () => {
    const { stdout } = host.output();
    expect(stdout).toMatch(/^Roomcast is ready: http:\/\/127\.0\.0\.1:\d+\/\n$/);
    const address = /http:\S+/.exec(stdout)?.[0] as string;
    const page = await fetch(address);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(assets.map((path) => path.split('.').at(-1)).sort()).toEqual(['css', 'js']);
    for (const path of assets) expect((await fetch(new URL(path, address))).status).toBe(200);
    expect((await fetch(new URL('/socket.io/socket.io.js', address))).status).toBe(200);
    const sdk = await fetch(new URL('/sdk.js', address));
    expect([sdk.status, sdk.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect((await fetch(new URL('/nothing', address))).status).toBe(404);
  });

  it('reports its health on the admin port', async () => {
    expect((await fetch(`${host.adminUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${host.adminUrl}/readyz`)).status).toBe(200);
    for (const url of host.workerUrls) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    }
    expect(await host.status()).toMatchObject({
      primary: { pid: host.pid, version: expect.any(String), startedAt: expect.any(Number) },
      workers: [
        {
          slot: 0,
          port: host.basePort,
          state: 'ready',
          clients: 0,
          rooms: 0,
          loopDelayMs: expect.any(Number),
          rssBytes: expect.any(Number),
        },
        { slot: 1, port: host.basePort + 1, state: 'ready' },
      ],
    });
  });

  it('counts connections correctly, over crashes and repeated joins', async () => {
    const clients = async () => (await host.status()).workers.map((worker) => worker.clients);
    const [one, two] = host.workerUrls as [string, string];
    const ann = await enter(one, 'count', 'Ann');
    const bob = await enter(two, 'count', 'Bob');
    const mute = await connect(two);
    await ann.do('join');
    await ann.do('join');
    await eventually(async () => expect(await clients()).toEqual([1, 2]));
    expect((await host.status()).cluster).toMatchObject({ hosts: 1, workers: 2, rooms: 1 });
    const killed = (await host.status()).workers[1]?.pid as number;
    process.kill(killed, 'SIGKILL');
    await eventually(async () => expect(await clients()).toEqual([1, 0]));
    ann.close();
    await eventually(async () => expect(await clients()).toEqual([0, 0]));
    for (const member of [bob, mute]) member.close();
  });
});

describe('a start', () => {
  it('with invalid settings ends with one message that lists them all', async () => {
    const { code, stderr } = await failedStart({ WORKERS: 'many', HISTORY_SIZE: '-1', LOG_LEVEL: 'loud' });
    expect(code).toBe(1);
    for (const name of ['WORKERS', 'HISTORY_SIZE', 'LOG_LEVEL']) expect(stderr).toContain(name);
  });

  it('with a port in use names setting and port, and starts nothing', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const { code, stderr } = await failedStart({ PORT: String(port) });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`PORT ${port} on 127.0.0.1 is taken`)]);
    squatter.close();
  });

  it('with a DATA_DIR that cannot be written says which and why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roomcast-test-'));
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { code, stderr } = await failedStart({ DATA_DIR: file });
    expect([code, stderr]).toEqual([1, expect.stringContaining('DATA_DIR')]);
    expect(stderr).toContain(file);
    await mkdir(join(folder, 'closed'));
    await chmod(join(folder, 'closed'), 0o500);
    // Root may write anywhere; /proc is one place where nobody may.
    const refused = await failedStart({
      DATA_DIR: process.getuid?.() === 0 ? '/proc/roomcast' : join(folder, 'closed', 'x'),
    });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('DATA_DIR')]);
    await rm(folder, { recursive: true, force: true });
  });

  it('on the DATA_DIR of a running Roomcast is refused, until that one has ended in any way', async () => {
    const host = await startHost();
    const { code, stderr } = await failedStart({ DATA_DIR: host.dataDir });
    expect([code, stderr]).toEqual([1, expect.stringContaining('in use')]);
    await host.kill9();
    const successor = await startHost({ dataDir: host.dataDir });
    await successor.stop();
    await successor.remove();
  });

  it('without a Redis at REDIS_URL fails after some retries, with a message without the password', async () => {
    const port = await freePorts(1);
    const { code, stderr } = await failedStart({ REDIS_URL: `redis://:hunter2@127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).not.toContain('hunter2');
  });

  it('with a Redis user who may not subscribe names the right that is missing', async () => {
    const redis = await openRedis(['--user', 'joe', 'on', '>hunter2', '~*', '+@all', 'resetchannels']);
    const REDIS_URL = redis.url.replace('//', '//joe:hunter2@');
    const { code, stdout, stderr } = await failedStart({ REDIS_URL });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Roomcast cannot start: Redis at .* missing: &rc#\* &rc:\*\. .*$/m);
    expect(stderr).not.toContain('hunter2');
    await redis.close();
  });

  it('as a worker of another program’s cluster, such as pm2, reports it and ends', async () => {
    const other = fork(MAIN, ['start'], { env: { NODE_UNIQUE_ID: '1' }, silent: true });
    let stderr = '';
    other.stderr?.on('data', (chunk: Buffer) => (stderr += chunk));
    const [code] = (await once(other, 'close')) as [number | null];
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Roomcast cannot start: .*pm2.*\n$/)]);
  });

  it('as a worker of a primary of another version, which gives no instance id, reports it and ends', async () => {
    const worker = fork(MAIN, ['start'], { env: { NODE_UNIQUE_ID: '1', RC_SLOT: '0' }, silent: true });
    let stderr = '';
    worker.stderr?.on('data', (chunk: Buffer) => (stderr += chunk));
    const [code] = (await once(worker, 'close')) as [number | null];
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^This worker cannot start: .*version.*\n$/)]);
  });

  it('waits for a Redis that starts a little later', async () => {
    const redis = await openRedis();
    await redis.stop();
    const starting = startHost({ redisUrl: redis.url });
    await redis.start();
    const host = await starting;
    await host.stop();
    await host.remove();
    await redis.close();
  });
});

describe('the processes', () => {
  it('respawn a killed worker on its port, and announce its users as gone', async () => {
    const host = await startHost();
    const [one, two] = host.workerUrls as [string, string];
    const ann = await enter(one, 'killed', 'Ann');
    const bob = await enter(two, 'killed', 'Bob', { reconnection: true, reconnectionDelay: 100 });
    const carl = await enter(two, 'killed', 'Carl');
    const before = (await host.status()).workers[1]?.pid as number;
    process.kill(before, 'SIGKILL');
    await eventually(async () => {
      const worker = (await host.status()).workers[1];
      expect(worker?.state).toBe('ready');
      expect(worker?.pid).not.toBe(before);
    });
    await eventually(() => expect(bob.heard.filter(({ event }) => event === 'joined')).toHaveLength(2));
    await eventually(() =>
      expect(ann.messages).toContainEqual(
        expect.objectContaining({
          event: 'broadcast_quit',
          data: expect.objectContaining({ username: 'Carl' }),
        }),
      ),
    );
    await bob.do('say', { text: 'back' });
    await eventually(() => expect(ann.said.at(-1)?.data.text).toBe('back'));
    for (const member of [ann, bob, carl]) member.close();
    await host.stop();
    await host.remove();
  });

  it('end cleanly on SIGTERM: clients get a bye, exit 0, no orphan', async () => {
    const host = await startHost();
    const workers = (await host.status()).workers.map(({ pid }) => pid);
    const ann = await enter(host.url, 'end', 'Ann');
    const bye = new Promise((resolve) => ann.socket.once('bye', resolve));
    const reason = new Promise((resolve) => ann.socket.once('disconnect', resolve));
    const stopped = host.stop();
    expect(await bye).toMatchObject({ code: 3001, reconnect: true, afterMs: expect.any(Number) });
    expect(await reason).toBe('transport close');
    expect(await stopped).toBe(0);
    expect([host.pid, ...workers].filter(alive)).toEqual([]);
    await host.remove();
  });

  it('leave no worker behind when the primary is killed', async () => {
    const host = await startHost();
    const workers = (await host.status()).workers.map(({ pid }) => pid);
    await host.kill9();
    await eventually(() => expect(workers.filter(alive)).toEqual([]));
    await host.remove();
  });
});
