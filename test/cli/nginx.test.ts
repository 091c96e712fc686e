import { describe, expect, it } from 'vitest';
import { runNginx } from '../../src/cli/nginx.ts';
import { MAX_PACKET_BYTES } from '../../src/protocol/limits.ts';
import { NGINX_SETTINGS } from '../support/nginx-settings.ts';

function run(argv: string, settings = NGINX_SETTINGS) {
  let out = '';
  let err = '';
  const code = runNginx(argv.split(' ').filter(Boolean), settings, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

function servers(config: string): string[] {
  return [...config.matchAll(/^\s*server (\S+) /gm)].map((match) => match[1] ?? '');
}

describe('the upstream that roomcast nginx prints', () => {
  it('names every slot of every host, as the settings say', () => {
    const { code, out, err } = run('--hosts 10.0.0.1,10.0.0.2', {
      ...NGINX_SETTINGS,
      workers: 3,
      basePort: 7001,
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(servers(out)).toEqual([
      '10.0.0.1:7001',
      '10.0.0.1:7002',
      '10.0.0.1:7003',
      '10.0.0.2:7001',
      '10.0.0.2:7002',
      '10.0.0.2:7003',
    ]);
  });

  it('takes workers and base port from the command line before the settings', () => {
    const { out } = run('--hosts 10.0.0.1 --workers 1 --base-port 9000');
    expect(servers(out)).toEqual(['10.0.0.1:9000']);
  });

  it('lets each host have its own base port and number of workers', () => {
    const { out } = run('--hosts chat1,10.0.0.2:7001,chat3.example.org:8001x3 --hosts [fd00::4]:9001x1');
    expect(servers(out)).toEqual([
      'chat1:6001',
      'chat1:6002',
      '10.0.0.2:7001',
      '10.0.0.2:7002',
      'chat3.example.org:8001',
      'chat3.example.org:8002',
      'chat3.example.org:8003',
      '[fd00::4]:9001',
    ]);
  });

  it.each([
    ['', 'ip_hash;'],
    ['--hash ip_hash', 'ip_hash;'],
    ['--hash remote_addr', 'hash $remote_addr consistent;'],
    ['--hash roomid', 'hash $roomcast_key consistent;'],
  ])('with %j chooses workers by exactly one method: %s', (option, method) => {
    const { out } = run(`--hosts 10.0.0.1 --part upstream ${option}`);
    expect(out.match(/^ +(ip_)?hash.*;$/gm)?.map((line) => line.trim())).toEqual([method]);
  });
});

describe('the TLS that roomcast nginx prints', () => {
  const TLS = '--hosts a --tls-cert /etc/cert.pem --tls-key /etc/key.pem';

  it('is on every port of the site, and port 80 sends requests on', () => {
    const { code, out } = run(TLS);
    expect(code).toBe(0);
    expect(out.match(/^ +listen .*$/gm)?.map((line) => line.trim())).toEqual([
      'listen 443 ssl http2 backlog=4096;',
      'listen 80;',
    ]);
    expect(out).toContain('return 308 https://$host$request_uri;');
    const others = run(`${TLS} --listen 8443,[::]:8443 --redirect-from 8080,[::]:8080`).out;
    expect(others.match(/^ +listen .*$/gm)?.map((line) => line.trim())).toEqual([
      'listen 8443 ssl http2 backlog=4096;',
      'listen [::]:8443 ssl http2 backlog=4096;',
      'listen 8080;',
      'listen [::]:8080;',
    ]);
    expect(others).toContain('return 308 https://$host:8443$request_uri;');
    expect(run(`${TLS} --redirect-from off`).out).not.toContain('308');
  });

  it('is made again by the command in the first line', () => {
    const { out } = run(`${TLS} --redirect-from off --part site`);
    const again = /^# Made by: roomcast nginx (.*)$/m.exec(out)?.[1] ?? '';
    expect(run(again).out).toBe(out);
  });

  it.each([
    ['--hosts a --tls-cert /c.pem', /belong together/],
    ['--hosts a --redirect-from 80', /--redirect-from needs --tls-cert and --tls-key/],
    ['--hosts a --tls-cert /c.pem;x --tls-key /k.pem', /--tls-cert takes the path of a file/],
    [`${TLS} --redirect-from x:y`, /--redirect-from takes a port, address:port or off/],
    [`${TLS} --listen 80`, /--redirect-from 80 is in --listen too/],
  ])('is refused for %j', (argv, problem) => {
    const { code, err } = run(argv);
    expect(code).toBe(2);
    expect(err).toMatch(problem);
  });
});

describe('the site that roomcast nginx prints', () => {
  it.each([
    [25_000, 20_000],
    [60_000, 60_000],
    [100, 100],
  ])('waits longer than a heartbeat of %i + %i ms', (pingIntervalMs, pingTimeoutMs) => {
    const { out } = run('--hosts a --part site', { ...NGINX_SETTINGS, pingIntervalMs, pingTimeoutMs });
    for (const name of ['proxy_read_timeout', 'proxy_send_timeout']) {
      const seconds = Number(new RegExp(`${name} (\\d+)s;`).exec(out)?.[1]);
      expect(seconds * 1000).toBeGreaterThan(pingIntervalMs + pingTimeoutMs);
    }
  });

  it('lets the largest packet through', () => {
    const megabytes = Number(/client_max_body_size (\d+)m;/.exec(run('--hosts a').out)?.[1]);
    expect(megabytes * 1024 * 1024).toBeGreaterThan(MAX_PACKET_BYTES);
  });

  it('serves the Socket.IO path of the settings, or of the command line', () => {
    const settings = { ...NGINX_SETTINGS, socketPath: '/ws/socket.io/' };
    expect(run('--hosts a', settings).out).toContain('location /ws/socket.io {');
    expect(run('--hosts a --socket-path /chat/', settings).out).toContain('location /chat {');
  });

  it('trusts X-Forwarded-For of no peer unless one is named', () => {
    expect(run('--hosts a').out).not.toMatch(/real_ip|proxy_add_x_forwarded_for/);
    const { out } = run('--hosts a --trust-proxy 10.0.0.0/8,fd00::/8');
    expect(out).toContain('set_real_ip_from 10.0.0.0/8;');
    expect(out).toContain('set_real_ip_from fd00::/8;');
  });

  it('listens on the address it is given', () => {
    const { out } = run('--hosts a --listen 127.0.0.1:8080,[::]:8080 --server-name chat.example.org,*.x.org');
    expect([...out.matchAll(/^\s+listen (\S+)/gm)].map((match) => match[1])).toEqual([
      '127.0.0.1:8080',
      '[::]:8080',
    ]);
    expect(out).toContain('server_name chat.example.org *.x.org;');
  });
});

describe('roomcast nginx', () => {
  it('prints in parts what it prints in full', () => {
    const argv = '--hosts a,b --hash roomid --trust-proxy 10.0.0.0/8';
    const lines = (part: string) =>
      run(`${argv} --part ${part}`)
        .out.split('\n')
        .slice(1)
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('include parts/'));
    expect([...lines('upstream'), ...lines('site'), ...lines('main')].sort()).toEqual(lines('full').sort());
  });

  it.each(['upstream', 'site', 'main', 'full'])('names the command that generates part %s again', (part) => {
    const { out } = run(
      `--hosts a,b:7001x3 --hash remote_addr --trust-proxy ::1 --rate-per-address 5 --listen 81 --part ${part}`,
    );
    const command = /^# Made by: roomcast nginx (.*)$/m.exec(out)?.[1] ?? '';
    expect(run(command).out).toBe(out);
  });

  it.each(['--help', '-h', '--hosts a --help'])('explains every option with %s', (argv) => {
    const { code, out, err } = run(argv);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const option of ['hosts', 'workers', 'base-port', 'hash', 'listen', 'server-name', 'socket-path'])
      expect(out).toContain(`--${option} `);
    for (const option of ['trust-proxy', 'max-per-address', 'rate-per-address', 'part'])
      expect(out).toContain(`--${option} `);
  });

  it('names every problem at once, on the error stream, and prints no config', () => {
    const { code, out, err } = run('--hosts 10.0.0.300 y --workers 0 --hash none --bogus x --part half');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    const problems = err.split('\n').filter((line) => line.startsWith('roomcast nginx: '));
    expect(problems).toHaveLength(6);
    for (const word of ['10.0.0.300', '--workers', '--hash', '--bogus', '"y" belongs', '--part'])
      expect(err).toContain(word);
  });

  it.each([
    ['', '--hosts is needed'],
    ['--hosts', '--hosts needs a value'],
    ['--hosts --workers 2', '--hosts needs a value'],
    ['--hosts a,', 'not ""'],
    ['--hosts a;b', 'a;b'],
    ['--hosts a:6001x', 'a:6001x'],
    ['--hosts a:0', 'do not exist'],
    ['--hosts a:65535', '65535 to 65536 do not exist'],
    ['--hosts a:6001x257', '1 to 256 workers'],
    ['--hosts a,a', 'named twice'],
    ['--hosts a:6001x4,a:6004', 'named twice'],
    ['--hosts fd00::1', 'fd00::1'],
    ['--hosts [10.0.0.1]', '[10.0.0.1]'],
    ['--hosts a --base-port 70000', '1 to 65535'],
    ['--hosts a --listen 0', '--listen'],
    ['--hosts a --listen 80;', '80;'],
    ['--hosts a --listen 1.2.3:80', '1.2.3:80'],
    ['--hosts a --server-name a{b', 'a{b'],
    ['--hosts a --socket-path /a;}', '/a;}'],
    ['--hosts a --socket-path socket.io', 'socket.io'],
    ['--hosts a --trust-proxy 10.0.0.0/33', '10.0.0.0/33'],
    ['--hosts a --trust-proxy ::/129', '::/129'],
    ['--hosts a --trust-proxy 0.0.0.0/0', 'every client choose'],
    ['--hosts a --trust-proxy proxy1', 'proxy1'],
    ['--hosts a --max-per-address -1', '-1'],
    ['--hosts a --rate-per-address 100001', '100001'],
    ['--hosts a b', '"b" belongs to no option'],
  ])('refuses %j because of one thing: %s', (argv, reason) => {
    const { code, out, err } = run(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n').filter((line) => line.startsWith('roomcast nginx: '))).toHaveLength(1);
    expect(err).toContain(reason);
  });
});
