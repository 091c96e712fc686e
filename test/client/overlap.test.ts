import { expect, it } from 'vitest';
import { createOverlap, type ServerEvent } from '../../src/client/overlap.ts';

const join = (userId: string): ServerEvent => [
  'message',
  [{ event: 'join', roomid: 'tea', data: { userId } }],
];
const entry: ServerEvent = ['message', [{ event: 'broadcast_say', roomid: 'tea', epoch: 'e1', seq: 3 }]];

it('gives an event that both connections brought once, whichever was first', () => {
  const overlap = createOverlap();
  overlap.passed(join('ann'));
  overlap.hold(join('ann'));
  overlap.hold(join('bob'));
  overlap.passed(join('bob'));
  overlap.hold(join('cat'));
  expect(overlap.held()).toEqual([join('cat')]);
});

it('knows an event that the second connection brings after it took over, as often as the first one brought it', () => {
  const overlap = createOverlap();
  overlap.passed(join('ann'));
  overlap.passed(join('ann'));
  overlap.hold(join('ann'));
  expect([join('ann'), join('ann'), join('bob')].map(overlap.isRepeat)).toEqual([true, false, false]);
});

it('keeps the held events in their order', () => {
  const overlap = createOverlap();
  for (const event of [join('ann'), entry, join('bob'), join('ann')]) overlap.hold(event);
  overlap.passed(join('bob'));
  expect(overlap.held()).toEqual([join('ann'), entry, join('ann')]);
});

it.each(['hold', 'passed'] as const)(
  'is full after ten thousand events that only one connection brought: %s',
  (how) => {
    const overlap = createOverlap();
    for (let n = 0; n < 10_000; n += 1) overlap[how](join(`u${n}`));
    expect(overlap.isFull()).toBe(false);
    overlap[how](join('ann'));
    expect(overlap.isFull()).toBe(true);
  },
);

it('leaves the entries of rooms alone', () => {
  const overlap = createOverlap();
  overlap.passed(entry);
  overlap.hold(entry);
  expect(overlap.held()).toEqual([entry]);
  expect(overlap.isRepeat(entry)).toBe(false);
});
