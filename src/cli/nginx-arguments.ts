import { isIP } from 'node:net';
import { isHostName } from '../host-names.ts';
import { NGINX_HASHES, NGINX_PARTS, type NginxHost, type NginxOptions } from './nginx-config.ts';
import type { NginxTls } from './nginx-tls.ts';

/** The server settings that nginx must agree with. */
export interface NginxSettings {
  readonly workers: number;
  readonly basePort: number;
  readonly socketPath: string;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

export type NginxRequest =
  | { readonly kind: 'render'; readonly options: NginxOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

const NAMES = [
  'hosts',
  'workers',
  'base-port',
  'hash',
  'listen',
  'server-name',
  'socket-path',
  'trust-proxy',
  'max-per-address',
  'rate-per-address',
  'tls-cert',
  'tls-key',
  'redirect-from',
  'part',
] as const;
type Name = (typeof NAMES)[number];

const MAX_WORKERS = 256;

/** Finds every problem, not only the first. A value that passes contains nothing that nginx could read as a directive. */
export function parseNginxArgs(argv: readonly string[], settings: NginxSettings): NginxRequest {
  const problems: string[] = [];
  const given = readOptions(argv, problems);
  if (given === 'help') return { kind: 'help' };
  const last = (name: Name) => given.get(name)?.at(-1);
  const items = (name: Name) =>
    (given.get(name) ?? []).flatMap((value) => value.split(',')).map((item) => item.trim());

  const workers = integer('workers', last('workers'), 1, MAX_WORKERS, settings.workers, problems);
  const basePort = integer('base-port', last('base-port'), 1, 65_535, settings.basePort, problems);
  const hosts = items('hosts').flatMap((item) => parseHost(item, basePort, workers, problems));
  if (!given.has('hosts'))
    problems.push('--hosts is needed: the hosts that run workers, such as 10.0.0.1,10.0.0.2');
  problems.push(...repeated(hosts));

  const tls = readTls(last, items('redirect-from'), problems);
  const listen = orElse(items('listen'), tls ? '443' : '80');
  for (const item of listen)
    if (!isListen(item)) problems.push(wrong('listen', 'a port or address:port', item));
  for (const item of tls?.redirectFrom ?? [])
    if (listen.includes(item)) problems.push(`--redirect-from ${item} is in --listen too`);
  const serverNames = orElse(items('server-name'), '_');
  for (const item of serverNames)
    if (!/^(\*\.)?[\w.-]+$/.test(item))
      problems.push(wrong('server-name', 'a host name, *.domain or _', item));
  const trustProxy = [...new Set(items('trust-proxy'))];
  for (const item of trustProxy) {
    if (!isNetwork(item))
      problems.push(wrong('trust-proxy', 'an address or a network such as 10.0.0.0/8', item));
    else if (item.endsWith('/0'))
      problems.push(`--trust-proxy ${item} would let every client choose its address`);
  }
  const socketPath = last('socket-path') ?? settings.socketPath;
  if (!/^\/[\w.~-]+(\/[\w.~-]+)*\/?$/.test(socketPath))
    problems.push(wrong('socket-path', 'a path such as /socket.io/', socketPath));

  const options: NginxOptions = {
    hosts,
    hash: oneOf('hash', last('hash'), NGINX_HASHES, 'ip_hash', problems),
    listen,
    serverNames,
    socketPath,
    trustProxy,
    ...(tls && { tls }),
    maxPerAddress: integer('max-per-address', last('max-per-address'), 0, 1_000_000, 0, problems),
    ratePerAddress: integer('rate-per-address', last('rate-per-address'), 0, 100_000, 0, problems),
    part: oneOf('part', last('part'), NGINX_PARTS, 'full', problems),
    pingIntervalMs: settings.pingIntervalMs,
    pingTimeoutMs: settings.pingTimeoutMs,
  };
  return problems.length > 0 ? { kind: 'wrong', problems } : { kind: 'render', options };
}

/** Certificate and key belong together, and ports without TLS make sense beside one with TLS only. */
function readTls(
  last: (name: Name) => string | undefined,
  redirectFrom: readonly string[],
  problems: string[],
): NginxTls | undefined {
  const [certFile, keyFile] = [last('tls-cert'), last('tls-key')];
  for (const [name, file] of [
    ['tls-cert', certFile],
    ['tls-key', keyFile],
  ] as const) {
    if (file !== undefined && !/^[\w./~@+-]+$/.test(file))
      problems.push(wrong(name, 'the path of a file', file));
  }
  if (certFile === undefined || keyFile === undefined) {
    if (certFile !== keyFile) problems.push('--tls-cert and --tls-key belong together');
    else if (redirectFrom.length > 0) problems.push('--redirect-from needs --tls-cert and --tls-key');
    return undefined;
  }
  const ports = redirectFrom.join() === 'off' ? [] : orElse([...redirectFrom], '80');
  for (const item of ports)
    if (!isListen(item)) problems.push(wrong('redirect-from', 'a port, address:port or off', item));
  return { certFile, keyFile, redirectFrom: ports };
}

/** A parser of our own: parseArgs of node:util stops at the first problem or takes the next option for a value. */
function readOptions(argv: readonly string[], problems: string[]): Map<Name, string[]> | 'help' {
  if (argv.includes('--help') || argv.includes('-h')) return 'help';
  const given = new Map<Name, string[]>();
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, option, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const name = NAMES.find((known) => known === option);
    const value = inline ?? (option !== undefined && !words[0]?.startsWith('--') ? words.shift() : undefined);
    if (option === undefined) problems.push(`${JSON.stringify(word)} belongs to no option`);
    else if (name === undefined) problems.push(`--${option} is not an option of roomcast nginx`);
    else {
      if (!value) problems.push(`--${name} needs a value`);
      given.set(name, [...(given.get(name) ?? []), ...(value ? [value] : [])]);
    }
  }
  return given;
}

/** `address`, `address:basePort` or `address:basePortxWorkers`; an IPv6 address in brackets. */
function parseHost(item: string, basePort: number, workers: number, problems: string[]): NginxHost[] {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5})(?:x(\d{1,3}))?)?$/.exec(item);
  const address = match?.[1] ?? '';
  const known = address.startsWith('[') ? isIP(address.slice(1, -1)) === 6 : isHostName(address);
  if (!match || !known) {
    problems.push(wrong('hosts', 'address[:BASE_PORT[xWORKERS]]', item));
    return [];
  }
  const host = { address, basePort: Number(match[2] ?? basePort), workers: Number(match[3] ?? workers) };
  const lastPort = host.basePort + host.workers - 1;
  if (host.workers < 1 || host.workers > MAX_WORKERS)
    problems.push(`--hosts: a host has 1 to ${MAX_WORKERS} workers, not ${host.workers} (${item})`);
  else if (host.basePort < 1 || lastPort > 65_535)
    problems.push(`--hosts: ports ${host.basePort} to ${lastPort} do not exist (${item})`);
  return [host];
}

