import type { LoadConfig } from '../result.ts';
import { isLoopback, type ServerUrl } from './server-url.ts';

export interface MachineDeps {
  /** The text of a file; undefined if it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

/** Files that a driver process needs beside its connections. */
const OWN_FILES = 64;
/** A polling client has a request that waits and one that sends. */
const POLLING_FILES = 2;

/** Says what this machine cannot give the run, each with the way out. */
export function checkMachine(
  { clients, processes, transport }: LoadConfig,
  servers: readonly ServerUrl[],
  { readFile }: MachineDeps,
): string[] {
  const problems: string[] = [];
  const filesEach = transport === 'websocket' ? 1 : POLLING_FILES;
  const files = Math.ceil(clients / processes) * filesEach + OWN_FILES;
  const [, limit] = /^Max open files +(\d+)/m.exec(readFile('/proc/self/limits') ?? '') ?? [];
  if (limit !== undefined && files > Number(limit)) {
    const needed = Math.ceil((clients * filesEach) / (Number(limit) - OWN_FILES));
    problems.push(
      `${clients} clients in ${processes} driver processes need ${files} open files each, and this shell allows ${limit}: ` +
        `run "ulimit -n ${files}" first, or add --processes ${needed}`,
    );
  }
  const [first, last] = (readFile('/proc/sys/net/ipv4/ip_local_port_range') ?? '32768 60999')
    .trim()
    .split(/\s+/)
    .map(Number);
  const ports = (last ?? 0) - (first ?? 0) + 1;
  const sites = new Set(servers.map(({ host, port }) => `${host} ${port}`)).size;
  const perSite = Math.ceil((clients * filesEach) / Math.max(1, sites));
  if (servers.length > 0 && !servers.every(isLoopback) && perSite > ports) {
    problems.push(
      `${perSite} connections to one address and port need as many source ports, and this machine has ${ports}: ` +
        'run "sysctl -w net.ipv4.ip_local_port_range=\'1024 65535\'", name more URLs, or run from several machines',
    );
  }
  return problems;
}
