import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { aclRules } from '../../../src/backend/redis/connection/rights.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { createLog } from '../../../src/log.ts';
import { append, granted, newRoom } from '../../contract/peers.ts';
import { ALLOWED, peerForTest, redisForTest, redisOptions } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

const DEPLOYED = new URL('../../../deploy/redis/', import.meta.url);

/** What the start says, and what it logs: a refusal must be the only thing to read. */
async function start(
  url: string,
): Promise<{ refusal: string; lines: string[]; warnings: readonly string[] }> {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
  try {
    const primary = await openRedisPrimary({ options: redisOptions(url), host: 'test', log });
    await primary.close();
    return { refusal: '', lines, warnings: primary.warnings };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { refusal: error.message, lines, warnings: [] };
  }
}

async function userForTest() {
  const redis = await redisForTest(['--user', 'joe', ...ALLOWED]);
  const url = redis.url.replace('//', '//joe:granted@');
  return { redis, url, change: (...rules: string[]) => redis.ask(`ACL SETUSER joe ${rules.join(' ')}`) };
}

describe('a Redis user', () => {
  it('with exactly the rights that Roomcast needs is enough, in any database and without a line in the log', async () => {
    const { url, redis, change } = await userForTest();
    expect(await start(url)).toEqual({ refusal: '', lines: [], warnings: [] });
    expect(await start(`${url}/1`)).toMatchObject({ refusal: expect.stringContaining('missing: +select.') });
    await change('+select');
    expect(await start(`${url}/1`)).toMatchObject({ refusal: '', lines: [] });
    // Only the mark of the data's format stays.
    expect(await redis.ask('KEYS *')).toBe('*1\r\n$9\r\nrc:format\r\n');
  });

  it('of the ACL file has these rights and the one to read settings, and logs in to a Redis with the configuration beside it', async () => {
    const file = await readFile(new URL('users.acl', DEPLOYED), 'utf8');
    const [others, own = '', ...rest] = file.trim().split('\n');
    expect([others, rest]).toEqual(['user default off', []]);
    const rules = /^user roomcast on >CHANGE-ME (.*)$/.exec(own)?.[1]?.split(' ') ?? [];
    expect(rules.filter((rule) => rule !== '+config|get')).toEqual(aclRules('rc'));
    expect(rules).toContain('+config|get');

    const redis = await redisForTest(
      ['--aclfile', fileURLToPath(new URL('users.acl', DEPLOYED))],
      fileURLToPath(new URL('redis.conf', DEPLOYED)),
    );
    const url = redis.url.replace('//', '//roomcast:CHANGE-ME@');
    expect(await start(url)).toEqual({ refusal: '', lines: [], warnings: [] });
    expect((await start(redis.url)).refusal).toContain('Redis at');
    const peer = await peerForTest(url);
    const room = newRoom();
    expect((await append(peer, room, 'stored')).seq).toBe(1);
  });

  it('that lacks one of them is refused with its name', async () => {
    const { url, change } = await userForTest();
    const commands = aclRules('rc').filter((rule) => rule.startsWith('+'));
    expect(commands.length).toBeGreaterThan(40);
    for (const rule of commands) {
      await change(rule.replace('+', '-'));
      const { refusal, lines } = await start(url);
      expect(refusal).toContain(`missing: ${rule}. Grant`);
      expect(lines).toEqual([]);
      await change(rule);
    }
    await change('resetchannels');
    expect((await start(url)).refusal).toContain('missing: &rc#* &rc:*.');
    await change('&rc#*');
    expect((await start(url)).refusal).toContain('missing: &rc:*.');
    await change('&rc:*', 'resetkeys');
    expect((await start(url)).refusal).toContain('missing: ~rc:*.');
    await change('%R~rc:*');
    expect((await start(url)).refusal).toContain('missing: ~rc:*.');
    await change('~rc:*', '-hset', '-ssubscribe');
    expect((await start(url)).refusal).toContain('missing: +hset +ssubscribe.');
  });
});

