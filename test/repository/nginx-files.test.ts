import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runNginx } from '../../src/cli/nginx.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { checkNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';

const FOLDER = new URL('../../nginx/', import.meta.url);
const FILES = { 'nginx.conf': 'main', 'parts/upstream.conf': 'upstream', 'parts/site.conf': 'site' };

function read(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8');
}

/** With the defaults of the settings; the hosts are those of docker-compose.yml. */
function generated(part: string): string {
  let text = '';
  const print = (printed: string) => {
    text += printed;
  };
  runNginx(
    ['--hosts', 'chat1,chat2', '--part', part],
    {
      workers: 2,
      basePort: SETTINGS.basePort.fallback,
      socketPath: SETTINGS.socketPath.fallback,
      pingIntervalMs: SETTINGS.pingIntervalMs.fallback,
      pingTimeoutMs: SETTINGS.pingTimeoutMs.fallback,
    },
    { out: print, err: print },
  );
  return text;
}

/** The names resolve inside the containers only. */
function resolved(text: string, port: number): string {
  return text
    .replace(/(server )chat[12]:/g, '$1127.0.0.1:')
    .replace(/listen 80 /, `listen 127.0.0.1:${port} `);
}

it.each(Object.entries(FILES))('nginx/%s is what roomcast nginx prints as %s', (path, part) => {
  expect(read(path)).toBe(generated(part));
});

it('holds no config file that the generator does not know', () => {
  const found = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.conf'),
  );
  expect(found.sort()).toEqual(Object.keys(FILES).sort());
});

it('nginx/ is a config nginx takes without a warning', async () => {
  const port = await freePorts(1);
  const files = Object.fromEntries(Object.keys(FILES).map((path) => [path, resolved(read(path), port)]));
  const said = await checkNginx({ 'nginx.conf': '', ...files });
  expect(said).toContain('test is successful');
  expect(said).not.toMatch(/\[(warn|error|emerg|alert)\]/);
});

it.each([
  ['--hash', 'remote_addr'],
  ['--hash', 'roomid'],
  ['--trust-proxy', '10.0.0.0/8,fd00::/8', '--max-per-address', '100', '--rate-per-address', '20'],
  ['--socket-path', '/ws/socket.io', '--server-name', 'chat.example.org,*.example.net'],
])('nginx takes the generated whole with %s %s', async (...options) => {
  const port = await freePorts(1);
  let config = '';
  const settings = {
    workers: 2,
    basePort: 6001,
    socketPath: '/socket.io/',
    pingIntervalMs: 1000,
    pingTimeoutMs: 1000,
  };
  const out = (text: string) => {
    config += text;
  };
  const argv = ['--hosts', '127.0.0.1,[::1]:7001x256', '--listen', `127.0.0.1:${port}`, ...options];
  expect(runNginx(argv, settings, { out, err: out })).toBe(0);
  const said = await checkNginx(config);
  expect(said).toContain('test is successful');
  expect(said).not.toMatch(/\[(warn|error|emerg)\]/);
});
