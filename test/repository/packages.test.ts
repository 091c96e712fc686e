import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function packed(path: string): string[] {
  const pack = spawnSync('npm', ['pack', path, '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1_024 * 1_024,
  });
  const [{ files }] = JSON.parse(pack.stdout) as [{ files: { path: string }[] }];
  return files.map((file) => file.path);
}

function sourcesIn(map: string): number {
  const { sourcesContent = [] } = JSON.parse(readFileSync(map, 'utf8')) as { sourcesContent?: unknown[] };
  return sourcesContent.filter((source) => typeof source === 'string').length;
}

/** The kinds of files in the package of the server. Names of bundles carry a hash. */
const SERVER = [
  /^(LICENSE|README\.md|package\.json|deploy\/(operator|page)\.png)$/,
  /^(deploy|nginx|src|test)\/([a-z0-9-]+\/)*README\.md$/,
  /^nginx\/([a-z]+\/)*[a-z]+\.conf$/,
  /^dist\/THIRD-PARTY\.txt$/,
  /^dist\/([a-z-]+\/)*[a-z-]+(-[A-Z0-9]{8})?\.js(\.map)?$/,
  /^dist\/backend\/([a-z]+\/)+[a-z-]+\.lua$/,
  // Pages, precompressed.
  /^dist\/[a-z]+\/([a-z-]+\/)*[\w.-]+\.(html|js|css|svg|png|ico|woff2|webmanifest)(\.br|\.gz|\.map)?$/,
  /^dist\/client\/(LICENSE|README\.md|package\.json|index\.js|index\.js\.map)$/,
  /^dist\/client\/types\/(client|protocol)\/[a-z-]+\.d\.ts$/,
];

describe('the package of the server', () => {
  const files = packed('.');

  it('has the programs, their documents and configuration, and neither tests nor what the build leaves behind', () => {
    expect(files.filter((path) => !SERVER.some((kind) => kind.test(path)))).toEqual([]);
    expect(SERVER.filter((kind) => !files.some((path) => kind.test(path)))).toEqual([]);
  });

  it('has maps without the sources', () => {
    const maps = files.filter((path) => path.endsWith('.js.map') && !/^dist\/(client|page)\//.test(path));
    expect(maps.length).toBeGreaterThan(10);
    expect(maps.filter((path) => sourcesIn(join(root, path)) > 0)).toEqual([]);
  });
});

describe('the package of the SDK', () => {
  const folder = join(root, 'dist', 'client');
  const files = packed('./dist/client');

  it('has one module with its map, its types, and its documents', () => {
    const types = readdirSync(join(folder, 'types'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.d.ts'))
      .map((path) => `types/${path.replaceAll('\\', '/')}`);
    const others = ['LICENSE', 'README.md', 'index.js', 'index.js.map', 'package.json'];
    expect([...files].sort()).toEqual([...others, ...types].sort());
    expect(types).toContain('types/client/index.d.ts');
  });

  it('depends on socket.io-client alone', () => {
    const whole = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const { name, version, type, sideEffects, dependencies } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    expect({ name, version, type, sideEffects, dependencies }).toEqual({
      name: 'roomcast-client',
      version: whole.version,
      type: 'module',
      sideEffects: false,
      dependencies: { 'socket.io-client': `^${whole.dependencies['socket.io-client']}` },
    });
    for (const path of files.filter((one) => /\.(js|d\.ts)$/.test(one))) {
      const imports = readFileSync(join(folder, path), 'utf8').matchAll(
        /^(?:import|export)\b.* from ["']([^."'][^"']*)["']/gm,
      );
      expect([
        path,
        [...imports].map(([, from]) => from).filter((from) => from !== 'socket.io-client'),
      ]).toEqual([path, []]);
    }
  });

  it('has its sources in its map', () => {
    expect(sourcesIn(join(folder, 'index.js.map'))).toBeGreaterThan(40);
  });

  it('has a manual whose links lead to files of the package', () => {
    const manual = readFileSync(join(folder, 'README.md'), 'utf8');
    const links = [...manual.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path ?? '');
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((path) => !path.startsWith('https:') && !files.includes(path))).toEqual([]);
  });
});

it('the SDK for pages stays within 27,000 bytes of brotli, socket.io-client among them', () => {
  expect(statSync(join(root, 'dist', 'page', 'sdk.js.br')).size).toBeLessThanOrEqual(27_000);
});
