import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmallQueue } from '../../../src/server/transport/small-queue.ts';
import { seedOf } from '../../support/seed.ts';

it('a small queue answers as an array does', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(), fc.constant(undefined))), (steps) => {
      const [queue, array] = [new SmallQueue<number>(), [] as number[]];
      for (const pushed of steps) {
        if (pushed === undefined) expect(queue.shift()).toBe(array.shift());
        else expect(queue.push(pushed)).toBe(array.push(pushed));
        expect(queue.length).toBe(array.length);
      }
    }),
    { seed: seedOf(1) },
  );
});
