import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../src/config/configuration.ts';

function parse(env: Readonly<Record<string, string | undefined>>) {
  return parseConfiguration(env, { defaultWorkers: 2, terminal: false });
}
function settings(env: Record<string, string>) {
  const parsed = parse(env);
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.settings;
}

describe('settings', () => {
  it('have defaults that run on one machine', () =>
    expect(settings({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      front: true,
      workers: 2,
      basePort: 6001,
      adminPort: 5999,
      socketPath: '/socket.io/',
      namespaces: ['/'],
      rateSay: { perMs: 0.02, burst: 40 },
      rateSignal: { perMs: 0.03, burst: 60 },
    }));

  it('close the front door in cluster mode unless it is set', () => {
    expect(settings({ REDIS_URL: 'redis://127.0.0.1' }).front).toBe(false);
    expect(settings({ REDIS_URL: 'redis://127.0.0.1', FRONT: 'on' }).front).toBe(true);
  });

  it.each(['0', '15'])('may gather messages for at most FLUSH_WINDOW_MS=%s', (value) => {
    expect(settings({ FLUSH_WINDOW_MS: value }).flushWindowMs).toBe(Number(value));
  });

  it.each(['127.example.org', '127.0.0.1.example.org'])(
    'warn of HOST=%s in open mode: its name only begins like a loopback address',
    (host) => {
      const parsed = parse({ HOST: host });
      expect(parsed.ok && parsed.warnings.join()).toContain(`HOST=${host} in open mode`);
    },
  );

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('do not warn of HOST=%s', (host) => {
    const parsed = parse({ HOST: host });
    expect(parsed.ok && parsed.warnings.join()).not.toContain('in open mode');
  });

  it.each(['0', '0.0.0.0', '::', 'chat.example.org'])('may name HOST=%s to listen on', (host) => {
    expect(settings({ HOST: host, AUTH_SECRET: 'x'.repeat(32) }).host).toBe(host);
  });

  it('that are wrong are all named in one go, and nothing of a Redis address is shown', () => {
    const parsed = parse({ PORT: 'x', WORKERS: '0', REDIS_URL: 'http://u:secret@h', LOG_LEVEL: 'loud' });
    expect(parsed.ok).toBe(false);
    const text = parsed.ok ? '' : parsed.problems.join('\n');
    for (const name of ['PORT', 'WORKERS', 'REDIS_URL', 'LOG_LEVEL']) expect(text).toContain(name);
    expect(text).not.toContain('secret');
  });

  it.each([
    ['KEY_PREFIX', 'a{b'],
    ['SOCKET_PATH', '/a b/'],
    ['CORS_ORIGIN', 'example'],
    ['EMBED_ORIGINS', 'https://shop.example/page'],
    ['EMBED_ORIGINS', 'app://shop'],
    ['EMBED_ORIGINS', 'https://[::1]'],
    ['EMBED_ORIGINS', 'https://shop.example;script-src'],
    ['AVATAR_ORIGINS', 'http://cdn.example'],
    ['AVATAR_ORIGINS', 'https://cdn.example/a.png'],
    ['AVATAR_ORIGINS', 'https://[::1]'],
    ['AVATAR_ORIGINS', 'data:'],
    ['TRUST_PROXY', 'my-proxy'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['RATE_SAY', '20 per second'],
    ['RATE_SAY', '-1'],
    ['HISTORY_SIZE', '1e3'],
    ['DRAIN_S', '-1'],
    ['DRAIN_DELAY_S', '-1'],
    ['RATE_ADMIT', '5/s'],
    ['FRONT', 'yes'],
    ['NAMESPACES', 'post'],
    ['PORT', '65536'],
    ['HOST', 'a b'],
    ['HOST', '00'],
    ['HOST', '10.0.0.300'],
    ['MAX_TEXT_BYTES', '0'],
    ['AUTH_SECRET', 'with a space'.padEnd(32, 'x')],
    ['AUTH_SECRET', 'x'.repeat(31)],
    ['BUS_SECRET', 'x'.repeat(31)],
    ['BUS_SECRET', `${'x'.repeat(32)},short`],
    ['BUS_SECRET', ['x', 'y', 'z'].map((one) => one.repeat(32)).join()],
    ['BUS_UNSIGNED', 'on'],
    ['TODO_LIVE', 'on'],
    ['AUTH_AUDIENCE', 'chat'],
    ['AUTH_ISSUER', 'https://id.example'],
    ['AUTH_AUDIENCE', 'a\nb'],
    ['AUTH_JWKS_URL', 'ftp://keys.example'],
    ['API_KEYS', 'good-key-of-some-length,'],
  ])('%s=%s stops the start', (name, value) => {
    const parsed = parse({ [name]: value });
    expect(parsed).toMatchObject({ ok: false, problems: [expect.stringContaining(name)] });
  });

  it('may not put two listeners on one port', () => {
    expect(parse({ PORT: '6002' })).toMatchObject({ ok: false });
    expect(parse({ ADMIN_PORT: '6001' })).toMatchObject({ ok: false });
    expect(parse({ ADMIN_PORT: '3000' })).toMatchObject({ ok: false });
    expect(parse({ BASE_PORT: '65535' })).toMatchObject({ ok: false });
  });

  it('take a path with or without its slashes', () =>
    expect(settings({ SOCKET_PATH: 'ws/socket.io' }).socketPath).toBe('/ws/socket.io/'));

  it('take rates with a burst, and 0 for none', () => {
    expect(settings({ RATE_SAY: '5/m burst 9' }).rateSay).toEqual({ perMs: 5 / 60_000, burst: 9 });
    expect(settings({ RATE_SAY: '0' }).rateSay).toBeUndefined();
  });

  it('for rooms, events and bytes follow those for messages, and are off with them', () => {
    expect(settings({})).toMatchObject({
      rateRooms: { perMs: 0.001, burst: 200 },
      rateEvents: { perMs: 0.1, burst: 1_000 },
      rateBytes: { perMs: 1_310.72, burst: 4_000_000 },
    });
    expect(settings({ RATE_SAY: '300/1s' }).rateEvents).toEqual({ perMs: 1.5, burst: 1_500 });
    expect(settings({ RATE_SIGNAL: '500/1s' }).rateEvents).toEqual({ perMs: 1.5, burst: 1_500 });
    expect(settings({ RATE_SIGNAL: '0' }).rateEvents).toBeUndefined();
    expect(settings({ RATE_SAY: '0' })).toMatchObject({
      rateRooms: undefined,
      rateEvents: undefined,
      rateBytes: undefined,
    });
    expect(settings({ MAX_ROOMS_PER_CLIENT: '500' }).rateRooms).toEqual({ perMs: 0.001, burst: 2_000 });
    expect(settings({ RATE_SAY: '0', RATE_ROOMS: '1/1s' }).rateRooms).toEqual({ perMs: 0.001, burst: 1 });
    const given = settings({ RATE_SAY: '0', RATE_EVENTS: '5/1s', RATE_BYTES: '9/ms burst 99' });
    expect(given.rateEvents).toEqual({ perMs: 0.005, burst: 5 });
    expect(given.rateBytes).toEqual({ perMs: 9, burst: 99 });
    expect(settings({ RATE_EVENTS: '0' }).rateEvents).toBeUndefined();
  });

  it('for stored bytes follow that for messages, and are off with it', () => {
    const byDefault = { perMs: 72_000_000 / 3_600_000, burst: 32_000_000 };
    expect(settings({ RATE_SIGNAL: '0' }).rateStored).toEqual(byDefault);
    expect(settings({ RATE_SAY: '300/1s burst 50000' }).rateStored).toEqual({
      perMs: 300,
      burst: 50_000_000,
    });
    expect(settings({ RATE_SAY: '0' }).rateStored).toBeUndefined();
    expect(settings({ RATE_SAY: '0', RATE_STORED: '9/ms burst 99' }).rateStored).toEqual({
      perMs: 9,
      burst: 99,
    });
  });

  it('take one secret of the bus or two, and say when it verifies nothing', () => {
    const [old, next] = ['o'.repeat(32), 'n'.repeat(32)];
    const redis = { REDIS_URL: 'redis://a' };
    const warned = (env: Record<string, string>) => {
      const parsed = parse(env);
      return parsed.ok && parsed.warnings.filter((warning) => warning.startsWith('BUS_'));
    };
    expect(settings({ ...redis, BUS_SECRET: old }).busSecrets).toEqual([old]);
    expect(settings({ ...redis, BUS_SECRET: `${next},${old}` }).busSecrets).toEqual([next, old]);
    expect(warned({ ...redis, BUS_SECRET: old })).toEqual([]);
    expect(warned({ BUS_SECRET: old })).toEqual([expect.stringContaining('changes nothing without Redis')]);
    expect(warned({ ...redis, BUS_UNSIGNED: 'accept' })).toEqual([
      expect.stringContaining('changes nothing without BUS_SECRET'),
    ]);
    expect(warned({ ...redis, BUS_SECRET: old, BUS_UNSIGNED: 'accept' })).toEqual([
      expect.stringContaining('can speak for a worker'),
    ]);
  });

  it('leave a tenth of the files that a worker may open to others than its clients', () => {
    const limit = (openFiles: number | undefined, env = {}) => {
      const parsed = parseConfiguration(env, { defaultWorkers: 2, terminal: false, openFiles });
      return parsed.ok && parsed.settings.maxWorkerClients;
    };
    expect([limit(1_024), limit(1), limit(undefined)]).toEqual([921, 1, 0]);
    expect(limit(1_024, { MAX_WORKER_CLIENTS: '0' })).toBe(0);
    expect(limit(1_024, { MAX_WORKER_CLIENTS: '5000' })).toBe(5_000);
  });

  it('take the proxies that are trusted', () => {
    expect(settings({}).trustProxy).toBeUndefined();
    expect(settings({ TRUST_PROXY: 'off' }).trustProxy).toEqual([]);
    const given = settings({ TRUST_PROXY: 'loopback, 10.0.0.0/8,2001:db8::1' });
    expect(given.trustProxy).toEqual(['loopback', '10.0.0.0/8', '2001:db8::1']);
  });

  it('of later versions are taken at the value that changes nothing', () => {
    expect(settings({ MAX_ROOM_CLIENTS: '0', ACK_REPLICAS: '0' }).port).toBe(3000);
  });

  it('name the Sentinels, by host and port or with a user, and mean cluster mode', () => {
    const sentinels = 'a.example.org:26379, rediss://me:pw@[::1]:26380';
    const given = settings({ REDIS_SENTINELS: sentinels, REDIS_SENTINEL_NAME: 'chat', ACK_REPLICAS: '1' });
    expect(given.redisSentinels).toEqual(['a.example.org:26379', 'rediss://me:pw@[::1]:26380']);
    expect(given.front).toBe(false);
  });

  it.each([
    [{ REDIS_SENTINELS: 'a:1' }, 'REDIS_SENTINEL_NAME'],
    [{ REDIS_SENTINEL_NAME: 'chat' }, 'REDIS_SENTINELS'],
    [{ REDIS_SENTINELS: 'http://me:s3cret@a', REDIS_SENTINEL_NAME: 'chat' }, 'comma list of host:port'],
    [{ REDIS_SENTINELS: 'redis://a/s3cret', REDIS_SENTINEL_NAME: 'chat' }, 'comma list of host:port'],
    [{ REDIS_SENTINELS: 'a:1', REDIS_SENTINEL_NAME: 'c', REDIS_URL: 'unix:/r.sock' }, 'is a socket'],
    [{ REDIS_URL: 'redis://a?db=1' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_URL: 'redis://' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_URL: 'redis:a' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_URL: 'redis://a/x' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_URL: 'redis://u:p%ZZ@a' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_URL: 'unix:relative' }, 'REDIS_URL must be a redis://'],
    [{ REDIS_CLUSTER_NODES: 'redis://u:p%ZZ@a:1' }, 'REDIS_CLUSTER_NODES must be a comma list'],
    [{ REDIS_URLS: 'redis://a,redis://a:6379' }, 'REDIS_URLS names a server twice'],
    [{ REDIS_URLS: 'redis://a/1,redis://b/2' }, 'REDIS_URLS names different databases'],
    [{ REDIS_CLUSTER_NODES: 'redis://u:p@a:1,rediss://v:q@b:1' }, 'REDIS_CLUSTER_NODES must have one user'],
    [{ REDIS_URL: 'rediss://a', REDIS_CERT_FILE: 'c.pem' }, 'REDIS_KEY_FILE'],
    [{ REDIS_URL: 'redis://a', REDIS_CA_FILE: 'ca.pem' }, 'rediss://'],
    [{ ACK_REPLICAS: '1' }, 'ACK_REPLICAS is for Redis'],
  ])('that do not fit together stop the start: %o', (env, reason) => {
    const parsed = parse(env);
    const problems = parsed.ok ? '' : parsed.problems.join();
    expect(problems).toContain(reason);
    expect(problems).not.toContain('s3cret');
  });

  it('that are empty count as not set', () => expect(settings({ PORT: '', REDIS_URL: ' ' }).port).toBe(3000));

  it('spelled nearly right are warned of', () => {
    const parsed = parse({ REDIS_URI: 'x', WORKER: '3', HOME: '/root', PATH: '/bin' });
    expect(parsed).toMatchObject({
      ok: true,
      warnings: [
        'REDIS_URI is not a setting; did you mean REDIS_URL?',
        'WORKER is not a setting; did you mean WORKERS?',
      ],
    });
  });

  it('warn of open mode beyond this machine', () =>
    expect(parse({ HOST: '0.0.0.0' })).toMatchObject({ warnings: [expect.stringContaining('open mode')] }));

  it('take the sites that may frame the page, and warn of all', () => {
    const sites = 'https://Shop.example, https://*.example.org:8443';
    expect(settings({ EMBED_ORIGINS: sites }).embedOrigins).toEqual([
      'https://shop.example',
      'https://*.example.org:8443',
    ]);
    expect(parse({ EMBED_ORIGINS: '*' })).toMatchObject({
      warnings: [expect.stringContaining('clickjacking')],
      settings: { embedOrigins: '*' },
    });
    expect(settings({}).embedOrigins).toBeUndefined();
  });

  it('take the sites whose pictures the page loads, and warn of all', () => {
    expect(settings({ AVATAR_ORIGINS: 'https://CDN.example/, https://*.example.org' }).avatarOrigins).toEqual(
      ['https://cdn.example', 'https://*.example.org'],
    );
    expect(parse({ AVATAR_ORIGINS: '*' })).toMatchObject({
      warnings: [expect.stringContaining('AVATAR_ORIGINS=* lets every user choose')],
      settings: { avatarOrigins: '*' },
    });
    expect(settings({}).avatarOrigins).toBeUndefined();
  });

  const ours = { AUTH_AUDIENCE: 'chat', AUTH_ISSUER: 'https://login.example/' };

  describe.each([
    { AUTH_SECRET: 'x'.repeat(32) },
    { AUTH_SECRET: 'a-secret-that-is-long-enough-for-HS256', ...ours },
    { AUTH_JWKS_URL: 'https://login.example/keys', ...ours },
  ])('with %j', (env) => {
    it('listen on every address, which is not warned of', () => {
      expect(parse(env)).toMatchObject({ ok: true, warnings: [], settings: { host: '0.0.0.0' } });
      expect(parse({ ...env, HOST: '10.0.0.1' })).toMatchObject({
        warnings: [],
        settings: { host: '10.0.0.1' },
      });
    });
  });

  it('warn of a key set that signs for anybody', () => {
    const warnings = (env: Record<string, string>) => {
      const parsed = parse({ AUTH_JWKS_URL: 'https://login.example/keys', ...env });
      return parsed.ok ? parsed.warnings : undefined;
    };
    expect(warnings({})).toEqual([expect.stringContaining('without AUTH_AUDIENCE and AUTH_ISSUER')]);
    expect(warnings({ AUTH_ISSUER: 'x' })).toEqual([expect.stringContaining('without AUTH_AUDIENCE:')]);
    expect(warnings({ AUTH_AUDIENCE: 'x' })).toEqual([expect.stringContaining('without AUTH_ISSUER:')]);
  });

  it.each([
    ['REDIS_URLS', 'redis://a,redis://b'],
    ['REDIS_CLUSTER_NODES', 'a:6379,b:6379'],
  ])('warn once that %s is experimental, with what does not hold', (name, value) => {
    const parsed = parse({ [name]: value });
    expect(parsed).toMatchObject({
      ok: true,
      warnings: [
        expect.stringMatching(`^${name} is experimental: while one .* its rooms and inboxes are refused`),
      ],
    });
    expect(parse({ REDIS_URL: 'redis://a' })).toMatchObject({ ok: true, warnings: [] });
  });

  it('refuse or warn of what can be guessed, without showing it', () => {
    const refused = parse({ AUTH_SECRET: 'hunter2' });
    expect(refused).toMatchObject({ ok: false, problems: [expect.stringContaining('32 bytes')] });
    expect(JSON.stringify(refused)).not.toContain('hunter2');
    const warned = parse({ API_KEYS: 'opensesame,a-key-of-sixteen-or-more' });
    expect(warned).toMatchObject({ ok: true, warnings: [expect.stringContaining('API_KEYS')] });
    expect(JSON.stringify(warned.ok && warned.warnings)).not.toContain('opensesame');
  });

  it('that are secret are not shown when they are wrong', () => {
    const parsed = parse({
      AUTH_SECRET: 'hunter2 and more',
      AUTH_JWKS_URL: 'hunter2://keys',
      API_KEYS: 'hunter2 and more,hunter2 again',
      REDIS_URL: 'hunter2',
    });
    const text = parsed.ok ? '' : parsed.problems.join('\n');
    for (const name of ['AUTH_SECRET', 'AUTH_JWKS_URL', 'API_KEYS', 'REDIS_URL'])
      expect(text).toContain(name);
    expect(text).not.toContain('hunter2');
  });
});
