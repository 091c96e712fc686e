import { describe, it } from 'vitest';
import { CASES } from '../bench/cases/all.ts';
import { smoke } from '../bench/smoke.ts';

describe('each benchmark, tiny', () => {
  for (const one of CASES) {
    it(`starts every system of ${one.name} and misses no message`, () => smoke(one));
  }
});
