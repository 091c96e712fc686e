import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostStatus as ShownStatus } from '../../src/cli/status-table.ts';
import { endWithThis } from './end-with-this.ts';
import { freePorts } from './ports.ts';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const READY_LIMIT_MS = 90_000;

export interface HostOptions {
  readonly workers?: number;
  readonly redisUrl?: string;
  /** The embedded store; a new folder otherwise. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** To start again where it was. */
  readonly basePort?: number;
  /** The built program; by default the one in dist/. */
  readonly main?: string;
  /** The Node that it runs on; by default this one. */
  readonly node?: string;
}

/** One Roomcast, as an operator starts it. */
export interface Host {
  /** The front door, or the first worker where there is none. */
  readonly url: string;
  readonly workerUrls: readonly string[];
  readonly adminUrl: string;
  readonly basePort: number;
  readonly dataDir: string;
  /** One that the HTTP API takes. */
  readonly apiKey: string;
  readonly pid: number;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  status(): Promise<HostStatus>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
  /** Deletes the embedded store. */
  remove(): Promise<void>;
}

/** The /status of a host whose store answers. */
export interface HostStatus extends ShownStatus {
  readonly cluster: Exclude<ShownStatus['cluster'], { readonly error: unknown }>;
}

export interface Run {
  readonly child: ChildProcess;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
}

/** Runs `roomcast` with nothing of this shell's environment but what Node needs. */
export function runRoomcast(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  main = MAIN,
  node = process.execPath,
): Run {
  const child = spawn(node, [main, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.once(
    'exit',
    endWithThis(() => child.kill('SIGKILL')),
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  return { child, output: () => ({ stdout, stderr }) };
}

export async function startHost(options: HostOptions = {}): Promise<Host> {
  const { workers = 2, redisUrl } = options;
  const basePort = options.basePort ?? (await freePorts(workers + 2));
  const [port, adminPort] = [basePort + workers, basePort + workers + 1];
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'roomcast-test-')));
  const front = redisUrl === undefined || options.env?.FRONT === 'on';
  const env = {
    BASE_PORT: String(basePort),
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    WORKERS: String(workers),
    // Nothing looks away from a stopping host here.
    DRAIN_DELAY_S: '0',
    DATA_DIR: dataDir,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...options.env,
  };
  const { child, output } = runRoomcast(['start'], env, options.main, options.node);
  const exited = once(child, 'exit');
  await ready(child, output);
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const workerUrls = Array.from({ length: workers }, (_, slot) => `http://127.0.0.1:${basePort + slot}`);

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  return {
    url: front ? `http://127.0.0.1:${port}` : (workerUrls[0] as string),
    workerUrls,
    adminUrl,
    basePort,
    dataDir,
    apiKey: options.env?.API_KEYS?.split(',')[0] ?? (await readFile(join(dataDir, 'api-key'), 'utf8')),
    pid: child.pid as number,
    output,
    status: async () => (await (await fetch(`${adminUrl}/status`)).json()) as HostStatus,
    stop: () => end('SIGTERM'),
    remove: () => rm(dataDir, { recursive: true, force: true }),
    async kill9() {
      await end('SIGKILL');
    },
  };
}

function ready(child: ChildProcess, output: Run['output']): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => give('was not ready in time'), READY_LIMIT_MS);
    const onExit = () => give('ended while starting');
    function give(why: string): void {
      clearTimeout(limit);
      child.kill('SIGKILL');
      reject(new Error(`Roomcast ${why}:\n${output().stderr}`));
    }
    child.once('exit', onExit);
    child.stdout?.on('data', () => {
      if (!output().stdout.includes('Roomcast is ready')) return;
      clearTimeout(limit);
      child.off('exit', onExit);
      resolve();
    });
  });
}
