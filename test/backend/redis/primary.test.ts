import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BackendError, type PrimaryBackend } from '../../../src/backend/backend.ts';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { readCallsByCommand } from '../../bench/measure/redis-counts.ts';
import { append, granted, newRoom, read } from '../../contract/peers.ts';
import { peerForTest, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';

const run = promisify(execFile);

async function primaryForTest(url: string, patienceMs?: number): Promise<PrimaryBackend> {
  const deps = { options: redisOptions(url), host: 'test', log: silent };
  const primary = await openRedisPrimary(patienceMs === undefined ? deps : { ...deps, patienceMs });
  onTestFinished(() => primary.close());
  return primary;
}

/** Why the primary does not open. */
async function refusalBy(url: string, patienceMs?: number): Promise<string> {
  const error = await primaryForTest(url, patienceMs).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BackendError);
  return (error as BackendError).message;
}

function pushed(event: string, channel: string): string {
  return `>3\r\n$${event.length}\r\n${event}\r\n$${channel.length}\r\n${channel}\r\n:1\r\n`;
}

/** Speaks enough of the protocol to be taken for a Redis of that version. */
async function impostorForTest(version: string): Promise<string> {
  const info = `# Server\r\nredis_version:${version}\r\nrun_id:abc\r\nloading:0\r\n`;
  const answers = new Map([
    ['hello', '%1\r\n$5\r\nproto\r\n:3\r\n'],
    ['info', `$${info.length}\r\n${info}\r\n`],
    ['get', '$1\r\n1\r\n'],
    // No instances.
    ['evalsha', '*3\r\n$1\r\n1\r\n$1\r\n1\r\n*0\r\n'],
  ]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const [, name = '', channel = ''] of chunk
        .toString()
        .matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n(.*)\r\n)?/g)) {
        const done = /^s(un)?subscribe$/i.test(name) ? pushed(name.toLowerCase(), channel) : '+OK\r\n';
        socket.write(answers.get(name.toLowerCase()) ?? done);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('opening Redis', () => {
  it('says where Redis cannot be reached, why and what to do, without the password', async () => {
    const port = await freePorts(1);
    const message = await refusalBy(`redis://joe:s3cret@127.0.0.1:${port}/2`, 100);
    expect(message).toContain(`127.0.0.1:${port}`);
    expect(message).toContain('ECONNREFUSED');
    expect(message).toContain('REDIS_URL');
    expect(message).not.toMatch(/s3cret|joe/);
  });

  it.each([
    ['REDIS_SENTINELS', ([at]: string[]) => ({ redisSentinels: [`${at}`], redisSentinelName: 'chat' })],
    ['REDIS_URLS', (all: string[]) => ({ redisUrls: all.map((at) => `redis://${at}`) })],
    ['REDIS_CLUSTER_NODES', (all: string[]) => ({ redisClusterNodes: all })],
  ])('says to correct %s where that names what cannot be reached', async (setting, settingsFor) => {
    const { redisUrl: _, ...others } = redisOptions('');
    const port = await freePorts(2);
    const options = { ...others, ...settingsFor([`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`]) };
    const opening = openRedisPrimary({ options, host: 'test', log: silent, patienceMs: 100 });
    await expect(opening).rejects.toThrow(`correct ${setting}`);
  });

  it('waits for a Redis that starts later, and says so meanwhile', async () => {
    const redis = await redisForTest();
    await redis.stop();
    const lines: string[] = [];
    const log = pino({}, { write: (line) => void lines.push(line) });
    const opening = openRedisPrimary({ options: redisOptions(redis.url), host: 'test', log });
    await eventually(() => expect(lines.join()).toContain('not reachable yet'));
    await redis.start();
    const primary = await opening;
    granted(await primary.check());
    await primary.close();
  });

  it('waits for a Redis that is still loading its data', async () => {
    const redis = await redisForTest(['--key-load-delay', '500']);
    const peer = await peerForTest(redis.url);
    await Promise.all(Array.from({ length: 400 }, () => append(peer, newRoom(), 'x')));
    await redis.stop();
    const starting = redis.start();
    await eventually(async () => expect(await redis.ask('PING')).toContain('LOADING'), { interval: 1 });
    const primary = await primaryForTest(redis.url);
    granted(await primary.check());
    await starting;
  });

  it('refuses an older Redis by its version', async () => {
    const message = await refusalBy(await impostorForTest('6.2.14'));
    expect(message).toContain('6.2.14');
    expect(message).toContain('7.0');
  });

  it('takes newer ones', async () => {
    for (const version of ['7.0.0', '7.4.1', '8.2.0', '10.0.0']) {
      const primary = await primaryForTest(await impostorForTest(version));
      expect(primary.warnings).toEqual([]);
    }
  });

  it('fails without waiting, with the reason, if user or password are wrong', async () => {
    const redis = await redisForTest(['--requirepass', 'right']);
    for (const credentials of ['', ':wr0ng@', 'joe:wr0ng@']) {
      const message = await refusalBy(`redis://${credentials}127.0.0.1:${redis.port}`, 60_000);
      expect(message).toContain('password');
      expect(message).not.toContain('wr0ng');
    }
  });

  it.each([
    '',
    'localhost',
    'http://h',
    'redis://h/users',
    'unix:relative.sock',
    'unix://host/a.sock',
    'redis://u:p@/1',
  ])('refuses the URL %j without repeating it', (url) => {
    expect(() => parseRedisAddress(url)).toThrow(BackendError);
    expect(() => parseRedisAddress(url)).toThrow(/REDIS_URL is not valid/);
  });

  it('warns when Redis keeps nothing, or may evict rooms', async () => {
    const kept = await redisForTest();
    expect((await primaryForTest(kept.url)).warnings).toEqual([]);
    await kept.ask('CONFIG SET appendfsync everysec');
    expect((await primaryForTest(kept.url)).warnings).toEqual([
      expect.stringContaining('appendfsync always'),
    ]);
    const policy = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'];
    const risky = await redisForTest(policy);
    await risky.ask('CONFIG SET appendonly no');
    const { warnings } = await primaryForTest(risky.url);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/appendonly.*allkeys-lru/s);
    await risky.ask('CONFIG SET maxmemory 0');
    expect((await primaryForTest(risky.url)).warnings).toHaveLength(1);
  });

  it('looks for warnings again, and logs once what begins and what is over', async () => {
    const redis = await redisForTest();
    const lines: string[] = [];
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line).msg) });
    const deps = { options: redisOptions(redis.url), host: 'test', log, warningsEveryMs: 20 };
    const primary = await openRedisPrimary(deps);
    onTestFinished(() => primary.close());
    const logged = () => lines.filter((line) => line.includes('appendfsync'));
    expect(primary.warnings).toEqual([]);
    await redis.ask('CONFIG SET appendfsync everysec');
    await eventually(() =>
      expect(primary.warnings).toEqual([expect.stringContaining('appendfsync everysec')]),
    );
    await redis.ask('CONFIG SET appendfsync always');
    await eventually(() => expect(primary.warnings).toEqual([]));
    expect(logged()).toEqual([
      expect.stringMatching(/^Redis runs with `appendfsync everysec`/),
      expect.stringMatching(/^no longer so: Redis runs with `appendfsync everysec`/),
    ]);
  });

  it('answers in time when Redis went away later', async () => {
    const redis = await redisForTest();
    const primary = await primaryForTest(redis.url);
    redis.freeze();
    expect(await primary.check()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(await primary.overview()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    redis.thaw();
    await eventually(async () => granted(await primary.overview()));
  });
});

