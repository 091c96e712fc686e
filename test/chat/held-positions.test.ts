import { expect, it } from 'vitest';
import { isHeld, PREVIOUS_EPOCHS_KEPT } from '../../src/chat/held-positions.ts';
import { range } from '../contract/peers.ts';

const epochs = (count: number) => range(1, count).map((n) => ({ epoch: `e${n}`, upTo: 10 * n }));
const held = (count: number, epoch: string | undefined, seq: number) =>
  isHeld({ epoch: 'now', previousEpochs: epochs(count) }, { epoch, seq });

it('a position is held in its own epoch, in an earlier one up to where that reaches, and in no other', () => {
  expect([held(2, 'now', 99), held(2, 'e1', 10), held(2, 'e1', 11), held(2, 'e2', 11)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect([held(2, 'erased', 1), held(0, 'erased', 1)]).toEqual([false, false]);
});

it('a position without an epoch is held, as it was before epochs were noted', () => {
  expect(held(0, undefined, 1)).toBe(true);
});

it('an epoch that may be older than all that are kept is held up to the oldest of them', () => {
  expect([held(PREVIOUS_EPOCHS_KEPT, 'old', 10), held(PREVIOUS_EPOCHS_KEPT, 'old', 11)]).toEqual([
    true,
    false,
  ]);
  expect(held(PREVIOUS_EPOCHS_KEPT - 1, 'old', 10)).toBe(false);
});
