import { access, constants, stat, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createDisplay } from '../load/display/display.ts';
import { checkDialect } from '../load/driver/check-dialect.ts';
import { DialectFault } from '../load/driver/dialect-module.ts';
import { DriverEnded } from '../load/driver/driver-process.ts';
import { checkMachine } from '../load/plan/machine-limits.ts';
import { DEFAULTS, type LoadOptions, readLoadOptions } from '../load/plan/options.ts';
import { signToken } from '../load/plan/token.ts';
import { type Profile, readProfile } from '../load/profile/profile.ts';
import { renderReport } from '../load/report/report.ts';
import { EXIT_CODES, EXIT_MISUSED, type LoadResult } from '../load/result.ts';
import { type RunDeps, runLoad } from '../load/run.ts';
import { checkFaults } from '../load/server/inject-faults.ts';
import { findLocalServers } from '../load/server/local-processes.ts';
import { checkReachable } from '../load/server/reachable.ts';
import { progressLine, summaryOf } from '../load/summary.ts';
import { runVersus } from '../load/versus.ts';
import type { Printer } from './nginx.ts';
import { EXIT, type GivenOptions, readOptions } from './options.ts';

/** The tokens last longer than any run may. */
const TOKEN_TTL_S = 48 * 3_600;

export interface LoadSettings {
  readonly authAudience: string | undefined;
  readonly authIssuer: string | undefined;
}

export interface LoadDeps {
  readonly settings: LoadSettings;
  readonly cores: number;
  readonly version: string;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly readFile: (path: string) => string | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Columns of the terminal now; undefined if standard output is none. */
  readonly columns: () => number | undefined;
  /** The terminal has colours, and the user wants them. */
  readonly colours: boolean;
  readonly print: Printer;
}

/** Loads servers with clients and judges what they did. */
export async function runLoadCommand(args: readonly string[], deps: LoadDeps): Promise<number> {
  const { print, now, cores, readFile } = deps;
  let options: LoadOptions | undefined;
  let notes: readonly string[] = [];
  const given = readOptions(COMMAND, args, print, ({ words, values }) => {
    const { profile, problem } = profileIn(values, readFile);
    if (problem !== undefined) return [problem];
    const read = readLoadOptions(words, values, { cores, seed: now() % 1_000_000, profile });
    options = read.options;
    notes = read.notes;
    const { config, servers, versus } = read.options;
    return [
      ...read.problems,
      ...checkMachine(config, servers, { readFile }),
      ...(versus ? checkMachine(config, versus.servers, { readFile }) : []),
    ];
  });
  if (given === EXIT.ok) return EXIT.ok;
  if (typeof given === 'number' || options === undefined) return EXIT_MISUSED;

  const local = findLocalServers(options.servers);
  const unmet = [
    ...(await dialectProblems(options)),
    ...(await checkFolders(options)),
    ...(await checkReachable([...options.servers, ...(options.versus?.servers ?? [])])),
    ...checkFaults(options.faults, local),
  ];
  if (unmet.length > 0) {
    for (const problem of unmet) print.err(`roomcast load: ${problem}\n`);
    return EXIT_MISUSED;
  }

  for (const note of notes) print.err(`roomcast load: ${note}\n`);

  const { columns, colours } = deps;
  const display = createDisplay({ write: print.out, columns, colours, line: progressLine });
  const startedAt = now();
  const facts: RunDeps = {
    runName: `load-${startedAt.toString(36)}-`,
    command: commandOf(args, options),
    version: deps.version,
    machine: machineFacts(cores),
    startedAt: new Date(startedAt).toISOString(),
    tokenOf: tokensOf(options, deps.settings, startedAt),
    local,
    signal: deps.signal,
    onProgress: display.show,
  };
  const running =
    options.versus === undefined ? runLoad(options, facts) : runVersusOf(options, options.versus, facts);
  const result = await running.finally(display.close).catch((error: unknown) => {
    if (error instanceof DialectFault) {
      print.err(`roomcast load: ${options?.config.dialect}: ${error.message}\n`);
      return EXIT_MISUSED;
    }
    if (!(error instanceof DriverEnded)) throw error;
    print.err(`roomcast load: ${error.message}, so nothing can be said about the server\n`);
    return EXIT_CODES['driver-too-slow'];
  });
  if (typeof result === 'number') return result;
  print.out(summaryOf(result));
  return finish(result, options, print);
}

