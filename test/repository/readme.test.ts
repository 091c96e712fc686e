import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(`${root}/README.md`, 'utf8');

describe('the README', () => {
  it('lists the settings as they are in the code', () => {
    const rows = Object.values(SETTINGS).map(
      ({ name, shownDefault, meaning }) => `| \`${name}\` | ${shownDefault} | ${meaning} |`,
    );
    expect(readme.match(/^\| `[A-Z0-9_]+` \|.*$/gm)).toEqual(rows);
  });

  it('names every folder of src in its map, and no other', () => {
    const map = /## Folders\n+```\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const named = [...map.matchAll(/^ {2}(\w+)\//gm)].map(([, name]) => name).sort();
    const folders = readdirSync(`${root}/src`, { withFileTypes: true });
    expect(named).toEqual(
      folders
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('points only to files that are there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path as string);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((path) => !existsSync(`${root}/${path}`))).toEqual([]);
  });

  it('gives the two commands first', () => {
    const commands = /```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(commands).toContain('npm ci && npm start');
    expect(commands).toContain('npm cit');
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
