import { type Host, type HostOptions, startHost } from './cluster.ts';
import { openRedis, type RedisProcess } from './redis-server.ts';

export type Mode = 'embedded' | 'cluster';

/** Both ways to run: one host with two workers, or two hosts with two workers each, or one each, over one Redis. */
export const MODES: readonly Mode[] = ['embedded', 'cluster'];

export interface System {
  /** Addresses for clients, so that tests cover each: every worker's own port, and in embedded mode the front door. */
  readonly entrances: readonly string[];
  readonly workerUrls: readonly string[];
  readonly workers: number;
  readonly hosts: readonly Host[];
  /** Of every request to the HTTP API. */
  readonly keyHeader: { readonly 'x-api-key': string };
  readonly redis?: RedisProcess;
  /** What the hosts' /status says, a number for each worker. */
  clientsByWorker(): Promise<number[]>;
  /** Ends everything, the store too, and starts it again with its data. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly redisSettings?: readonly string[];
  /**
   * Workers of each host in cluster mode, where they share nothing but Redis, on one host or on two. One is enough for a test that
   * only needs another worker: a start of two more takes two seconds of CPU.
   */
  readonly workersEach?: 1 | 2;
}

export async function startSystem(
  mode: Mode,
  env: Readonly<Record<string, string>> = {},
  options: SystemOptions = {},
): Promise<System> {
  return mode === 'embedded' ? startEmbedded(env) : startCluster(env, options);
}

async function startEmbedded(env: Readonly<Record<string, string>>): Promise<System> {
  let host = await startHost({ workers: 2, env });
  const { basePort, dataDir } = host;
  return {
    entrances: [host.workerUrls[0] as string, host.url, host.workerUrls[1] as string],
    workerUrls: host.workerUrls,
    workers: 2,
    get hosts() {
      return [host];
    },
    keyHeader: { 'x-api-key': host.apiKey },
    clientsByWorker: () => clientsByWorker([host]),
    async restart(signal) {
      await end(host, signal);
      host = await startHost({ workers: 2, env, basePort, dataDir });
    },
    async stop() {
      await host.stop();
      await host.remove();
    },
  };
}

async function startCluster(
  env: Readonly<Record<string, string>>,
  { redisSettings = [], workersEach: workers = 2 }: SystemOptions,
): Promise<System> {
  const redis = await openRedis(redisSettings);
  const options: HostOptions = { workers, redisUrl: redis.url, env };
  const started = await Promise.allSettled([startHost(options), startHost(options)]);
  let hosts = started.flatMap((host) => (host.status === 'fulfilled' ? [host.value] : []));
  const failed = started.find((host) => host.status === 'rejected');
  if (failed) {
    await Promise.all(hosts.map((host) => host.stop()));
    await redis.close();
    throw failed.reason;
  }
  const workerUrls = hosts.flatMap((host) => host.workerUrls);
  return {
    // One host after the other, so that the first two entrances never share one.
    entrances: (workers === 1 ? [0, 1] : [0, 2, 1, 3]).map((index) => workerUrls[index] as string),
    workerUrls,
    workers: workerUrls.length,
    get hosts() {
      return hosts;
    },
    redis,
    keyHeader: { 'x-api-key': (hosts[0] as Host).apiKey },
    clientsByWorker: () => clientsByWorker(hosts),
    async restart(signal) {
      await Promise.all(hosts.map((host) => end(host, signal)));
      await (signal === 'SIGKILL' ? redis.kill9() : redis.stop());
      await redis.start();
      hosts = await Promise.all(hosts.map(({ basePort }) => startHost({ ...options, basePort })));
    },
    async stop() {
      await Promise.all(hosts.map((host) => host.stop()));
      await Promise.all(hosts.map((host) => host.remove()));
      await redis.close();
    },
  };
}

function end(host: Host, signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown> {
  return signal === 'SIGKILL' ? host.kill9() : host.stop();
}

async function clientsByWorker(hosts: readonly Host[]): Promise<number[]> {
  const statuses = await Promise.all(hosts.map((host) => host.status()));
  return statuses.flatMap(({ workers }) => workers.map(({ clients }) => clients));
}
