import { describe, expect, it } from 'vitest';
import { ALL_FAULTS, runAll } from '../faults/all.ts';
import { seedOf } from '../support/seed.ts';

/** Every night other faults; PROPERTY_SEED repeats them. */
const SEED = seedOf();

describe(`faults of seed ${SEED}, each on a stage of its own`, () => {
  it.each(ALL_FAULTS.map(({ name, title }) => [title, name]))(
    '%s: nothing is lost unnoticed, repeated, swapped or leaked, and rooms flow again in time',
    { timeout: 600_000 },
    async (_title, name) => {
      const lines: string[] = [];
      const say = (line: string) => void lines.push(line);
      const clean = await runAll({ seed: SEED, only: [name], stock: false, readme: false, say });
      expect(clean, lines.join('\n')).toBe(true);
    },
  );
});