/** A module's mistakes are found before anything starts. */
async function dialectProblems({ dialectName, config, versus }: LoadOptions): Promise<readonly string[]> {
  const problem = await checkDialect(dialectName);
  const other = versus && (await checkDialect(versus.dialectName));
  return [
    ...(problem === undefined ? [] : [`--dialect ${config.dialect}: ${problem}`]),
    ...(other === undefined || versus?.dialectName === dialectName
      ? []
      : [`--vs-dialect ${versus?.dialect}: ${other}`]),
  ];
}

/** Both servers get the same load; only address and dialect differ. */
function runVersusOf(options: LoadOptions, versus: NonNullable<LoadOptions['versus']>, deps: RunDeps) {
  const { servers, dialectName, dialect } = versus;
  const config = { ...options.config, urls: servers.map(({ url }) => url), dialect };
  const second = { ...options, config, servers, dialectName };
  const showAs =
    (contender: 'A' | 'B'): RunDeps['onProgress'] =>
    (progress) =>
      deps.onProgress({ ...progress, contender });
  const secondDeps = { ...deps, runName: `${deps.runName}vs-`, local: findLocalServers(servers) };
  return runVersus(
    { options, deps: { ...deps, onProgress: showAs('A') } },
    { options: second, deps: { ...secondDeps, onProgress: showAs('B') } },
  );
}

function profileIn(
  { profile: path, scale }: GivenOptions['values'],
  readFile: LoadDeps['readFile'],
): { readonly profile?: Profile; readonly problem?: string } {
  if (path === undefined) return scale === undefined ? {} : { problem: '--scale belongs to --profile' };
  const text = readFile(String(path));
  if (text === undefined) return { problem: `--profile names ${path}, which cannot be read` };
  const read = readProfile(text);
  return 'profile' in read ? read : { problem: `--profile: ${path} ${read.problem}` };
}

/** A run of an hour must not end with a result that cannot be written. */
async function checkFolders({ json, report }: LoadOptions): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [option, path] of Object.entries({ json, report })) {
    if (path === undefined) continue;
    const folder = dirname(resolve(path));
    if ((await stat(path).catch(() => undefined))?.isDirectory())
      problems.push(`--${option} needs the name of a file, and ${path} is a folder`);
    try {
      await access(folder, constants.W_OK);
    } catch {
      problems.push(`--${option} names a file in ${folder}, which does not exist or cannot be written`);
    }
  }
  return problems;
}

async function finish(result: LoadResult, { json, report }: LoadOptions, print: Printer): Promise<number> {
  const files: readonly [string | undefined, () => string][] = [
    [json, () => `${JSON.stringify(result, null, 2)}\n`],
    [report, () => renderReport(result)],
  ];
  let exitCode = result.verdict.exitCode;
  for (const [path, text] of files) {
    if (path === undefined) continue;
    try {
      await writeFile(path, text());
    } catch (error) {
      print.err(`roomcast load: the result cannot be written: ${(error as Error).message}\n`);
      // A bad verdict weighs more than a file that is missing.
      if (exitCode === EXIT_CODES.good) exitCode = EXIT_MISUSED;
    }
  }
  return exitCode;
}

function tokensOf({ tokenSecret: secret }: LoadOptions, settings: LoadSettings, nowMs: number) {
  if (secret === undefined) return undefined;
  const { authAudience: audience, authIssuer: issuer } = settings;
  const claims = { secret, audience, issuer, nowS: Math.floor(nowMs / 1_000), ttlS: TOKEN_TTL_S };
  return (name: string) => signToken(name, claims);
}

/** The command with its seed, for a shell; a secret is left out. */
function commandOf(args: readonly string[], { config, tokenSecret }: LoadOptions): string {
  const words = args.map((word) => {
    const shown = tokenSecret === undefined ? word : word.replace(tokenSecret, '…');
    return /^[\w./:=%@,-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
  });
  if (!args.some((word) => word === '--seed' || word.startsWith('--seed=')))
    words.push(`--seed ${config.seed}`);
  return `roomcast load ${words.join(' ')}`;
}

function machineFacts(cores: number): LoadResult['machine'] {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
  };
}

