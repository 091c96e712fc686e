import { MAX_PACKET_BYTES } from '../../protocol/limits.ts';
import type { Finding } from './finding.ts';
import { blocksOf, type Directive, inForce } from './nginx-parser.ts';

export interface NginxCheckSettings {
  readonly workers: number;
  readonly basePort: number;
  /** The front door's port; its nginx needs no upstream. */
  readonly front?: boolean;
  readonly port?: number;
  readonly socketPath: string;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

type Scopes = readonly (readonly Directive[])[];

const DEFAULT_TIMEOUT_S = 60;
const DEFAULT_BODY_BYTES = 1_048_576;
const AGAIN = 'Generate the config with `roomcast nginx`, or';

/** Looks at an nginx config in front of this host's workers. */
export function checkNginxConfig(config: readonly Directive[], settings: NginxCheckSettings): Finding[] {
  const { workers, basePort } = settings;
  const ports = Array.from({ length: workers }, (_, slot) => basePort + slot);
  const upstreams = [...blocksOf(config, 'upstream')].map(({ directive }) => directive);
  const doors = settings.front && settings.port !== undefined ? [settings.port] : [];
  const isOurs = (port: number) => ports.includes(port) || doors.includes(port);
  const ours = upstreams.filter((upstream) => serversOf(upstream).some(({ port }) => isOurs(port)));
  const upstreamNames = new Set(upstreams.map(({ args }) => args[0] ?? ''));
  const direct = [...blocksOf(config, 'location')].filter(({ directive, scopes }) => {
    const target = passedTo(scopes);
    return !upstreamNames.has(target.name) && isOurs(target.port) && servesSockets(directive, settings);
  });
  if (ours.length === 0 && direct.length === 0) {
    const range = workers === 1 ? `port ${basePort}` : `ports ${basePort} to ${basePort + workers - 1}`;
    return [
      found(
        `no upstream or proxy_pass names a worker of this host (${range})`,
        `${AGAIN} correct BASE_PORT and WORKERS`,
      ),
    ];
  }
  const names = new Set(ours.map(({ args }) => args[0] ?? ''));
  const places = [...blocksOf(config, 'location')]
    .filter(({ directive, scopes }) => names.has(passedTo(scopes).name) && servesSockets(directive, settings))
    .concat(direct)
    .map(({ scopes }) => scopes);
  const missing = [
    found(
      'no location passes the path of Socket.IO to the workers',
      `${AGAIN} add a location for SOCKET_PATH`,
    ),
  ];
  return [
    ...ours.flatMap((upstream) =>
      // The front door chooses the worker itself.
      serversOf(upstream).every(({ port }) => doors.includes(port)) ? [] : checkUpstream(upstream, ports),
    ),
    ...distinct(direct.flatMap(({ scopes }) => checkDirect(passedTo(scopes).port, ports, doors))),
    ...(places.length === 0 ? missing : distinct(places.flatMap((scopes) => checkPlace(scopes, settings)))),
  ];
}

function checkUpstream(upstream: Directive, ports: readonly number[]): Finding[] {
  const servers = serversOf(upstream);
  const absent = ports.filter((port) => !servers.some((server) => server.port === port));
  const counting = servers.filter(({ args }) => !args.includes('max_fails=0'));
  const isSticky = (upstream.block ?? []).some(({ name }) => name === 'ip_hash' || name === 'hash');
  const name = upstream.args[0];
  return [
    ...(absent.length === 0
      ? []
      : [found(`upstream ${name} lacks the workers on ports ${absent.join(', ')}`, `${AGAIN} add them`)]),
    ...(counting.length === 0
      ? []
      : [
          found(
            `upstream ${name} counts failures of ${counting[0]?.args[0]}: a restarted worker gets one client in each fail_timeout`,
            `${AGAIN} give each server max_fails=0`,
          ),
        ]),
    ...(isSticky || servers.length === 1
      ? []
      : [
          found(
            `upstream ${name} spreads the requests of one client over all workers: polling sessions fail with "Session ID unknown"`,
            `${AGAIN} add ip_hash;`,
          ),
        ]),
  ];
}

/** One location that passes to an address instead of an upstream. */
function checkDirect(port: number, ports: readonly number[], doors: readonly number[]): Finding[] {
  if (doors.includes(port) || ports.length === 1) return [];
  return [
    found(
      `proxy_pass names the worker on port ${port} alone: the other ${ports.length - 1} get no clients, and a restart of that one is an outage`,
      `${AGAIN} pass to an upstream with ip_hash and a server with max_fails=0 for each worker`,
    ),
  ];
}

/** One location that passes Socket.IO on. */
function checkPlace(scopes: Scopes, { pingIntervalMs, pingTimeoutMs }: NginxCheckSettings): Finding[] {
  const findings: Finding[] = [];
  const heartbeatS = Math.ceil((pingIntervalMs + pingTimeoutMs) / 1_000);
  for (const name of ['proxy_read_timeout', 'proxy_send_timeout']) {
    const seconds = secondsOf(inForce(scopes, name)[0]?.args[0]);
    if (seconds > heartbeatS) continue;
    findings.push(
      found(
        `${name} is ${seconds} s, not above PING_INTERVAL_MS and PING_TIMEOUT_MS together (${heartbeatS} s): nginx cuts living clients`,
        `${AGAIN} set ${name} ${heartbeatS + 30}s;`,
      ),
    );
  }
  const headers = new Map(
    inForce(scopes, 'proxy_set_header').map(({ args: [header = '', value = ''] }) => [
      header.toLowerCase(),
      value,
    ]),
  );
  if (
    inForce(scopes, 'proxy_http_version')[0]?.args[0] !== '1.1' ||
    !headers.get('upgrade') ||
    !headers.get('connection')
  ) {
    findings.push(
      found(
        'WebSocket cannot pass: it needs proxy_http_version 1.1 and the headers Upgrade and Connection',
        `${AGAIN} set proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`,
      ),
    );
  }
  if (!headers.get('host')?.includes('host')) {
    findings.push(
      found(
        'the workers are not told the name of the site (Host): pages of the site count as another origin',
        `${AGAIN} set proxy_set_header Host $host;`,
      ),
    );
  }
  if (!headers.get('x-forwarded-for')) {
    findings.push(
      found(
        'the workers are not told the addresses of clients (X-Forwarded-For): limits by address do not work',
        `${AGAIN} set proxy_set_header X-Forwarded-For $remote_addr;`,
      ),
    );
  }
  const bodyBytes = bytesOf(inForce(scopes, 'client_max_body_size')[0]?.args[0]);
  if (bodyBytes !== 0 && bodyBytes < MAX_PACKET_BYTES) {
    findings.push(
      found(
        `client_max_body_size is below the largest packet (${MAX_PACKET_BYTES} bytes): polling clients get 413`,
        `${AGAIN} set client_max_body_size 2m;`,
      ),
    );
  }
  return findings;
}

function serversOf({ block = [] }: Directive) {
  return block
    .filter(({ name }) => name === 'server')
    .map(({ args }) => ({ args, port: Number(/:(\d+)$/.exec(args[0] ?? '')?.[1] ?? 80) }));
}

/** The upstream or host that the location passes to, and the port if it names one. */
function passedTo(scopes: Scopes): { readonly name: string; readonly port: number } {
  const [pass] = (scopes.at(-1) ?? []).filter(({ name }) => name === 'proxy_pass');
  const [, name = '', port] = /^https?:\/\/(\[[^\]]*\]|[^/:]+)(?::(\d+))?/.exec(pass?.args[0] ?? '') ?? [];
  return { name, port: Number(port ?? 0) };
}

/** A regular expression is taken to match: it cannot be tried against every path. */
function servesSockets({ args }: Directive, { socketPath }: NginxCheckSettings): boolean {
  const path = args.at(-1) ?? '';
  return args[0]?.startsWith('~') || socketPath.startsWith(path);
}

function secondsOf(text: string | undefined): number {
  if (text === undefined || !/^(\d+(ms|[smhd])?\s*)+$/.test(text)) return DEFAULT_TIMEOUT_S;
  const unitS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 };
  const parts = [...text.matchAll(/(\d+)(ms|[smhd])?/g)];
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (unitS[unit] ?? 1), 0);
}

function bytesOf(text: string | undefined): number {
  const [, count, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text ?? '') ?? [];
  if (count === undefined) return DEFAULT_BODY_BYTES;
  return Number(count) * ({ '': 1, k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3 }[unit.toLowerCase()] ?? 1);
}

function found(problem: string, fix: string): Finding {
  return { subject: 'nginx', problem, fix };
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.problem, finding])).values()];
}
