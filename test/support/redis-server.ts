import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithThis } from './end-with-this.ts';
import { freePorts } from './ports.ts';

const START_MS = 60_000;
/** It only ends what hangs, before the time of a test is over, so that the failure names the step. */
const HANGS_AFTER_MS = 60_000;

export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  /** Of the Unix socket it listens on too. */
  readonly path: string;
  /** Of the running process; another one after `start`. */
  readonly pid: number;
  /** Runs it (again) on the same port with the same data. Resolves once it answers. */
  start(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Sends one command in inline form over a connection of its own and gives the raw reply. */
  ask(command: string): Promise<string>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/**
 * A real Redis on a free port in a folder of its own, with the given configuration file and none of the machine's,
 * everything in its append-only file. With a certificate among the settings, that port speaks TLS.
 */
export async function openRedis(
  settings: readonly string[] = [],
  configFile?: string,
): Promise<RedisProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-redis-'));
  const path = join(dir, 'redis.sock');
  const logfile = join(dir, 'redis.log');
  const port = await freePorts(1);
  const ofCluster = settings.includes('--cluster-enabled');
  // A node's default, its port + 10,000, is in the range of outgoing connections, so that one of them may have it.
  const byTls = settings.includes('--tls-cert-file');
  const busPort = ofCluster ? ['--cluster-port', String(await freePorts(1))] : [];
  let child: ChildProcess | undefined;
  const forget = endWithThis(() => child?.kill('SIGKILL'));

  async function start(): Promise<void> {
    const options = {
      port: byTls ? 0 : port,
      'tls-port': byTls ? port : 0,
      bind: '127.0.0.1',
      dir,
      unixsocket: path,
      logfile,
      appendonly: 'yes',
      // What is acked must survive the kill -9 of these tests: `everysec` answers before it writes when the disk is slow.
      appendfsync: 'always',
      save: '',
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const started = spawn(
      'redis-server',
      [...(configFile === undefined ? [] : [configFile]), ...args, ...busPort, ...settings],
      { stdio: 'ignore' },
    );
    child = started;
    const giveUpAt = Date.now() + START_MS;
    while (!/PONG|NOAUTH/.test(await ask('PING').catch(() => ''))) {
      const failed = started.exitCode !== null || Date.now() > giveUpAt;
      if (failed) throw new Error(`redis-server did not start: ${await readFile(logfile, 'utf8')}`);
      await delay(10);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    // A stopped process takes SIGTERM only once it runs again.
    running.kill('SIGCONT');
    const hanging = setTimeout(() => running.kill('SIGKILL'), HANGS_AFTER_MS);
    await ended;
    clearTimeout(hanging);
    if (signal !== 'SIGKILL' && running.signalCode === 'SIGKILL') {
      throw new Error(`redis-server does not end after ${signal}: ${await readFile(logfile, 'utf8')}`);
    }
  }

  const ask = (command: string) => askRedis({ path }, command);

  async function close(): Promise<void> {
    await end('SIGKILL');
    forget();
    await rm(dir, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    port,
    url: `${byTls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    path,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    ask,
    close,
  };
}

/** Sends one command in inline form over a connection of its own and gives the raw reply. */
export async function askRedis(address: NetConnectOpts, command: string): Promise<string> {
  const socket = connect(address);
  socket.on('error', () => undefined);
  const hanging = setTimeout(
    () => socket.destroy(new Error(`Redis does not answer ${command.slice(0, 40)}`)),
    HANGS_AFTER_MS,
  );
  try {
    await once(socket, 'connect');
    socket.end(`${command}\r\n`);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part);
    return Buffer.concat(parts).toString();
  } finally {
    clearTimeout(hanging);
    socket.destroy();
  }
}
