import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { freePorts } from '../support/ports.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** One list per stage; the first instruction of each is its FROM. */
function stages(dockerfile: string): Instruction[][] {
  const found: Instruction[][] = [];
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter(Boolean);
  for (const line of lines) {
    const [name = '', ...words] = line.split(' ');
    if (name === 'FROM') found.push([]);
    found.at(-1)?.push({ name, rest: words.join(' ') });
  }
  return found;
}

const [build = [], dependencies = [], runtime = []] = stages(read('deploy/Dockerfile'));
const all = [...build, ...dependencies, ...runtime];
const sources = (stage: readonly Instruction[]) =>
  stage
    .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
    .flatMap(({ rest }) => rest.split(' ').slice(0, -1));
const the = (name: string) =>
  runtime.filter((instruction) => instruction.name === name).map(({ rest }) => rest);

describe('the image', () => {
  it('is built by the commands that CI runs: npm ci and the build script', () => {
    expect(build.filter(({ name }) => name === 'RUN').map(({ rest }) => rest)).toEqual([
      'npm ci',
      'npm run build',
    ]);
    expect(scripts).toHaveProperty('build');
  });

  it('is built from the files that its first stage copies', () => {
    const folder = mkdtempSync(join(tmpdir(), 'roomcast-image-'));
    try {
      for (const path of sources(build))
        cpSync(fileURLToPath(new URL(path, ROOT)), join(folder, path), { recursive: true });
      symlinkSync(fileURLToPath(new URL('node_modules', ROOT)), join(folder, 'node_modules'));
      execFileSync(process.execPath, [join(folder, 'deploy', 'build.mjs')], { cwd: folder, stdio: 'pipe' });
      expect(existsSync(join(folder, 'dist', 'main.js'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('has the packages of the lock file that run, and no npm', () => {
    expect(dependencies.filter(({ name }) => name === 'RUN').map(({ rest }) => rest)).toEqual([
      'npm ci --omit=dev',
    ]);
    expect(the('COPY')).toContain('--from=dependencies /app/node_modules node_modules');
    const removed = (the('RUN')[0] ?? '').split(' ');
    expect(removed.slice(0, 2)).toEqual(['rm', '-rf']);
    expect(removed).toEqual(
      expect.arrayContaining([
        '/usr/local/lib/node_modules',
        '/usr/local/bin/npm',
        '/usr/local/bin/npx',
        '/usr/local/bin/corepack',
      ]),
    );
    expect(the('RUN').filter((rest) => /\bnpm (ci|i|install|run)\b/.test(rest))).toEqual([]);
  });

  it('runs what npm start runs, without a shell in between', () => {
    const command: string[] = JSON.parse(the('CMD')[0] ?? '[]');
    expect(command).toEqual(['node', 'dist/main.js', 'start']);
    expect(scripts.start?.endsWith(`exec ${command.join(' ')}`)).toBe(true);
  });

  it('is of the Node that .nvmrc names, to the minor version', () => {
    const [major, minor] = read('.nvmrc').trim().split('.');
    expect(read('deploy/Dockerfile')).toContain(`\nARG NODE_IMAGE=node:${major}.${minor}-bookworm-slim\n`);
    for (const stage of [build, dependencies, runtime])
      expect(stage[0]?.rest.split(' ')[0]).toMatch(/^\$\{NODE_IMAGE\}$/);
  });

  it('does not run as root, and may write its data', () => {
    expect(the('USER')).toEqual(['node']);
    expect(the('VOLUME')).toEqual(['/data']);
    expect(the('RUN')).toContain('install -d -o node -g node /data');
  });

  it('starts with settings that exist, and only warns that everybody can reach it', () => {
    const env = Object.fromEntries(
      the('ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('='))),
    );
    expect(env).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0', DATA_DIR: '/data' });
    const configuration = parseConfiguration(env, { defaultWorkers: 1, terminal: false });
    expect(configuration).toMatchObject({ ok: true, settings: { host: '0.0.0.0', dataDir: '/data' } });
    expect(configuration.ok && configuration.warnings).toHaveLength(1);
  });

  it('exposes the ports of the front door and of workers, not the admin port', () => {
    const ports = (the('EXPOSE')[0] ?? '').split(' ').map((range) => range.split('-').map(Number));
    const exposed = (port: number) => ports.some(([from = 0, to = from]) => port >= from && port <= to);
    expect(exposed(SETTINGS.port.fallback)).toBe(true);
    expect(exposed(SETTINGS.basePort.fallback)).toBe(true);
    expect(exposed(SETTINGS.adminPort.fallback)).toBe(false);
  });

  it('is checked by a program that is in it', () => {
    expect(the('HEALTHCHECK')[0]).toMatch(/CMD \["node", "deploy\/probe\.mjs", "\/healthz"\]$/);
    expect(the('COPY')).toContain('deploy/probe.mjs deploy/');
  });

  it('is made of files that exist and that .dockerignore lets through, and no others', () => {
    const wanted = new Set(sources(all));
    for (const path of wanted) expect(existsSync(new URL(path, ROOT))).toBe(true);
    const [first, ...others] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    expect(others.map((line) => line.replace(/^!/, '')).sort()).toEqual([...wanted].sort());
    for (const line of others) expect(line).toMatch(/^!/);
  });
});

describe('the health check of the image', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  /** Against an admin listener that answers everything but /healthz with 503. */
  async function probe(path: string): Promise<{ code: number; said: string }> {
    const admin = createServer((req, res) => {
      res.writeHead(req.url === '/healthz' ? 200 : 503).end(`answer to ${req.url}`);
    });
    server = admin;
    await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
    const { port } = admin.address() as { port: number };
    return run(path, port);
  }

  function run(path: string, port: number): Promise<{ code: number; said: string }> {
    return new Promise((resolve) => {
      const script = fileURLToPath(new URL('deploy/probe.mjs', ROOT));
      const env = { ...process.env, ADMIN_HOST: '', ADMIN_PORT: String(port) };
      const child = execFile(process.execPath, [script, path], { env }, (_error, said) => {
        resolve({ code: child.exitCode ?? -1, said });
      });
    });
  }

  it('is content with a good answer', async () => {
    expect(await probe('/healthz')).toEqual({ code: 0, said: '200 answer to /healthz\n' });
  });

  it('fails on a bad answer, and shows it', async () => {
    expect(await probe('/readyz')).toEqual({ code: 1, said: '503 answer to /readyz\n' });
  });

  it('fails, and says why, when nobody answers', async () => {
    const port = await freePorts(1);
    const { code, said } = await run('/healthz', port);
    expect(code).toBe(1);
    expect(said).toContain('ECONNREFUSED');
  });
});
