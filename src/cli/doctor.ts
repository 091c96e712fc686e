import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { pino } from 'pino';
import { usesRedis } from '../backend/backend.ts';
import { examineDataDir } from '../backend/embedded/examination.ts';
import { examineRedis } from '../backend/redis/examination.ts';
import { portClaimsOf } from '../cluster/ports.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Settings } from '../config/settings.ts';
import { hostInUrl } from '../host-names.ts';
import { type Finding, findingFrom } from './doctor/finding.ts';
import { checkHooks } from './doctor/hook-check.ts';
import { checkHost, type RunningPrimary } from './doctor/host-check.ts';
import { checkNginxConfig } from './doctor/nginx-check.ts';
import { parseNginx } from './doctor/nginx-parser.ts';
import { checkSite } from './doctor/site-check.ts';
import type { Printer } from './nginx.ts';
import { EXIT, type GivenOptions, notAddress, notWords, readOptions } from './options.ts';
import type { HostStatus } from './status-table.ts';

export interface DoctorDeps {
  readonly configuration: Configuration;
  readonly readFile: (path: string) => string | undefined;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly print: Printer;
}

const STATUS_MS = 2_000;

/** Looks at everything that the server depends on, and says what to mend. */
export async function runDoctor(args: readonly string[], deps: DoctorDeps): Promise<number> {
  const given = readOptions(COMMAND, args, deps.print, checkOptions);
  if (typeof given === 'number') return given;
  const { configuration, print } = deps;
  const findings = configuration.ok
    ? [
        ...configuration.warnings.map((text) => findingFrom('settings', text)),
        ...(await examine(configuration.settings, given, deps)),
      ]
    : configuration.problems.map(
        (problem): Finding => ({ subject: 'settings', problem, fix: 'See roomcast start --help' }),
      );
  if (given.values.json) print.out(`${JSON.stringify({ ok: findings.length === 0, findings })}\n`);
  else if (findings.length === 0) print.out('Nothing to mend.\n');
  else
    print.out(
      findings
        .map(({ subject, problem, fix }) => `${subject}: ${problem}.\n${fix && `  ${fix}.\n`}`)
        .join(''),
    );
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

async function examine(
  settings: Settings,
  { values }: GivenOptions,
  { readFile, now }: DoctorDeps,
): Promise<Finding[]> {
  const log = pino({ enabled: false });
  const [host, store, site, webhooks] = await Promise.all([
    primaryOn(settings).then((primary) => checkHost({ primary, claims: portClaimsOf(settings), readFile })),
    usesRedis(settings)
      ? examineRedis({ options: settings, now, log })
      : examineDataDir({ dataDir: settings.dataDir, uid: process.getuid?.() }),
    values.site === undefined ? [] : checkSite({ url: String(values.site), socketPath: settings.socketPath }),
    checkHooks({ ...settings, now, newId: randomUUID }),
  ]);
  return [
    ...host,
    ...store.map((text) => findingFrom('store', text)),
    ...(values.nginx === undefined ? [] : checkNginxFile(String(values.nginx), settings, readFile)),
    ...site,
    ...webhooks,
  ];
}

/** Asks the admin listener; undefined if no Roomcast answers there. */
async function primaryOn({ adminHost, adminPort, basePort }: Settings): Promise<RunningPrimary | undefined> {
  const host = ['0.0.0.0', '0', '::'].includes(adminHost) ? '127.0.0.1' : adminHost;
  try {
    const url = `http://${hostInUrl(host)}:${adminPort}/status`;
    const response = await fetch(url, { signal: AbortSignal.timeout(STATUS_MS) });
    const { primary, workers } = (await response.json()) as Partial<HostStatus>;
    if (primary?.pid === undefined) return undefined;
    const ports = (workers ?? []).map(({ port }) => port);
    return { pid: primary.pid, isOurs: ports.length === 0 || ports.includes(basePort), ports };
  } catch {
    return undefined;
  }
}

/** Paths of `include` are relative to the folder of the first file, as for nginx. */
function checkNginxFile(path: string, settings: Settings, readFile: DoctorDeps['readFile']): Finding[] {
  const text = readFile(path);
  if (text === undefined) {
    const fix = 'Run it as a user who may read the config, or correct --nginx';
    return [{ subject: 'nginx', problem: `${path} cannot be read`, fix }];
  }
  const read = (pattern: string) => {
    const full = isAbsolute(pattern) ? pattern : join(dirname(path), pattern);
    return (/[*?[]/.test(full) ? filesLike(full) : [full]).flatMap((file) => readFile(file) ?? []);
  };
  return checkNginxConfig(parseNginx(text, { read }), settings);
}

/** The files that a pattern names in its last part, in nginx's order. */
function filesLike(pattern: string): string[] {
  const literal = basename(pattern).replace(/[.+^${}()|\\]/g, '\\$&');
  const shape = new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  try {
    const names = readdirSync(dirname(pattern)).filter((name) => shape.test(name));
    return names.sort().map((name) => join(dirname(pattern), name));
  } catch {
    return [];
  }
}

function checkOptions(given: GivenOptions): string[] {
  return [...notWords(given), ...notAddress(given, 'site')];
}

const HELP = `Usage: roomcast doctor [--nginx FILE] [--site URL] [--json]

Looks at everything that the server depends on: the settings, this machine's limits and ports,
Redis (version, rights, persistence, eviction, replication, memory, clock) or DATA_DIR (rights,
file system, free space, damage), the config of nginx, the running site and the receiver
of HOOK_URL. Prints each thing to mend, with how. Redis gets trial keys that expire within 10 s,
and its format if it has none; the receiver gets a signed request without events.

Run it with the settings of the server, on its machine and as its user. It may run before the
start, or beside the server.

  --nginx FILE   the nginx config in front, with what it includes
  --site URL     the address that clients use: it is connected to by polling and by WebSocket
  --json         {ok, findings: [{subject, problem, fix}]}

Example:
  roomcast doctor --nginx /etc/nginx/nginx.conf --site http://127.0.0.1/

Exit code: 0 nothing to mend, 1 something to mend, 2 wrong arguments.
`;

const COMMAND = {
  name: 'doctor',
  help: HELP,
  options: { nginx: 'string', site: 'string', json: 'boolean' },
} as const;
