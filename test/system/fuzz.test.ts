import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fuzz } from '../fuzz/campaign.ts';
import { SURFACES } from '../fuzz/surfaces.ts';
import { openTarget, type Target } from '../fuzz/target.ts';
import { seedOf } from '../support/seed.ts';

const SEED = seedOf(1);
/** About as much as two seconds take; `npm run fuzz` goes on. */
const BATCHES = 8;
const LIMIT_MS = 60_000;

describe('random input', () => {
  let target: Target;
  const lines: string[] = [];

  beforeAll(async () => {
    target = await openTarget('embedded');
  });
  afterAll(() => target?.close());

  it.each(SURFACES.filter(({ mode }) => mode !== 'cluster'))(
    'of $name crashes no worker, costs honest clients nothing and is refused with a known code',
    async (surface) => {
      const say = (line: string) => lines.push(line);
      const found = await fuzz(surface, target, { seed: SEED, batches: BATCHES, limitMs: LIMIT_MS, say });
      expect(found, lines.join('\n')).toBeUndefined();
    },
  );
});
