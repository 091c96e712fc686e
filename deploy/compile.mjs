import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RECORDER = new URL('./record-code.mjs', import.meta.url).href;
const LIMIT_MS = 120_000;

/**
 * Starts what was built, once in embedded mode and, where there is a redis-server, once in cluster mode, and keeps the code that
 * V8 compiles meanwhile beside the scripts. Without it, a start compiles everything again.
 */
export async function compileScripts(dist) {
  await run(dist, {});
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-compile-'));
  const socket = join(folder, 'redis.sock');
  try {
    if (!hasRedis()) return;
    const redis = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      await printed(redis, 'eady to accept connections');
      await run(dist, { REDIS_URL: `unix:${socket}` });
    } finally {
      redis.kill();
      if (redis.exitCode === null && redis.signalCode === null) await once(redis, 'exit');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(dist, env) {
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-compile-'));
  const [basePort, port, adminPort] = await freePorts(3);
  const host = spawn(process.execPath, [join(dist, 'main.js'), 'start'], {
    env: {
      PATH: process.env.PATH,
      NODE_OPTIONS: `--import=${RECORDER}`,
      HOST: '127.0.0.1',
      WORKERS: '1',
      BASE_PORT: basePort,
      PORT: port,
      ADMIN_PORT: adminPort,
      DATA_DIR: folder,
      LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await printed(host, 'Roomcast is ready');
  } finally {
    host.kill();
    if (host.exitCode === null && host.signalCode === null) await once(host, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves when the process has printed the text. */
function printed(child, text) {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no "${text}" within ${LIMIT_MS} ms`)), LIMIT_MS);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes(text)) resolve();
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`a process ended before it printed "${text}"`)));
    child.on('exit', () => clearTimeout(limit));
  });
}

function hasRedis() {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => String(server.address().port));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
