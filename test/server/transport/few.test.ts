import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FewMap } from '../../../src/server/transport/few-map.ts';
import { FewQueue } from '../../../src/server/transport/few-queue.ts';
import { FewSet } from '../../../src/server/transport/few-set.ts';

const key = fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`);
const step = fc.record({
  does: fc.constantFrom('add', 'add', 'add', 'delete', 'clear'),
  key,
  value: fc.nat(),
});
const steps = fc.array(step, { maxLength: 60 });

describe('a map that most often has one entry', () => {
  it('answers as a Map does, after whatever was done to it', () => {
    fc.assert(
      fc.property(steps, (done) => {
        const [few, map] = [new FewMap<string, number>(), new Map<string, number>()];
        for (const { does, key: at, value } of done) {
          if (does === 'add') expect(few.set(at, value).get(at)).toBe(map.set(at, value).get(at));
          else if (does === 'delete') expect(few.delete(at)).toBe(map.delete(at));
          else if (map.size > 8) [few, map].forEach((each) => void each.clear());
          expect([...few]).toEqual([...map]);
          expect([few.size, few.has(at), few.get(at)]).toEqual([map.size, map.has(at), map.get(at)]);
          expect([[...few.keys()], [...few.values()]]).toEqual([[...map.keys()], [...map.values()]]);
        }
        const seen: unknown[] = [];
        few.forEach((value, at) => void seen.push([at, value]));
        expect(seen).toEqual([...map]);
      }),
    );
  });

  it('is gone through to the end although its entries delete themselves meanwhile', () => {
    const few = new FewMap<string, number>().set('a', 1).set('b', 2).set('c', 3);
    const seen: number[] = [];
    for (const [at, value] of few) {
      few.delete(at);
      seen.push(value);
    }
    expect([seen, few.size]).toEqual([[1, 2, 3], 0]);
  });
});

describe('a set that most often has few members', () => {
  it('answers as a Set does, after whatever was done to it', () => {
    fc.assert(
      fc.property(steps, (done) => {
        const [few, set] = [new FewSet<string>(), new Set<string>()];
        for (const { does, key: member } of done) {
          if (does === 'add') [few, set].forEach((each) => void each.add(member));
          else if (does === 'delete') expect(few.delete(member)).toBe(set.delete(member));
          else if (set.size > 8) [few, set].forEach((each) => void each.clear());
          expect([...few]).toEqual([...set]);
          expect([few.size, few.has(member)]).toEqual([set.size, set.has(member)]);
          expect([[...few.keys()], [...few.entries()]]).toEqual([[...set.keys()], [...set.entries()]]);
        }
        const seen: string[] = [];
        few.forEach((member) => void seen.push(member));
        expect(seen).toEqual([...set]);
      }),
    );
  });
});

describe('a queue that most often has one element', () => {
  it('answers as an array does', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: null }), { maxLength: 5 }), steps, (begun, done) => {
        const [few, list] = [FewQueue.from(begun), [...begun]];
        for (const { does, value } of done) {
          if (does === 'add') expect(few.push(value)).toBe(list.push(value));
          else expect(few.shift()).toBe(list.shift());
          expect(few.length).toBe(list.length);
        }
      }),
    );
  });
});
