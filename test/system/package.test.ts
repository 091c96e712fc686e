import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sourcesOf } from '../support/bundle.ts';
import { startHost } from '../support/cluster.ts';
import { openRedis } from '../support/redis-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Readonly<Record<string, string>>;
};

/** The words of each licence in use that nothing else has. */
const PERMISSION =
  /Permission is hereby granted|Permission to use, copy, modify|Redistribution and use|Apache License\s+Version 2|Blue Oak Model License/;

/** The folders in the repository of Socket.IO that have other names than their packages. */
const NAMES_OF_FOLDERS: Readonly<Record<string, string>> = {
  build: 'socket.io-client',
  'socket.io-component-emitter': '@socket.io/component-emitter',
};

async function nameAndVersion(folder: string): Promise<string> {
  const { name, version } = JSON.parse(await readFile(join(ROOT, folder, 'package.json'), 'utf8'));
  return `${name} ${version}`;
}

/** The name and version of the package that the source is from. Some packages are bundles of others, which are not installed. */
async function nameIn(path: string): Promise<string | undefined> {
  const [, folder, outer, name] = path.match(/^((?:(.*)\/)?node_modules\/((?:@[^/]+\/)?[^/]+))\//) ?? [];
  if (folder === undefined) return undefined;
  if (existsSync(join(ROOT, folder, 'package.json'))) return nameAndVersion(folder);
  return `${name} (part of ${await nameAndVersion(outer ?? '')})`;
}

/** A folder in which the packed package is installed with the packages in `dependencies`, and no other. */
let folder: string;
const installed = (path: string) => join(folder, 'node_modules', 'roomcast', path);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    maxBuffer: 16 * 1_024 * 1_024,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await mkdir(installed(''), { recursive: true });
  await run('tar', ['-xf', join(folder, filename), '-C', installed(''), '--strip-components=1']);
  for (const name of Object.keys(dependencies))
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it.each(['embedded', 'cluster'])('needs nothing but its dependencies to serve in %s mode', async (mode) => {
    const redis = mode === 'cluster' ? await openRedis() : undefined;
    const host = await startHost({
      workers: 1,
      main: installed('dist/main.js'),
      env: { LOG_PRETTY: 'on' },
      ...(redis && { redisUrl: redis.url }),
    });
    onTestFinished(async () => {
      await host.stop();
      await host.remove();
      await redis?.close();
    });
    for (const path of ['/', '/sdk.js', '/socket.io/socket.io.js'])
      expect((await fetch(new URL(path, host.url))).status).toBe(200);
    const script = `
      import { createClient } from 'roomcast/client';
      const chat = createClient(process.argv[1], { username: 'Ann' });
      const room = await chat.join('tea');
      const heard = new Promise((resolve) => room.on('message', ({ data }) => resolve(data.text)));
      await room.say('heard');
      console.log(await heard);
      chat.close();
    `;
    const said = await run(process.execPath, ['--input-type=module', '-e', script, host.url], {
      cwd: folder,
    });
    expect(said.stdout).toBe('heard\n');
  });

  it('has the types of the SDK', async () => {
    expect(await readFile(installed('dist/client/index.d.ts'), 'utf8')).toContain('createClient');
  });

  it('names each package whose code is in it, with the text of its licence', async () => {
    const notices = await readFile(installed('dist/THIRD-PARTY.txt'), 'utf8');
    const files = await readdir(installed('dist'), { recursive: true });
    const scripts = files.filter((path) => /^[^/]+\.js$/.test(path)).map((path) => join(ROOT, 'dist', path));
    const sources = (await Promise.all(scripts.map(sourcesOf))).flat();
    const wanted = new Set((await Promise.all(sources.map(nameIn))).filter((name) => name !== undefined));
    expect(wanted.size).toBeGreaterThan(50);
    // The page and the SDK for pages have no source maps.
    for (const name of ['preact', 'socket.io-client'])
      wanted.add(await nameAndVersion(`node_modules/${name}`));
    const [, ...parts] = notices.split(/\n-{80}\n/);
    const named = parts.map((part) => part.match(/^\n(\S+ (?:[^\s(]+|\([^)]+\))), [^\n]+\n/)?.[1]);
    expect(named).toEqual(expect.arrayContaining([...wanted]));
    for (const part of parts) expect(part).toMatch(PERMISSION);
  });

  it('has stock clients made of packages that it names', async () => {
    const notices = await readFile(installed('dist/THIRD-PARTY.txt'), 'utf8');
    const folder = installed('dist/page/stock-client');
    const maps = (await readdir(folder)).filter((path) => path.endsWith('.map'));
    const names = new Set<string>();
    for (const map of maps) {
      const { sources } = JSON.parse(await readFile(join(folder, map), 'utf8')) as { sources: string[] };
      // Paths as in the repository of Socket.IO.
      for (const source of sources)
        names.add(source.replace(/^(\.\.\/)+(node_modules\/)?/, '').split('/')[0] ?? '');
    }
    expect(names).toContain('engine.io-client');
    for (const name of names)
      expect(notices).toMatch(new RegExp(`^${NAMES_OF_FOLDERS[name] ?? name} [0-9]`, 'm'));
  });
});