/** The examples of the help; a test runs them, shortened. */
export const EXAMPLES = [
  'roomcast load http://127.0.0.1:3000 --clients 500 --rooms 10 --duration 30s',
  'roomcast load http://127.0.0.1:3000 --clients 1000 --rooms 10 --steps 100,500,1k,2k --max-p99 100ms',
  "roomcast load http://127.0.0.1:3000 --clients 500 --rooms 10 --churn 5/s --private 5% --fault 'kill-worker@10s' --json result.json",
] as const;

const HELP = `Usage: roomcast load URL... [options]

Connects clients to Socket.IO servers, lets them talk in rooms, and checks every message: did it reach every
member, once, in one order, and nobody else? Latency counts from the time a message was due, so a server that
falls behind shows it. Several URLs share the clients.

  --clients N         clients in all [${DEFAULTS.clients}]
  --rooms N           rooms that they are spread over [${DEFAULTS.rooms}]
  --rate N/s          messages that all clients together say [${DEFAULTS.rate}]
  --duration TIME     how long they talk, once they are in: 500ms, 60s, 5m, 1h [${DEFAULTS.duration}]
  --ramp N/s          connections begun per second [${DEFAULTS.ramp}]
  --size BYTES        the text of a message [${DEFAULTS.size}]
  --dialect D         roomcast, s3 (Socket.IO with join, say and message), or FILE.mjs: five functions that say how
                      another server is spoken to; see the README in src/load [${DEFAULTS.dialect}]
  --vs URL,...        loads another server too, by turns with the first, and prints ratios; the verdict is the first's
  --vs-dialect D      how that one is spoken to [as --dialect]
  --transport T       websocket, polling, or mix: half of each [${DEFAULTS.transport}]
  --skew S            even: rooms of one size; zipf: some large, many small [${DEFAULTS.skew}]
  --churn N/s         clients that leave, each to come again a second later [${DEFAULTS.churn}]
  --private SHARE     the part of the messages that goes to one user [${DEFAULTS.private}]
  --profile FILE      repeats a load that roomcast profile has measured: clients, rooms and their sizes, rates,
                      lengths of texts, transports; an option beside it replaces its part
  --scale FACTOR      with --profile: as many times the clients, rooms and rates [1]
  --token-secret S    AUTH_SECRET of servers in token mode; AUTH_AUDIENCE and AUTH_ISSUER are taken from the settings
  --fault PLAN        faults to inject into servers on this machine, by the time since the load began:
                      kill-worker@20s, worker-pause@30s:2s, redis-pause@40s:5s, reload@50s
  --steps N,N,...     rising rates, each for --duration, until p99 or the error budget breaks; prints the curve
  --max-p99 TIME      the highest p99 of delivery [none; with --steps 100ms]
  --max-errors SHARE  the part of messages and connections that may fail [${DEFAULTS['max-errors']}]
  --max-lag TIME      the driver counts as too slow when it is later than that itself, at p99 [${DEFAULTS['max-lag']}]
  --processes N       driver processes [2, or 1 on one core; more for many clients]
  --seed N            repeats the choices of a run [random, and printed]
  --json FILE         writes the result
  --report FILE.html  writes the result as a page with figures, which needs nothing else

Examples:
${EXAMPLES.map((example) => `  ${example}\n`).join('')}
Exit code: 0 good, 1 wrong (a message lost, repeated, out of order, made up or leaked; a ghost in a room),
2 a limit was missed, 3 wrong arguments or no server, 4 the driver itself was too slow to judge.
`;

const COMMAND = {
  name: 'load',
  help: HELP,
  options: {
    clients: 'string',
    rooms: 'string',
    rate: 'string',
    duration: 'string',
    ramp: 'string',
    size: 'string',
    dialect: 'string',
    vs: 'string',
    'vs-dialect': 'string',
    transport: 'string',
    skew: 'string',
    churn: 'string',
    private: 'string',
    profile: 'string',
    scale: 'string',
    'token-secret': 'string',
    fault: 'string',
    steps: 'string',
    'max-p99': 'string',
    'max-errors': 'string',
    'max-lag': 'string',
    processes: 'string',
    seed: 'string',
    json: 'string',
    report: 'string',
  },
} as const;
