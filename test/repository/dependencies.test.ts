import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/**
 * The known faults of packages that npm installs here. `fixed` has the first good version of each line that got one: later
 * lines are good, earlier ones are not.
 */
const ADVISORIES = [
  // Input of clients reaches these.
  { name: 'ws', fixed: ['7.5.11', '8.21.1'], advisory: 'CVE-2026-48779, CVE-2026-62389' },
  { name: 'engine.io', fixed: ['6.6.7'], advisory: 'CVE-2022-21676, CVE-2026-59725' },
  { name: 'socket.io', fixed: ['4.6.2'], advisory: 'CVE-2024-38355' },
  { name: 'socket.io-parser', fixed: ['3.3.6', '4.2.7'], advisory: 'CVE-2026-33151, CVE-2026-69185' },
  { name: 'fastify', fixed: ['5.12.3'], advisory: 'CVE-2026-25223, CVE-2026-33806, CVE-2026-3635' },
  { name: 'find-my-way', fixed: ['9.7.0'], advisory: 'CVE-2024-45813, CVE-2026-47219' },
  { name: 'fast-uri', fixed: ['3.1.7', '4.1.4'], advisory: 'GHSA-q3j6-qgpj-74h6, GHSA-v39h-62p7-jpjc' },
  { name: 'cookie', fixed: ['0.7.0'], advisory: 'CVE-2024-47764' },
  { name: 'jose', fixed: ['4.15.5'], advisory: 'CVE-2024-28176' },
  { name: 'msgpackr', fixed: ['1.10.1'], advisory: 'CVE-2023-52079' },
  // These come with the page and the SDK.
  { name: 'preact', fixed: ['10.28.2'], advisory: 'CVE-2026-22028' },
  { name: 'xmlhttprequest-ssl', fixed: ['1.6.2'], advisory: 'CVE-2020-28502, CVE-2021-31597' },
  // These build and test.
  { name: 'esbuild', fixed: ['0.28.1'], advisory: 'GHSA-67mh-4wv8-2f99, GHSA-gv7w-rqvm-qjhr' },
  { name: 'vite', fixed: ['8.0.16'], advisory: 'GHSA-fx2h-pf6j-xcff' },
  { name: 'vitest', fixed: ['4.1.11'], advisory: 'CVE-2026-47429' },
  { name: '@vitest/mocker', fixed: ['4.1.11'], advisory: 'CVE-2026-84373' },
  { name: 'nanoid', fixed: ['3.3.17'], advisory: 'GHSA-2v37-7h3g-55p8' },
  { name: 'js-yaml', fixed: ['4.1.1'], advisory: 'CVE-2025-64718' },
] as const;

interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
}

const { packages }: { packages: Record<string, Locked> } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
);
const installed = Object.entries(packages)
  .filter(([path]) => path !== '')
  .map(([path, locked]) => ({ path, name: path.split('node_modules/').at(-1) ?? '', ...locked }));

function numbers(version: string): [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return [major, minor, patch];
}

function isFixed(version: string, fixed: readonly string[]): boolean {
  const [major, minor, patch] = numbers(version);
  const lines = fixed.map(numbers);
  const line = lines.find(([of]) => of === major);
  if (!line) return lines.every(([of]) => of < major);
  return minor > line[1] || (minor === line[1] && patch >= line[2]);
}

describe('a version', () => {
  it.each([
    ['8.21.0', ['7.5.11', '8.21.1'], false],
    ['8.21.1', ['7.5.11', '8.21.1'], true],
    ['8.22.0', ['7.5.11', '8.21.1'], true],
    ['7.5.10', ['7.5.11', '8.21.1'], false],
    ['6.9.9', ['7.5.11', '8.21.1'], false],
    ['9.0.0', ['7.5.11', '8.21.1'], true],
    ['0.28.0', ['0.28.1'], false],
  ])('%s, if fixed in %j, counts as fixed: %s', (version, fixed, is) => {
    expect(isFixed(version, fixed)).toBe(is);
  });
});

describe('the lock file', () => {
  it.each(ADVISORIES)('has $name after the fix of $advisory', ({ name, fixed }) => {
    const found = installed.filter((one) => one.name === name);
    expect(found).not.toEqual([]);
    expect(found.filter(({ version }) => !isFixed(version, fixed))).toEqual([]);
  });

  it('takes every package from a registry, as it was when it was locked', () => {
    const others = installed.filter(
      ({ resolved = 'https:', integrity }) =>
        !resolved.startsWith('https:') || !integrity?.startsWith('sha512-'),
    );
    expect(others.map(({ path }) => path)).toEqual([]);
  });
});
