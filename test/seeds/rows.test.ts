import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const HERE = new URL('.', import.meta.url);
const README = readFileSync(new URL('README.md', HERE), 'utf8');
const ROWS = [...Array.from({ length: 38 }, (_, index) => `${index + 1}`), '6b'];
const DEFECTS = [...'abcdefghi'];

/** What each file's test titles name, such as `row 6b` or `defect (a)`. */
const named = new Map(
  readdirSync(HERE)
    .filter((name) => name.endsWith('.test.ts') && name !== 'rows.test.ts')
    .map((name) => {
      const titles = readFileSync(new URL(name, HERE), 'utf8').match(/'(row|defect) [^']*'/g) ?? [];
      return [name, new Set(titles.flatMap((title) => title.match(/row \d+b?\b|defect \([a-i]\)/g) ?? []))];
    }),
);

/** The files that a line of the table in the README names. */
function listed(first: string): string[] {
  const line = README.split('\n').find((text) => text.startsWith(`| ${first} |`)) ?? '';
  const files = line.split('|').at(-2) ?? '';
  return [...files.matchAll(/`([\w-]+)`/g)].map(([, name]) => `${name}.test.ts`);
}

it.each([
  ...ROWS.map((row) => [row, `row ${row}`]),
  ...DEFECTS.map((defect) => [`(${defect})`, `defect (${defect})`]),
])('%s stands in the README, with just those files that have a test of it', (first, title) => {
  const files = [...named].filter(([, titles]) => titles.has(title as string)).map(([name]) => name);
  expect(files.length).toBeGreaterThan(0);
  expect(listed(first as string).sort()).toEqual(files.sort());
});
