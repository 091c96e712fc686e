import { describe, expect, it } from 'vitest';
import { CASES } from '../bench/cases/all.ts';
import { BACKGROUND } from '../bench/cases/background.ts';
import { smoke } from '../bench/smoke.ts';

describe('each benchmark, tiny', () => {
  for (const one of CASES.filter((each) => each !== BACKGROUND)) {
    it(`starts every system of ${one.name} and misses no message`, async () => {
      await smoke(one);
    });
  }

  it('asks no more of Redis for each of 50 workers at rest than for each of 10', async () => {
    const [few, many] = await smoke(BACKGROUND);
    for (const value of ['workerCommandsPerS', 'workerOutputBytesPerS']) {
      const [ofFew, ofMany] = [few, many].map((row) => row?.values[value]?.median ?? 0);
      expect(ofFew, value).toBeGreaterThan(0);
      expect(ofMany, value).toBeLessThan(1.5 * (ofFew ?? 0));
    }
  });
});
