import { availableParallelism } from 'node:os';
import type { RebalanceOptions } from '../backend/redis/topology/rebalance.ts';
import { countCores } from '../cluster/cores.ts';
import type { Configuration } from '../config/configuration.ts';
import { isMisspelling } from '../config/spelling.ts';
import type { ApiSettings } from './api-access.ts';
import type { BackupSettings } from './backup.ts';
import { runExplain } from './explain.ts';
import type { LoadSettings } from './load.ts';
import type { MoveSettings } from './move-to-redis.ts';
import type { Printer } from './nginx.ts';
import { runNginx } from './nginx.ts';
import type { NginxSettings } from './nginx-arguments.ts';
import { runReload } from './reload.ts';
import { type SettingRow, startHelp } from './start.ts';
import { runStatus, type StatusSettings } from './status.ts';
import { runTail } from './tail.ts';
import { runToken, type TokenSettings } from './token.ts';

type CommandSettings = NginxSettings &
  StatusSettings &
  TokenSettings &
  ApiSettings &
  BackupSettings &
  MoveSettings &
  LoadSettings &
  RebalanceOptions;

interface CommandRun {
  readonly args: readonly string[];
  readonly settings: CommandSettings;
  /** The table of settings. */
  readonly rows: readonly SettingRow[];
  readonly version: string;
  readonly readFile: (path: string) => string | undefined;
  readonly print: Printer;
}

interface Command {
  readonly name: string;
  readonly does: string;
  /** The exit code for wrong settings, where 1 has another meaning. */
  readonly misused?: number;
  /** Returns the exit code. */
  run(given: CommandRun): number | Promise<number>;
}

/** Commands that open a store are imported when they run: the others start faster without. */
const COMMANDS: readonly Command[] = [
  {
    name: 'start',
    does: 'run the chat: a primary and its workers',
    run: ({ args, rows, print }) => startHelp(args, rows, print),
  },
  {
    name: 'status',
    does: 'show the hosts of the cluster and the workers of this one',
    run: ({ args, settings, print }) =>
      runStatus(args, {
        settings,
        terminal: process.stdout.isTTY === true,
        signal: interruption(),
        now: Date.now,
        print,
      }),
  },
  {
    name: 'reload',
    does: 'replace the workers of this host one by one, without losing a client',
    run: ({ args, settings, print }) => runReload(args, settings, print),
  },
  {
    name: 'tail',
    does: 'print what is said in rooms as it is said',
    run: ({ args, settings, print }) => runTail(args, { settings, signal: interruption(), print }),
  },
  {
    name: 'explain',
    does: 'explain what became of a message: stored, delivered to whom, or why not',
    run: ({ args, settings, print }) => runExplain(args, settings, print),
  },
  {
    name: 'load',
    does: 'load servers with clients, and check every message',
    misused: 3,
    run: async ({ args, settings, version, readFile, print }) =>
      (await import('./load.ts')).runLoadCommand(args, {
        settings,
        cores: countCores({ availableParallelism: availableParallelism(), readFile }),
        version,
        now: Date.now,
        readFile,
        signal: interruption(),
        columns: () => (process.stdout.isTTY ? process.stdout.columns : undefined),
        // Looks at NO_COLOR too.
        colours: process.stdout.isTTY === true && process.stdout.hasColors(),
        print,
      }),
  },
  {
    name: 'profile',
    does: 'measure the load of a running chat, to repeat it with load',
    run: async ({ args, settings, version, print }) =>
      (await import('./profile.ts')).runProfile(args, {
        settings,
        version,
        now: Date.now,
        signal: interruption(),
        print,
      }),
  },
  {
    name: 'backup',
    does: 'copy the embedded store, also while it is written to',
    run: async ({ args, settings, print }) => (await import('./backup.ts')).runBackup(args, settings, print),
  },
  {
    name: 'restore',
    does: 'put a backup into DATA_DIR',
    run: async ({ args, settings, print }) => (await import('./backup.ts')).runRestore(args, settings, print),
  },
  {
    name: 'move-to-redis',
    does: 'move an embedded store to a Redis, all of it, and check it',
    run: async ({ args, settings, print }) =>
      (await import('./move-to-redis.ts')).runMoveToRedis(args, settings, print),
  },
  {
    name: 'rebalance',
    does: 'move the data to the servers of REDIS_URLS',
    run: async ({ args, settings, print }) =>
      (await import('./rebalance.ts')).runRebalance(args, settings, print),
  },
  {
    name: 'nginx',
    does: 'print the config of the nginx in front',
    run: ({ args, settings, print }) => runNginx(args, settings, print),
  },
  {
    name: 'token',
    does: 'print a token that lets a user in',
    run: ({ args, settings, print }) => runToken(args, settings, Date.now, print),
  },
];

/** Runs with wrong settings too. */
const DOCTOR = { name: 'doctor', does: 'look at settings, host, Redis and nginx, and say what to mend' };
const LISTED: readonly Pick<Command, 'name' | 'does'>[] = [...COMMANDS, DOCTOR];

const NAME_WIDTH = Math.max(...LISTED.map(({ name }) => name.length)) + 2;

export function commandHelp(version: string): string {
  const rows = LISTED.map(({ name, does }) => `  ${name.padEnd(NAME_WIDTH)}${does}\n`).join('');
  return `Roomcast ${version}\n\nUsage: roomcast COMMAND [options]\n\n${rows}\nEach has --help. Settings are environment variables: roomcast start --help.\n`;
}

export interface CommandLine {
  readonly name: string;
  readonly version: string;
  readonly args: readonly string[];
  readonly configuration: Configuration;
  readonly rows: readonly SettingRow[];
  readonly readFile: (path: string) => string | undefined;
  readonly print: Printer;
}

/** Runs every command but `start` itself; returns the exit code. */
export async function runCommand(line: CommandLine): Promise<number> {
  const { name, version, args, configuration, rows, readFile, print } = line;
  if (name === DOCTOR.name) {
    const { runDoctor } = await import('./doctor.ts');
    return runDoctor(args, { configuration, readFile, now: Date.now, print });
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (!configuration.ok) {
    print.err(configuration.problems.map((problem) => `${problem}\n`).join(''));
    return command?.misused ?? 1;
  }
  if (command) return command.run({ args, settings: configuration.settings, rows, version, readFile, print });
  const meant = LISTED.find((one) => isMisspelling(one.name, name));
  const hint = meant === undefined ? '' : `; did you mean ${meant.name}?`;
  print.err(`roomcast: there is no command ${JSON.stringify(name)}${hint}\n`);
  print.err(`Commands: ${LISTED.map((known) => known.name).join(', ')}\n`);
  return 2;
}

/** Aborted by Ctrl-C, when the process is told to end, or when its terminal goes away. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => interrupted.abort());
  return interrupted.signal;
}
