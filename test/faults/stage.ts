import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BuildCopy, copyBuild } from '../support/build-copy.ts';
import { startHost } from '../support/cluster.ts';
import { type NginxServer, openNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { childrenOf } from './processes.ts';
import { startStockHost } from './stock-host.ts';
import { openStore, type StageStore, type StoreKind } from './stores.ts';
import { type Watch, watchProcesses } from './watch.ts';

export type Kind = 'roomcast' | 'stock';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const HOSTS = 2;
const WORKERS = 2;
/** So many that consistent hashing leaves no worker without a client. */
const ENTRANCES = 40;
const API_KEY = 'the-key-of-the-readers-of-event-streams';
/** As `RestartSec` of a service manager. */
const RESTART_MS = 1_000;
const RESTART_LIMIT_MS = 30_000;

/** What the stage needs of a host of either kind. */
export interface StageHost {
  readonly pid: number;
  readonly output: () => { readonly stderr: string };
  kill9(): Promise<void>;
  stop(): Promise<unknown>;
  remove(): Promise<void>;
}

/** Clients → front connections → nginx → 2 hosts × 2 workers → Redis, with what faults need to get at each part. */
export interface Stage extends Omit<StageStore, 'env' | 'close'> {
  readonly kind: Kind;
  /** Where clients come in, each url as from another address: nginx spreads them by that. */
  readonly urls: readonly string[];
  readonly workerUrls: readonly string[];
  /** A key of the HTTP API; a stock chat has none. */
  readonly apiKey: string | undefined;
  /** Between the clients and nginx, one for each url. */
  readonly fronts: readonly TcpProxy[];
  readonly watch: Watch;
  /** The copy of the build that the hosts run, if they run one. */
  readonly build: BuildCopy | undefined;
  /** Pid of a host's primary. */
  primary(host: number): number;
  /** Pids of a host's workers. */
  workers(host: number): number[];
  killWorker(host: number, slot: number): void;
  /** kill −9, and what a service manager does then; resolves when the host is being started again. */
  killPrimary(host: number): Promise<void>;
  /** Rolling reload; resolves when the last old worker has ended. Not of a stock host. */
  reload(host: number): Promise<void>;
  /** SIGTERM; resolves when the host has ended. */
  shutDown(host: number): Promise<void>;
  /** Starts a host that has ended; resolves when it serves again. */
  startUp(host: number): Promise<void>;
  /** Resolves once every host serves again. */
  started(): Promise<unknown>;
  stop(): Promise<void>;
}

/** The parts of a stage that a fault needs. */
export interface StageNeeds {
  readonly store?: StoreKind;
  /** The hosts run a copy of the build, with clocks that can be set. */
  readonly changesBuild?: boolean;
}

export async function openStage(kind: Kind, needs: StageNeeds = {}): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    return await build(kind, needs, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  kind: Kind,
  { store = 'single', changesBuild = false }: StageNeeds,
  closers: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Stage> {
  const opened = async <T>(opening: Promise<T>, close: (it: T) => Promise<unknown>): Promise<T> => {
    const it = await opening;
    closers.push(() => close(it));
    return it;
  };
  const copy = changesBuild ? await opened(copyBuild(), (it) => it.remove()) : undefined;
  await copy?.makeClocksSettable();
  const { env: storeEnv, close: _, ...parts } = await opened(openStore(store), (it) => it.close());

  const basePorts = await Promise.all(Array.from({ length: HOSTS }, () => freePorts(WORKERS + 2)));
  const hosts: StageHost[] = [];
  closers.push(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await Promise.all(hosts.map((host) => host.remove()));
  });
  const starts = basePorts.map(async (basePort, index) => {
    hosts[index] = await start(index, basePort);
  });
  const outcomes = await Promise.allSettled(starts);
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;

  async function start(index: number, basePort: number): Promise<StageHost> {
    const { REDIS_URL: redisUrl = '', ...more } = storeEnv(index);
    const options = { basePort, workers: WORKERS };
    if (kind === 'stock') return startStockHost({ ...options, redisUrl });
    const dataDir = (hosts[index] as { dataDir?: string } | undefined)?.dataDir;
    // A run's whole log must be there at its end to be held against what the clients got.
    const env = { RATE_SAY: '0', HISTORY_SIZE: '20000', API_KEYS: API_KEY, ...more };
    return startHost({
      ...options,
      env,
      ...(redisUrl !== '' && { redisUrl }),
      ...(copy && { main: copy.main }),
      ...(dataDir !== undefined && { dataDir }),
    });
  }

  const starting: Promise<void>[] = [];

  async function startAgain(index: number): Promise<void> {
    const giveUpAt = Date.now() + RESTART_LIMIT_MS;
    for (;;) {
      try {
        const host = await start(index, basePorts[index] as number);
        hosts[index] = host;
        watch.add(host);
        return;
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
        await pause(RESTART_MS);
      }
    }
  }

  const watch = watchProcesses(hosts);
  closers.push(async () => watch.stop());
  const nginxPort = await freePorts(1);
  await opened(openNginx(await nginxConfig(basePorts, nginxPort)), (it: NginxServer) => it.close());
  const fronts: TcpProxy[] = [];
  for (let n = 1; n <= ENTRANCES; n += 1) {
    const from = { port: nginxPort, localAddress: `127.77.${n}.1` };
    fronts.push(await opened(openTcpProxy(from), (it) => it.close()));
  }
  const workers = (host: number) => childrenOf((hosts[host] as StageHost).pid);

  return {
    kind,
    urls: fronts.map(({ port }) => `http://127.0.0.1:${port}`),
    workerUrls: basePorts.flatMap((port) => [port, port + 1].map((each) => `http://127.0.0.1:${each}`)),
    apiKey: kind === 'roomcast' ? API_KEY : undefined,
    ...parts,
    fronts,
    watch,
    build: copy,
    primary: (host) => (hosts[host] as StageHost).pid,
    workers,
    killWorker(host, slot) {
      const pid = workers(host)[slot];
      if (pid === undefined) return;
      watch.expectExit(pid);
      process.kill(pid, 'SIGKILL');
    },
    async killPrimary(index) {
      const host = hosts[index] as StageHost;
      watch.expectExit(host.pid);
      for (const pid of workers(index)) watch.expectExit(pid);
      await host.kill9();
      await pause(RESTART_MS);
      starting.push(startAgain(index));
    },
    async reload(index) {
      for (const pid of workers(index)) watch.expectExit(pid);
      await reloadBy(`http://127.0.0.1:${(basePorts[index] as number) + WORKERS + 1}`);
    },
    async shutDown(index) {
      const host = hosts[index] as StageHost;
      for (const pid of [host.pid, ...workers(index)]) watch.expectExit(pid);
      await host.stop();
    },
    startUp: startAgain,
    started: () => Promise.all(starting),
    stop,
  };
}

/** The same as `roomcast reload`. */
async function reloadBy(adminUrl: string): Promise<void> {
  const { id } = (await (await fetch(`${adminUrl}/reload`, { method: 'POST' })).json()) as { id: number };
  for (;;) {
    const { reload } = (await (await fetch(`${adminUrl}/status`)).json()) as {
      reload?: { readonly id: number; readonly state: string };
    };
    if (reload?.id === id && reload.state === 'done') return;
    if (reload?.state === 'failed') throw new Error('the reload failed');
    await pause(100);
  }
}

async function nginxConfig(basePorts: readonly number[], port: number): Promise<string> {
  const hosts = basePorts.map((basePort) => `127.0.0.1:${basePort}x${WORKERS}`).join(',');
  const where = ['--listen', `127.0.0.1:${port}`, '--hash', 'remote_addr'];
  return (await promisify(execFile)(process.execPath, [MAIN, 'nginx', '--hosts', hosts, ...where])).stdout;
}