function repeated(hosts: readonly NginxHost[]): string[] {
  return hosts.flatMap((host, index) =>
    hosts
      .slice(0, index)
      .filter(
        (other) =>
          other.address === host.address &&
          other.basePort < host.basePort + host.workers &&
          host.basePort < other.basePort + other.workers,
      )
      .map(() => `--hosts: workers of ${host.address} from port ${host.basePort} are named twice`),
  );
}

function isListen(item: string): boolean {
  const match = /^(?:(\[[^\]]*\]|\*|[^:[\]]+):)?(\d{1,5})$/.exec(item);
  if (!match || Number(match[2]) < 1 || Number(match[2]) > 65_535) return false;
  const address = match[1];
  if (address === undefined || address === '*') return true;
  return address.startsWith('[') ? isIP(address.slice(1, -1)) === 6 : isHostName(address);
}

function isNetwork(item: string): boolean {
  const [address = '', bits, ...more] = item.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function integer(
  name: Name,
  raw: string | undefined,
  min: number,
  max: number,
  fallback: number,
  problems: string[],
): number {
  if (raw === undefined) return fallback;
  if (/^\d{1,9}$/.test(raw) && Number(raw) >= min && Number(raw) <= max) return Number(raw);
  problems.push(wrong(name, `a whole number from ${min} to ${max}`, raw));
  return fallback;
}

function oneOf<const T extends string>(
  name: Name,
  raw: string | undefined,
  values: readonly T[],
  fallback: T,
  problems: string[],
): T {
  const value = values.find((known) => known === (raw ?? fallback));
  if (value === undefined) problems.push(wrong(name, values.join(', '), raw ?? ''));
  return value ?? fallback;
}

function orElse(items: string[], fallback: string): string[] {
  return items.length > 0 ? [...new Set(items)] : [fallback];
}

function wrong(name: Name, grammar: string, raw: string): string {
  return `--${name} takes ${grammar}, not ${JSON.stringify(raw.slice(0, 80))}`;
}