describe('a start', () => {
  it('leaves no key without an end behind where the user may not delete, nor do one thing more', async () => {
    const { url, redis, change } = await userForTest();
    const commands = aclRules('rc').filter((rule) => rule.startsWith('+') && rule !== '+pexpire');
    await change('-del');
    for (const rule of commands) {
      await change(rule.replace('+', '-'));
      expect((await start(url)).refusal).toContain(rule);
      if (rule !== '+del') await change(rule);
    }
    const found = [...(await redis.ask('KEYS *')).matchAll(/rc:\S+/g)].map(([key]) => key);
    expect(found.length).toBeGreaterThan(0);
    const endless: string[] = [];
    for (const key of found) {
      const leftMs = Number((await redis.ask(`PTTL ${key}`)).slice(1));
      if (leftMs === -1 || leftMs > 10_000) endless.push(key);
    }
    expect(endless).toEqual([]);
  });
});

describe('a Redis that is not fit', () => {
  it('is named: a replica, and of which master', async () => {
    const master = await redisForTest();
    const replica = await redisForTest(['--replicaof', '127.0.0.1', String(master.port)]);
    const { refusal } = await start(replica.url);
    expect(refusal).toContain(`127.0.0.1:${replica.port} is a replica`);
    expect(refusal).toContain(`master, 127.0.0.1:${master.port}`);
  });

  it('is named: a node of a cluster', async () => {
    const node = await redisForTest(['--cluster-enabled', 'yes']);
    expect((await start(node.url)).refusal).toContain('is a node of a Redis Cluster');
  });

  it('is named: scripts switched off', async () => {
    const redis = await redisForTest(['--rename-command', 'EVALSHA', '""']);
    expect((await start(redis.url)).refusal).toContain('does not know EVALSHA, which');
  });

  it('is named: a database that is not there', async () => {
    const redis = await redisForTest(['--databases', '2']);
    expect((await start(`${redis.url}/2`)).refusal).toContain('DB index is out of range');
    expect((await start(`${redis.url}/1`)).refusal).toBe('');
  });
});

describe('a right revoked while a worker runs', () => {
  it.each([
    ['of a command', '-evalsha', '+evalsha'],
    ['of a command inside a script', '-xadd', '+xadd'],
  ])(
    '%s makes it answer `unavailable` and not ready, until it is granted again',
    async (_, revoke, grant) => {
      const { url, change } = await userForTest();
      const lines: { msg: string; code?: string }[] = [];
      const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
      const log = createLog({ level: 'warn', pretty: false, base: {}, destination });
      const peer = await peerForTest(url, { log });
      const room = newRoom();
      await append(peer, room, 'before');
      granted(await peer.check());
      await change(revoke);
      for (let tries = 0; tries < 20; tries += 1) {
        const appended = await peer.logs.append(room, { id: 'i', members: '"a":1' });
        expect(appended).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
      }
      expect(await peer.check()).toMatchObject({
        ok: false,
        error: { code: 'unavailable', message: `the store denies ${grant}` },
      });
      expect(lines).toMatchObject([{ msg: 'redis: the user in REDIS_URL lacks a right', code: 'NOPERM' }]);
      await change(grant);
      granted(await peer.check());
      await append(peer, room, 'after');
    },
  );

  it('is not taken for granted again after the connection was lost during a check', async () => {
    const { url, redis, change } = await userForTest();
    const peer = await peerForTest(url);
    await change('-xadd');
    expect(await peer.logs.append(newRoom(), { id: 'i', members: '"a":1' })).toMatchObject({ ok: false });
    redis.freeze();
    const checked = peer.check();
    await redis.kill9();
    expect(await checked).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
    await redis.start();
    await change('-xadd');
    await eventually(async () =>
      expect(await peer.check()).toMatchObject({ ok: false, error: { message: 'the store denies +xadd' } }),
    );
  });
});
