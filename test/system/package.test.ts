import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { sourcesOf } from '../support/bundle.ts';
import { startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { exampleOf } from '../support/manual.ts';
import { openRedis } from '../support/redis-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
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

/** A folder in which the packed SDK is installed with socket.io-client, and no other package. */
let sdkFolder: string;

/** A folder in which the packed package is installed with the packages in `dependencies`, and no other. */
let folder: string;
const installed = (path: string) => join(folder, 'node_modules', 'roomcast', path);

/** Packs a package and installs it in the folder with links to what it needs, so that no registry is asked. */
async function install(path: string, into: string, name: string, needed: readonly string[]): Promise<void> {
  const { stdout } = await run(
    'npm',
    ['pack', path, '--json', '--ignore-scripts', '--pack-destination', into],
    {
      cwd: ROOT,
      maxBuffer: 16 * 1_024 * 1_024,
    },
  );
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const target = join(into, 'node_modules', name);
  await mkdir(target, { recursive: true });
  await run('tar', ['-xf', join(into, filename), '-C', target, '--strip-components=1']);
  for (const one of needed) await symlink(join(ROOT, 'node_modules', one), join(into, 'node_modules', one));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-package-'));
  await install('.', folder, 'roomcast', Object.keys(dependencies));
  sdkFolder = await mkdtemp(join(tmpdir(), 'roomcast-sdk-'));
  await writeFile(join(sdkFolder, 'package.json'), '{"type":"module"}');
  await install('./dist/client', sdkFolder, 'roomcast-client', ['socket.io-client']);
});
afterAll(async () => {
  for (const made of [folder, sdkFolder]) await rm(made, { recursive: true, force: true });
});

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
    if (mode === 'embedded') await tryBot(host.url);
  });

  /** Runs the bot of the manual as a program of its own, with the SDK's package alone. */
  async function tryBot(url: string): Promise<void> {
    const file = join(sdkFolder, 'bot.mjs');
    await writeFile(file, exampleOf('bot.mjs', url));
    const bot = spawn(process.execPath, [file], { cwd: sdkFolder, stdio: 'inherit' });
    const ended = once(bot, 'exit');
    const ann = createClient(url, { userId: 'ann', username: 'Ann' });
    try {
      const room = await ann.join('tea');
      const heard: string[] = [];
      room.on('message', ({ data, replyTo }) => heard.push(`${replyTo} ${data.username}: ${data.text}`));
      room.on('reacted', ({ ref, data }) => heard.push(`${ref} ${data.reaction}`));
      await eventually(async () => {
        const { members } = await room.memberPage();
        expect(members.map(({ userId }) => userId)).toContain('teabot');
      });
      const { seq } = await room.say('!tea please');
      await eventually(() => expect(heard.slice(-2)).toEqual([`${seq} Tea bot: A cup for Ann`, `${seq} 🍵`]));
    } finally {
      ann.close();
      bot.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  }

  it('has a package of the SDK in it, whose types are complete without any other package but socket.io-client', async () => {
    const consumer = `
      import { createClient, type PayloadInput } from 'roomcast-client';
      const chat = createClient('http://127.0.0.1');
      export const said: Promise<{ readonly seq: number }> = chat.join('tea').then((room) => room.say('x'));
      // @ts-expect-error: the payload is known, so it does not take anything.
      export const wrong: PayloadInput<'say'> = { text: 5 };
    `;
    await writeFile(join(sdkFolder, 'consumer.ts'), consumer);
    await writeFile(join(sdkFolder, 'stock.ts'), exampleOf('stock.ts', 'http://127.0.0.1:3000'));
    for (const resolution of ['NodeNext', 'Bundler']) {
      const module = resolution === 'Bundler' ? 'ESNext' : resolution;
      const options = ['--moduleResolution', resolution, '--module', module, '--lib', 'ES2022,DOM'];
      const flags = [...options, '--noEmit', '--strict', '--target', 'ES2022', '--types', ''];
      const compiled = await run(process.execPath, [TSC, ...flags, 'consumer.ts', 'stock.ts'], {
        cwd: sdkFolder,
      }).catch((error: { stdout: string }) => error);
      expect(compiled.stdout).toBe('');
    }
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
