import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { casesOf, seedOf } from '../support/seed.ts';

afterEach(() => vi.unstubAllEnvs());

const TESTS = fileURLToPath(new URL('..', import.meta.url));

it('every property is tried on a seed that the test gives', () => {
  const unseeded = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'repository/seeds.test.ts')
    .filter((name) => seededIn(readFileSync(`${TESTS}/${name}`, 'utf8')).includes(false));
  expect(unseeded).toEqual([]);
});

it('a run of a property has a seed only if its own parameters name one', () => {
  expect(seededIn('fc.assert(p, { seed: seedOf(1) }); await fc.check(p(1), { runs, seed }, );')).toEqual([
    true,
    true,
  ]);
  expect(seededIn('const seed = 1; fc.assert(p); // { seed: seedOf(1) }')).toEqual([false]);
  expect(
    seededIn('fc.assert(p, { runs /* , seed */ }); fc.assert(p({ seed })); fc.check(q, { seed });'),
  ).toEqual([false, false, true]);
});

/** Returns for each run of a property in a source text whether its last argument is an object with a seed. */
function seededIn(text: string): boolean[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*/g, '');
  return Array.from(code.matchAll(/\bfc\.(?:assert|check)\(/g), ({ index, 0: call }) => {
    const start = index + call.length;
    let end = start;
    for (let depth = 1; depth > 0 && end < code.length; end += 1)
      depth += code[end] === '(' ? 1 : code[end] === ')' ? -1 : 0;
    return /,\s*\{[^{}]*\bseed\b[^{}]*\}[,\s]*$/.test(code.slice(start, end - 1));
  });
}

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

it('the cases are the committed ones, or the one that PROPERTY_SEED and PROPERTY_PATH name', () => {
  const committed = [{ seed: 7 }, { seed: 8, path: '3' }];
  vi.stubEnv('PROPERTY_SEED', undefined);
  expect(casesOf(committed)).toEqual(committed);
  expect(casesOf()).toHaveLength(1);
  vi.stubEnv('PROPERTY_SEED', '9');
  expect(casesOf(committed)).toEqual([{ seed: 9 }]);
  vi.stubEnv('PROPERTY_PATH', '4:0');
  expect(casesOf(committed)).toEqual([{ seed: 9, path: '4:0' }]);
});
