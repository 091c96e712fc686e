import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { searchPath } from './prerequisites.mjs';

export interface NginxServer {
  readonly pid: number;
  accessLog(): Promise<string>;
  errorLog(): Promise<string>;
  close(): Promise<void>;
}

/** Config files by their path below the prefix; `nginx.conf` is the first one read. */
export type NginxFiles = Readonly<Record<'nginx.conf', string>> & Readonly<Record<string, string>>;

/** Runs a real nginx on the given config, in a prefix of its own. Resolves once it accepts connections. */
export async function openNginx(config: string | NginxFiles): Promise<NginxServer> {
  const prefix = await layOut(config);
  const log = (name: string) => readFile(join(prefix, 'logs', name), 'utf8').catch(() => '');
  try {
    await test(prefix);
    const nginx = spawn('nginx', [...place(prefix), '-g', 'daemon off;'], {
      env: environment(),
      stdio: 'ignore',
    });
    await accepting(nginx, join(prefix, 'nginx.pid'), () => log('error.log'));
    return {
      pid: nginx.pid ?? 0,
      accessLog: () => log('access.log'),
      errorLog: () => log('error.log'),
      close: async () => {
        await stop(nginx);
        await rm(prefix, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(prefix, { recursive: true, force: true });
    throw error;
  }
}

/** What `nginx -t` says of the config; rejects with it when the config is not valid. */
export async function checkNginx(config: string | NginxFiles): Promise<string> {
  const prefix = await layOut(config);
  try {
    return await test(prefix);
  } finally {
    await rm(prefix, { recursive: true, force: true });
  }
}

/** Logs, pid and bodies of another nginx on this machine stay untouched. */
async function layOut(config: string | NginxFiles): Promise<string> {
  const files = typeof config === 'string' ? { 'nginx.conf': config } : config;
  const prefix = await mkdtemp(join(tmpdir(), 'roomcast-nginx-'));
  // Started by root, nginx works as another user, who must get through to the bodies it writes here.
  await chmod(prefix, 0o755);
  for (const directory of ['logs', 'temp']) await mkdir(join(prefix, directory));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi']
    .map((name) => `${name}_temp_path ${prefix}/temp/${name};`)
    .join(' ');
  for (const [path, text] of Object.entries(files)) {
    const placed = text
      .replaceAll('/var/log/nginx/', `${prefix}/logs/`)
      .replaceAll('/run/nginx.pid', `${prefix}/nginx.pid`)
      .replace(/^http \{$/m, `http { ${temporary}`);
    await mkdir(dirname(join(prefix, path)), { recursive: true });
    await writeFile(join(prefix, path), placed);
  }
  return prefix;
}

async function test(prefix: string): Promise<string> {
  return (await promisify(execFile)('nginx', [...place(prefix), '-t'], { env: environment() })).stderr;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: searchPath() };
}

function place(prefix: string): string[] {
  return ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', join(prefix, 'logs', 'error.log')];
}

/** nginx writes its pid file after it has opened its listeners: from then on connections are queued. */
async function accepting(nginx: ChildProcess, pidFile: string, errors: () => Promise<string>): Promise<void> {
  let failed: unknown;
  nginx.once('error', (error) => {
    failed = error;
  });
  const deadline = Date.now() + 60_000;
  while ((await readFile(pidFile, 'utf8').catch(() => '')).trim() !== String(nginx.pid)) {
    if (failed !== undefined) throw failed;
    if (nginx.exitCode !== null || nginx.signalCode !== null || Date.now() > deadline) {
      await stop(nginx);
      throw new Error(`nginx did not start: ${await errors()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function stop(nginx: ChildProcess): Promise<void> {
  if (nginx.exitCode !== null || nginx.signalCode !== null) return;
  const gone = new Promise((resolve) => nginx.once('exit', resolve));
  nginx.kill('SIGTERM');
  await gone;
}
