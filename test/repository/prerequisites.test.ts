import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensurePrerequisites } from '../support/prerequisites.mjs';

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';
const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n';
const FEDORA = 'NAME="Fedora Linux"\nID=fedora\n';

/** What each program answers when asked for its version, as the real ones put it. */
const ENOUGH: Record<string, string> = {
  'redis-server': 'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1',
  nginx: 'nginx version: nginx/1.22.1',
  chromium: 'Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)',
  python3: '5.7.2',
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomcast-path-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Machine {
  programs: Record<string, string>;
  osRelease?: string;
  root?: boolean;
  sudo?: boolean;
  managers?: string[];
  /** Programs here say nothing of a version; it stands first in the path. */
  before?: string;
  /** What apt-get install brings; null: it fails. */
  apt?: Record<string, string> | null;
}

/** A machine with nothing but these programs; commands that would change it are noted, not run. */
function check({
  programs,
  osRelease = DEBIAN,
  root = true,
  sudo,
  managers = ['apt-get'],
  apt = ENOUGH,
  before = '/nonexistent',
}: Machine) {
  const path = join(folder, 'bin');
  mkdirSync(path);
  const answers: Record<string, string> = {};
  const install = (added: Record<string, string>) => {
    for (const [program, answer] of Object.entries(added)) {
      writeFileSync(join(path, program), '');
      chmodSync(join(path, program), 0o755);
      answers[program] = answer;
    }
  };
  install({ ...programs, ...Object.fromEntries(managers.map((name) => [name, ''])) });
  const changes: string[] = [];
  const lines: string[] = [];
  const code = ensurePrerequisites(
    {
      path: `${before}:${path}`,
      osRelease,
      root,
      print: (line) => lines.push(line),
      run: (command, args) => {
        const said = command.startsWith(before) ? 'No module named socketio' : answers[basename(command)];
        if (said !== undefined) return { status: command.startsWith(before) ? 1 : 0, output: said };
        const line = [command, ...args].join(' ');
        if (line === 'sudo -n true') return { status: sudo ? 0 : 1, output: '' };
        changes.push(line);
        if (!line.includes('install')) return { status: 0, output: '' };
        if (apt === null) return { status: 100, output: 'E: Unable to locate package' };
        install(apt);
        return { status: 0, output: '' };
      },
    },
    { sudo: sudo !== undefined },
  );
  return { code, changes, said: lines.join('\n') };
}

const { nginx: _nginx, ...WITHOUT_NGINX } = ENOUGH;
const INSTALL = 'env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends';
const PYTHON = 'python3-socketio python3-requests python3-websocket';
const UPDATE = 'env DEBIAN_FRONTEND=noninteractive apt-get update';

it('is content, and silent, when everything is there', () => {
  expect(check({ programs: ENOUGH })).toEqual({ code: 0, changes: [], said: '' });
});

it.each([
  ['Debian', DEBIAN],
  ['Ubuntu', UBUNTU],
])('installs what is missing as root on %s, and says so', (_name, osRelease) => {
  const { code, changes, said } = check({ programs: {}, osRelease });
  expect(code).toBe(0);
  expect(changes).toEqual([UPDATE, `${INSTALL} redis-server nginx chromium ${PYTHON}`]);
  for (const change of changes) expect(said).toContain(change);
});

it('installs only what is missing', () => {
  const { code, changes } = check({ programs: WITHOUT_NGINX });
  expect({ code, changes }).toEqual({ code: 0, changes: [UPDATE, `${INSTALL} nginx`] });
});

it('replaces a Redis that is too old', () => {
  const { code, changes, said } = check({
    programs: { ...ENOUGH, 'redis-server': 'Redis server v=6.2.9 sha=0' },
  });
  expect({ code, changes }).toEqual({ code: 0, changes: [UPDATE, `${INSTALL} redis-server`] });
  expect(said).toContain('6.2.9');
});

it('takes 10.x for newer than 7.0', () => {
  expect(check({ programs: { ...ENOUGH, 'redis-server': 'Redis server v=10.0.1' } }).code).toBe(0);
});

it('does not take a program for good that says no version', () => {
  const { code, said } = check({ programs: { ...ENOUGH, nginx: 'permission denied' }, root: false });
  expect(code).toBe(1);
  expect(said).toContain('permission denied');
});

it('looks further for a Python that has the package', () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'python3'), '');
  chmodSync(join(other, 'python3'), 0o755);
  expect(check({ programs: ENOUGH, before: other }).code).toBe(0);
  rmSync(join(folder, 'bin'), { recursive: true });
  const { python3: _python3, ...others } = ENOUGH;
  expect(check({ programs: others, before: other }).changes).toEqual([UPDATE, `${INSTALL} ${PYTHON}`]);
});

it.each(['chromium-browser', 'google-chrome', 'google-chrome-stable'])('takes %s for Chromium', (program) => {
  const { chromium, ...others } = ENOUGH;
  expect(check({ programs: { ...others, [program]: chromium ?? '' } }).code).toBe(0);
});

it('fails when the package that apt has is still too old', () => {
  const apt = { 'redis-server': 'Redis server v=6.0.16' };
  const { code, said } = check({
    programs: { ...WITHOUT_NGINX, ...apt, nginx: ENOUGH.nginx ?? '' },
    apt,
  });
  expect(code).toBe(1);
  expect(said).toContain('6.0.16');
});

it('fails with what apt says when the installation fails', () => {
  const { code, said } = check({ programs: {}, apt: null });
  expect(code).toBe(1);
  expect(said).toContain('Unable to locate package');
});

it('changes nothing for an ordinary user, and gives the command to type', () => {
  const { code, changes, said } = check({ programs: WITHOUT_NGINX, root: false });
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  expect(said).toContain('sudo apt-get update && sudo apt-get install -y --no-install-recommends nginx');
});

it('goes through sudo when told to and no password is asked', () => {
  const { code, changes } = check({ programs: WITHOUT_NGINX, root: false, sudo: true });
  expect({ code, changes }).toEqual({ code: 0, changes: [`sudo -n ${UPDATE}`, `sudo -n ${INSTALL} nginx`] });
});

it('gives the command when sudo asks for a password', () => {
  const { code, changes } = check({ programs: WITHOUT_NGINX, root: false, sudo: false });
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
});

it.each([
  ['dnf', FEDORA, 'sudo dnf install -y nginx'],
  ['brew', '', 'brew install nginx'],
])('installs nothing where %s rules, and gives its command', (manager, osRelease, command) => {
  const { code, changes, said } = check({
    programs: WITHOUT_NGINX,
    osRelease,
    root: false,
    managers: [manager],
  });
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  expect(said).toContain(command);
});

it('names what is needed on a machine without a package manager it knows', () => {
  const { code, said } = check({ programs: {}, osRelease: '', managers: [] });
  expect(code).toBe(1);
  expect(said).toContain(
    'Redis 7.0 or newer, nginx 1.18 or newer, Chromium 100.0 or newer, python-socketio 5.0 or newer',
  );
});

it('npm asks about no install script: package.json allows those of all packages that have one', () => {
  const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const installing = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  const allowed = Object.keys(read('package.json').allowScripts);
  expect(installing.map(([path]) => path.replace(/.*node_modules\//, '')).sort()).toEqual(allowed.sort());
});
