import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { countCores } from './cluster/cores.ts';
import { parseVersions } from './cluster/ipc-versions.ts';
import { openFilesIn } from './cluster/open-files.ts';
import { openSignals } from './cluster/signals.ts';
import { parseConfiguration } from './config/configuration.ts';
import { SETTINGS, type Settings } from './config/settings.ts';
import { createLog } from './log.ts';

const OK = 0;
const FAILED = 1;
const MISUSED = 2;
const PRINT_MS = 1_000;

/** The built program's files that a role serves, and what it says of itself. */
interface Place {
  readonly version: string;
  readonly pageDir: string;
  readonly operatorDir: string;
}

const print = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};

/**
 * Runs the role that the environment and the arguments name, until it ends. `url` is that of the script that Node runs, whose
 * folder has the pages. Each role imports its own modules: the primary runs without the chat server, which workers have in memory.
 */
export async function runProgram(url: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', url), 'utf8')) as {
    version: string;
  };
  const place = {
    version,
    pageDir: fileURLToPath(new URL('./page', url)),
    operatorDir: fileURLToPath(new URL('./operator', url)),
  };
  const isOurWorker = cluster.isWorker && process.env.RC_SLOT !== undefined;
  process.exitCode = isOurWorker ? await work(place) : await command(place, process.argv.slice(2));
  // A half-closed connection of a client or a log stream would keep a primary alive that has ended, and the IPC channel a
  // worker that could not begin.
  if (!isOurWorker || process.exitCode !== OK) process.exit();
}

async function command({ version, operatorDir }: Place, [name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const { commandHelp } = await import('./cli/commands.ts');
    print.out(commandHelp(version));
    return name === undefined ? MISUSED : OK;
  }
  if (name === '--version') {
    print.out(`${version}\n`);
    return OK;
  }
  const configuration = configure();
  if (name === 'start' && args.length === 0) {
    if (cluster.isWorker) {
      await printed(
        'Roomcast cannot start: it was started as a worker of another program’s cluster (cluster mode of pm2?), but forks its workers itself. Start it as one process (pm2: `exec_mode: "fork"`, `instances: 1`)\n',
      );
      return FAILED;
    }
    if (!configuration.ok) {
      print.err(
        `Roomcast cannot start, these settings are wrong:\n${configuration.problems.map((problem) => `  ${problem}\n`).join('')}`,
      );
      return FAILED;
    }
    const log = logOf(configuration.settings, { process: 'primary' });
    const signals = openSignals(log);
    const { runPrimary } = await import('./primary.ts');
    return runPrimary({
      settings: configuration.settings,
      signals,
      warnings: configuration.warnings,
      version,
      operatorDir,
      openFiles: openFiles(),
      log,
      announce: (line) => print.out(`${line}\n`),
      complain: (line) => print.err(`${line}\n`),
    });
  }
  const { runCommand } = await import('./cli/commands.ts');
  return runCommand({ name, version, args, configuration, rows: Object.values(SETTINGS), readFile, print });
}

async function work({ version, pageDir }: Place): Promise<number> {
  const instanceId = process.env.RC_INSTANCE_ID;
  if (!instanceId) {
    await printed(
      'This worker cannot start: RC_INSTANCE_ID is not set. Its primary is of another version than the files on disk; restart Roomcast\n',
    );
    return FAILED;
  }
  const configuration = configure();
  if (!configuration.ok) return FAILED;
  const slot = Number(process.env.RC_SLOT);
  const { settings } = configuration;
  const [{ runWorker }, { openWorkerProcess }] = await Promise.all([
    import('./worker.ts'),
    import('./cluster/worker-process.ts'),
  ]);
  const log = logOf(settings, { slot });
  const primaryVersions = parseVersions(process.env.RC_IPC_VERSIONS);
  const worker = openWorkerProcess({ slot, instanceId, primaryVersions, log });
  await runWorker({ settings, worker, version, pageDir, openFiles: openFiles(), log });
  return OK;
}

/** Waits until the text is written: a program that has taken over the output writes it later. */
function printed(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stderr.write(text, () => resolve());
    setTimeout(resolve, PRINT_MS);
  });
}

function configure() {
  return parseConfiguration(process.env, {
    defaultWorkers: countCores({ availableParallelism: availableParallelism(), readFile }),
    terminal: process.stderr.isTTY === true,
    openFiles: openFiles(),
  });
}

function openFiles(): number | undefined {
  return openFilesIn(readFile('/proc/self/limits') ?? '');
}

function logOf(settings: Settings, base: Record<string, unknown>) {
  return createLog({ level: settings.logLevel, pretty: settings.logPretty, base });
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
