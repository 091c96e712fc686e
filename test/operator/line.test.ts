import { expect, it } from 'vitest';
import { type Area, pathOf, rangeOf, roundTop } from '../../src/operator/line.ts';

const AREA: Area = { width: 100, height: 50, top: 10, from: 1_000, to: 2_000 };

it('a line goes from left to right and up with its values', () => {
  expect(pathOf([1_000, 1_500, 2_000], [0, 10, 5], AREA)).toBe('M0.0 50.0h1L50.0 0.0L100.0 25.0');
});

it('it has a gap where nothing was measured, and shows a lone value', () => {
  expect(pathOf([1_000, 1_200, 1_400, 1_600], [0, null, 10, null], AREA)).toBe('M0.0 50.0h1M40.0 0.0h1');
});

it('it begins at the left edge, and ends at the upper one', () => {
  expect(pathOf([500, 1_000], [5, 20], AREA)).toBe('M0.0 0.0h1');
});

it('its values in words are the newest, the lowest and the highest', () => {
  expect(rangeOf([3, 9, null, 1, 4, null])).toEqual({ now: 4, min: 1, max: 9 });
  expect(rangeOf([null, null])).toBeUndefined();
});

it('the scale ends at a round number that is not below the highest value', () => {
  expect([0, 0.3, 1, 1.2, 4, 7, 10, 11, 999].map(roundTop)).toEqual([1, 0.5, 1, 2, 5, 10, 10, 20, 1_000]);
});
