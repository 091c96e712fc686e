import { describe, expect, it } from 'vitest';
import { fuzz } from '../fuzz/campaign.ts';
import { SURFACES } from '../fuzz/surfaces.ts';
import { openTarget } from '../fuzz/target.ts';
import { seedOf } from '../support/seed.ts';

/** Every night other inputs; a failure prints the command that repeats it. PROPERTY_SEED repeats all of them. */
const SEED = seedOf();
const LIMIT_MS = 60_000;

describe(`random input of seed ${SEED}, 60 s each`, () => {
  it.each(SURFACES)(
    'of $name crashes no worker, costs honest clients nothing and is refused with a known code',
    { timeout: 10 * LIMIT_MS },
    async (surface) => {
      const lines: string[] = [];
      const target = await openTarget(surface.mode ?? 'embedded');
      try {
        const say = (line: string) => void lines.push(line);
        const found = await fuzz(surface, target, { seed: SEED, limitMs: LIMIT_MS, say });
        expect(found, lines.join('\n')).toBeUndefined();
      } finally {
        await target.close();
      }
    },
  );
});
