/**
 * What the tests need beside npm's packages: programs, with the oldest version that will do. What is missing is
 * installed where that asks nobody (root on Debian or Ubuntu; with --sudo also through sudo without a password);
 * elsewhere the run ends here with the command to type, because a test skipped in silence proves nothing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { argv, env, getuid } from 'node:process';
import { fileURLToPath } from 'node:url';

/** Redis has sharded pub/sub from 7.0 on; nginx 1.18 is the oldest of a distribution still in use. */
export const PREREQUISITES = [
  {
    name: 'Redis',
    programs: ['redis-server'],
    oldest: '7.0',
    apt: 'redis-server',
    brew: 'redis',
    dnf: 'redis',
  },
  {
    name: 'nginx',
    programs: ['nginx'],
    ask: ['-v'],
    oldest: '1.18',
    apt: 'nginx',
    brew: 'nginx',
    dnf: 'nginx',
  },
  {
    name: 'Chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    oldest: '100.0',
    apt: 'chromium',
    brew: '--cask chromium',
    dnf: 'chromium',
  },
  {
    name: 'python-socketio',
    programs: ['python3'],
    // Debian's own Python has its packages, one that stands before it in the path has not.
    ask: [
      '-c',
      'import importlib.metadata as m, requests, socketio, websocket; print(m.version("python-socketio"))',
    ],
    oldest: '5.0',
    apt: 'python3-socketio python3-requests python3-websocket',
    brew: 'python && pip3 install "python-socketio[client]"',
    dnf: 'python3-socketio python3-requests python3-websocket-client',
  },
];

/**
 * @typedef {object} Machine
 * @property {string} path Where programs are looked for, as in PATH.
 * @property {string} osRelease The text of /etc/os-release, empty where there is none.
 * @property {boolean} root
 * @property {(command: string, args: string[]) => { status: number | null, output: string }} run
 * @property {(line: string) => void} print
 */

/**
 * Returns the exit code.
 * @param {Machine} machine
 * @param {{ sudo?: boolean }} [options]
 */
export function ensurePrerequisites(machine, { sudo = false } = {}) {
  const wanting = inspect(machine);
  if (wanting.length === 0) return 0;
  for (const { problem } of wanting) machine.print(problem);

  const packages = wanting.flatMap(({ apt }) => apt.split(' '));
  const apt =
    /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(machine.osRelease) && findAll(machine, ['apt-get']).length > 0;
  const prefix = machine.root ? [] : ['sudo', '-n'];
  const allowed = machine.root || (sudo && machine.run('sudo', ['-n', 'true']).status === 0);
  if (!apt || !allowed) {
    machine.print(`Install what is missing and run this again:\n  ${advice(machine, apt, wanting)}`);
    return 1;
  }

  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
  for (const command of [['apt-get', 'update'], install]) {
    const [program = '', ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...command];
    machine.print(`Running: ${[program, ...args].join(' ')}`);
    const { status, output } = machine.run(program, args);
    if (status === 0) continue;
    machine.print(`${output}\nIt ended with exit code ${status}.`);
    return 1;
  }

  const still = inspect(machine);
  for (const { problem } of still) machine.print(`After the installation: ${problem}`);
  return still.length === 0 ? 0 : 1;
}

/** @param {Machine} machine */
function inspect(machine) {
  return PREREQUISITES.flatMap((wanted) => {
    const found = findAll(machine, wanted.programs).map((program) => {
      const { status, output } = machine.run(program, wanted.ask ?? ['--version']);
      const version = status === 0 ? /\d+\.\d+(\.\d+)*/.exec(output)?.[0] : undefined;
      const said = `of an unknown version (it said ${JSON.stringify(output.slice(-200))})`;
      return {
        good: version !== undefined && !older(version, wanted.oldest),
        problem: `${wanted.name} ${wanted.oldest} or newer is needed; ${program} is ${version ?? said}.`,
      };
    });
    if (found.some(({ good }) => good)) return [];
    const missing = `${wanted.name} ${wanted.oldest} or newer is missing (${wanted.programs[0]}).`;
    return [{ ...wanted, problem: found[0]?.problem ?? missing }];
  });
}

/**
 * @param {Machine} machine
 * @param {string[]} programs
 */
function findAll(machine, programs) {
  return programs.flatMap((program) =>
    machine.path
      .split(delimiter)
      .filter(Boolean)
      .map((directory) => join(directory, program))
      .filter(isProgram),
  );
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} version
 * @param {string} oldest
 */
function older(version, oldest) {
  const [a, b] = [version, oldest].map((text) => text.split('.').map(Number));
  const at = [0, 1].find((index) => a?.[index] !== b?.[index]);
  return at !== undefined && (a?.[at] ?? 0) < (b?.[at] ?? 0);
}

/**
 * @param {Machine} machine
 * @param {boolean} apt
 * @param {typeof PREREQUISITES} wanting
 */
function advice(machine, apt, wanting) {
  const sudo = machine.root ? '' : 'sudo ';
  const names = (/** @type {'apt' | 'brew' | 'dnf'} */ manager) =>
    wanting.map((one) => one[manager]).join(' ');
  if (apt)
    return `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${names('apt')}`;
  if (findAll(machine, ['dnf']).length > 0) return `${sudo}dnf install -y ${names('dnf')}`;
  if (findAll(machine, ['brew']).length > 0)
    return wanting.map(({ brew }) => `brew install ${brew}`).join(' && ');
  return wanting.map(({ name, oldest }) => `${name} ${oldest} or newer`).join(', ');
}

/** Debian keeps nginx in /usr/sbin, which is not in everybody's PATH. */
export function searchPath() {
  return [env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
}

function readOsRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** @returns {Machine} */
function thisMachine() {
  return {
    path: searchPath(),
    osRelease: readOsRelease(),
    root: getuid?.() === 0,
    run: (command, args) => {
      const { status, stdout, stderr, error } = spawnSync(command, args, {
        encoding: 'utf8',
        // apt says a lot; beyond the usual 1 MiB it would be killed half way.
        maxBuffer: 64 * 1024 * 1024,
      });
      return { status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
    },
    print: (line) => console.log(line),
  };
}

/** The Python that has python-socketio. */
export function findPython() {
  const machine = thisMachine();
  const wanted = PREREQUISITES.find(({ name }) => name === 'python-socketio');
  const programs = findAll(machine, wanted?.programs ?? []);
  const python = programs.find((program) => machine.run(program, wanted?.ask ?? []).status === 0);
  if (python === undefined)
    throw new Error('python-socketio is missing: node test/support/prerequisites.mjs');
  return python;
}

if (argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = ensurePrerequisites(thisMachine(), { sudo: argv.includes('--sudo') });
