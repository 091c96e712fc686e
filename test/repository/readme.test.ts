import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LIMIT_SETTINGS } from '../../src/config/limit-settings.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import * as numbers from '../../src/protocol/limits.ts';
import { PAYLOADS } from '../../src/protocol/payloads.ts';
import { createRoutes } from '../../src/server/http/route-table.ts';
import { TABLE } from '../faults/all.ts';
import { SUITES } from '../suites.ts';
import { LAYERS } from './layers.ts';
import { LIMITS, limitRows } from './limits-table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readmes = [
  'README.md',
  ...['src', 'nginx', 'deploy', 'test'].flatMap((folder) => readmesBelow(folder)),
];

function readmesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => name === 'README.md' && !parentPath.includes('.artifacts'))
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length));
}

interface Link {
  /** From the root of the repository. */
  readonly path: string;
  readonly heading?: string;
}

function linksOf(readme: string): Link[] {
  return [...read(readme).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, target, heading]) => ({
    path: target ? join(dirname(readme), target) : readme,
    heading,
  }));
}

/** As GitHub makes the anchors of headings. */
function anchorsOf(markdown: string): string[] {
  return [...read(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function leadsSomewhere({ path, heading }: Link): boolean {
  return existsSync(join(root, path)) && (heading === undefined || anchorsOf(path).includes(heading));
}

describe('the top README', () => {
  const readme = read('README.md');

  it('is read in a few minutes: 900 words at most', () => {
    expect(readme.split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(900);
  });

  it('gives the two commands first', () => {
    const commands = /```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(commands).toContain('npm ci && npm start');
    expect(commands).toContain('npm cit');
  });

  it('leads to files that the npm package has, too', () => {
    const pack = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [{ files }] = JSON.parse(pack.stdout) as [{ files: { path: string }[] }];
    const packed = files.map(({ path }) => path);
    expect(linksOf('README.md').filter(({ path }) => !packed.includes(path))).toEqual([]);
  }, 60_000);

  it('has a picture of 120 KB at most', () => {
    const pictures = linksOf('README.md').filter(({ path }) => path.endsWith('.png'));
    expect(pictures).toHaveLength(1);
    for (const { path } of pictures) expect(statSync(join(root, path)).size).toBeLessThanOrEqual(120 * 1024);
  });
});

describe('the READMEs', () => {
  it.each(readmes)('%s points only to files and headings that are there', (readme) => {
    expect(linksOf(readme).filter((link) => !leadsSomewhere(link))).toEqual([]);
  });

  it('can each be reached from the top one', () => {
    const reached = new Set(['README.md']);
    for (const readme of reached)
      for (const { path } of linksOf(readme)) if (path.endsWith('README.md')) reached.add(path);
    expect(readmes.filter((readme) => !reached.has(readme))).toEqual([]);
  });
});

describe('the README of deploy/', () => {
  it('lists the settings as they are in the code', () => {
    const rows = Object.values(SETTINGS).map(
      ({ name, shownDefault, meaning }) => `| \`${name}\` | ${shownDefault} | ${meaning} |`,
    );
    expect(read('deploy/README.md').match(/^\| `[A-Z0-9_]+` \|.*$/gm)).toEqual(rows);
  });

  it('lists the limits as they are in the code', () => {
    const section = read('deploy/README.md').split('## Limits\n')[1]?.split('\n## ')[0] ?? '';
    expect(section.match(/^\| .*$/gm)?.slice(1)).toEqual(limitRows());
  });

  it('lists every limit of the protocol, and every setting of one', () => {
    const listed = Object.values(LIMITS).map(({ most }) => most);
    const named = [
      ...Object.keys(numbers).filter((name) => name.startsWith('MAX_')),
      ...Object.keys(LIMIT_SETTINGS),
    ];
    expect(named.filter((name) => !listed.includes(name as never))).toEqual([]);
  });
});

describe('the README of src/protocol/', () => {
  const text = read('src/protocol/README.md');
  const rowsOf = (heading: string) =>
    [...(text.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| (`.*?) \|/gm)].map(
      ([, cell = '']) => cell,
    );

  it('lists every event that a client may send', () => {
    const named = rowsOf('What a client sends').map((cell) => /^`([\w:]+)/.exec(cell)?.[1]);
    expect(named.sort()).toEqual(Object.keys(PAYLOADS).sort());
  });

  it('lists every event that a client may get', () => {
    const declared =
      /interface ServerToClient \{([\s\S]*?)\n\}/.exec(read('src/protocol/events.ts'))?.[1] ?? '';
    const events = [...declared.matchAll(/^ {2}'?([\w: ]+?)'?: \(/gm)].map(([, name]) => name);
    const named = rowsOf('What a client hears').flatMap((cell) =>
      [...cell.matchAll(/`([\w:]+(?: message)?)/g)].map(([, name]) => name),
    );
    expect(events.length).toBeGreaterThan(20);
    expect(named.sort()).toEqual(events.sort());
  });

  it('lists every route of the HTTP API', () => {
    const routes = createRoutes({ version: '1' });
    expect(rowsOf('HTTP API').sort()).toEqual(
      routes.map(({ method, path }) => `\`${method} ${path}\``).sort(),
    );
  });
});

describe('the README of test/', () => {
  const text = read('test/README.md');

  it('lists the suites', () => {
    const section = text.split('| suite |')[1]?.split('\n\n')[0] ?? '';
    const named = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(SUITES.map(({ name }) => name).sort());
  });

  it('has a line for every fault that npm run faults plays', () => {
    const table = /<!-- faults -->([\s\S]*?)<!-- \/faults -->/.exec(text)?.[1] ?? '';
    const named = [...table.matchAll(/^\| (.*?) \|/gm)].map(([, title]) => title);
    const titles = TABLE.map(({ title }) => title);
    expect(named).toEqual(['fault', '---', ...titles]);
  });
});

describe('the README of src/', () => {
  it('names every folder of src in its map, and no other', () => {
    const map = /## Folders\n+```\n([\s\S]*?)```/.exec(read('src/README.md'))?.[1] ?? '';
    const named = [...map.matchAll(/^ {2}([\w-]+)\//gm)].map(([, name]) => name).sort();
    const folders = readdirSync(`${root}/src`, { withFileTypes: true });
    expect(named).toEqual(
      folders
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort(),
    );
  });
});

describe('the README of a folder of src', () => {
  const importing = readmes.flatMap((path) => {
    const line = /^May import: .*$/m.exec(read(path))?.[0];
    return line === undefined ? [] : [{ folder: dirname(path).replace(/^src\//, ''), line }];
  });

  it('is there for every folder with files', () => {
    const folders = readdirSync(`${root}/src`, { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(
      folders.map(({ name }) => `src/${name}/README.md`).filter((path) => !readmes.includes(path)),
    ).toEqual([]);
    expect(importing.length).toBeGreaterThan(9);
  });

  it.each(importing)('says of $folder what the layers let it import', ({ folder, line }) => {
    const named = [...(line.split('. ')[0]?.matchAll(/`([^`]+)`/g) ?? [])].map(([, name]) => name);
    expect(named).toEqual(LAYERS[folder]);
  });
});

describe('the top level', () => {
  it('shows exactly what it should', () => {
    const visible = readdirSync(root).filter((name) => !name.startsWith('.'));
    const made = new Set(['node_modules', 'dist', 'data', 'coverage']);
    expect(visible.filter((name) => !made.has(name)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'deploy',
      'docker-compose.yml',
      'nginx',
      'package-lock.json',
      'package.json',
      'src',
      'test',
      'tsconfig.json',
    ]);
  });
});
