import { expect, it } from 'vitest';
import { createBackoff } from '../../src/client/backoff.ts';

/** The first six waits of a client whose every chance falls so. */
function waitsOf(chance: number): number[] {
  const backoff = createBackoff({ random: () => chance });
  return Array.from({ length: 6 }, () => backoff.nextMs());
}

it('waits longer each time, at random between half a second and at most five', () => {
  expect(waitsOf(0)).toEqual([500, 500, 500, 500, 500, 500]);
  expect(waitsOf(0.5)).toEqual([750, 1_250, 2_250, 2_750, 2_750, 2_750]);
  expect(waitsOf(1)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
});

it('begins anew once the client has been connected', () => {
  const backoff = createBackoff({ random: () => 1 });
  for (let n = 0; n < 5; n += 1) backoff.nextMs();
  backoff.reset();
  expect(backoff.nextMs()).toBe(1_000);
});
