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
  { name: 'nginx', programs: ['nginx'], oldest: '1.18', apt: 'nginx', brew: 'nginx', dnf: 'nginx' },
  {
    name: 'Chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    oldest: '100.0',
    apt: 'chromium',
    brew: '--cask chromium',
    dnf: 'chromium',
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

  const packages = wanting.map(({ apt }) => apt);
  const apt =
    /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(machine.osRelease) && find(machine, ['apt-get']) !== undefined;
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
    const program = find(machine, wanted.programs);
    if (program === undefined)
      return [
        {
          ...wanted,
          problem: `${wanted.name} ${wanted.oldest} or newer is missing (${wanted.programs[0]}).`,
        },
      ];
    const { output } = machine.run(program, [wanted.name === 'nginx' ? '-v' : '--version']);
    const version = /\d+\.\d+(\.\d+)*/.exec(output)?.[0];
    if (version !== undefined && !older(version, wanted.oldest)) return [];
    const found = version ?? `of an unknown version (it said ${JSON.stringify(output.slice(0, 200))})`;
    return [
      { ...wanted, problem: `${wanted.name} ${wanted.oldest} or newer is needed; ${program} is ${found}.` },
    ];
  });
}

/**
 * @param {Machine} machine
 * @param {string[]} programs
 */
function find(machine, programs) {
  for (const program of programs) {
    for (const directory of machine.path.split(delimiter).filter(Boolean)) {
      try {
        accessSync(join(directory, program), constants.X_OK);
        return join(directory, program);
      } catch {
        // Not in this directory.
      }
    }
  }
  return undefined;
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
  if (find(machine, ['dnf'])) return `${sudo}dnf install -y ${names('dnf')}`;
  if (find(machine, ['brew'])) return wanting.map(({ brew }) => `brew install ${brew}`).join(' && ');
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

if (argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = ensurePrerequisites(
    {
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
    },
    { sudo: argv.includes('--sudo') },
  );
}
