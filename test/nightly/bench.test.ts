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

  it('sends no more commands to Redis for each of 50 workers at rest than for each of 10', async () => {
    const [few, many] = await smoke(BACKGROUND);
    const commands = [few, many].map((row) => row?.values.workerCommandsPerS?.median ?? 0);
    const [ofFew = 0, ofMany = 0] = commands;
    expect(ofFew).toBeGreaterThan(0);
    expect(ofMany).toBeLessThan(1.5 * ofFew);
  });
});
