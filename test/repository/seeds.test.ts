import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { seedOf } from '../support/seed.ts';

afterEach(() => vi.unstubAllEnvs());

const TESTS = fileURLToPath(new URL('..', import.meta.url));

it('every property is tried on a seed that the test gives', () => {
  const unseeded = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'repository/seeds.test.ts')
    .filter((name) => {
      const text = readFileSync(`${TESTS}/${name}`, 'utf8');
      return /\bfc\.(assert|check)\(/.test(text) && !/\bseed(: seedOf\(|[,:} ])/.test(text);
    });
  expect(unseeded).toEqual([]);
});

it('a seed is the committed one, a new one if none is committed, and whatever PROPERTY_SEED asks for', () => {
  const asking = (asked: string | undefined, committed?: number) => {
    vi.stubEnv('PROPERTY_SEED', asked);
    return seedOf(committed);
  };
  expect(asking(undefined, 7)).toBe(7);
  expect(asking('12', 7)).toBe(12);
  expect(asking('12')).toBe(12);
  expect(asking(undefined)).not.toBe(asking(undefined));
  expect(asking('random', 7)).not.toBe(asking('random', 7));
  expect(() => asking('seven', 7)).toThrow('PROPERTY_SEED');
});