describe('REDIS_URL', () => {
  it('may name a Unix socket', async () => {
    const redis = await redisForTest();
    for (const url of [`unix:${redis.path}`, `unix://${redis.path}`, `redis+unix://${redis.path}`]) {
      granted(await (await primaryForTest(url)).check());
      const peer = await peerForTest(url);
      granted(await peer.check());
    }
  });

  it('may carry user, password and database', async () => {
    const redis = await redisForTest();
    await redis.ask('ACL SETUSER joe on >p@ss:w/rd ~* &* +@all');
    await redis.ask('CONFIG SET requirepass other');
    const room = newRoom();
    const inTwo = await peerForTest(`redis://joe:p%40ss%3Aw%2Frd@127.0.0.1:${redis.port}/2`);
    await append(inTwo, room, 'in database two');
    const bySocket = await peerForTest(`unix://joe:p%40ss%3Aw%2Frd@${redis.path}?db=2`);
    expect(await read(bySocket, room)).toMatchObject({ top: 1 });
    const inNone = await peerForTest(`redis://:other@127.0.0.1:${redis.port}`);
    expect(await read(inNone, room)).toMatchObject({ top: 0 });
  });

  it('may ask for TLS', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'roomcast-tls-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await run('openssl', ['req', '-x509', ...newKey, '-keyout', key, '-out', cert, '-days', '2', ...subject]);
    const tlsPort = await freePorts(1);
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    await redisForTest(['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', ...files]);
    const script = `
      import { pino } from 'pino';
      import { openRedisPrimary } from '${new URL('../../../src/backend/redis/primary.ts', import.meta.url)}';
      const options = { redisUrl: process.argv[1], keyPrefix: 'rc' };
      const primary = await openRedisPrimary({ options, host: 'h', log: pino({ level: 'silent' }), patienceMs: 5000 });
      console.log(JSON.stringify(await primary.check()));
      await primary.close();
    `;
    // Node reads extra authorities only when it starts.
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert };
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, `rediss://127.0.0.1:${tlsPort}`];
    const { stdout } = await run(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toEqual({ ok: true });
    expect(await refusalBy(`rediss://127.0.0.1:${tlsPort}`, 100)).toMatch(/certificate/i);
  });
});

describe('the overview that several hosts ask for again and again', () => {
  it('is counted once for all hosts, and again once it is some seconds old', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { host: 'one' });
    granted(await peer.roster.heartbeat(3));
    granted(await peer.roster.setConnections(inboxOf('/', 'ann'), 3));
    const primaries = [await primaryForTest(redis.url), await primaryForTest(redis.url)];
    const recent = (primary: PrimaryBackend) => primary.recentOverview().then(granted);
    await redis.ask('CONFIG RESETSTAT');
    const [first] = primaries;
    if (!first) throw new Error('no primary');
    expect(await recent(first)).toEqual({ hosts: 1, workers: 1, clients: 3, users: 1, rooms: 0 });
    // The count is stored a moment after its answer.
    await eventually(async () => expect(await redis.ask('EXISTS rc:overview')).toBe(':1\r\n'));
    for (let times = 0; times < 20; times += 1) for (const primary of primaries) await recent(primary);
    // A count asks once for users, once for rooms.
    expect((await readCallsByCommand(redis.ask)).zrangebylex ?? 0).toBeLessThanOrEqual(2 * 2);

    granted(await peer.roster.setConnections(inboxOf('/', 'bob'), 1));
    for (const primary of primaries) {
      await eventually(async () => expect(await recent(primary)).toMatchObject({ users: 2 }));
    }
  });
});
