import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLongPress } from '../../../src/page/room/long-press.ts';

const row = {} as HTMLElement;
const at = (clientX: number, clientY: number) => ({ clientX, clientY });
let pressed: HTMLElement[];
const press = () => createLongPress((one) => pressed.push(one));

beforeEach(() => {
  pressed = [];
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

it('is a finger that rests on a row', () => {
  press().start(at(10, 10), row);
  expect(pressed).toEqual([]);
  vi.runAllTimers();
  expect(pressed).toEqual([row]);
});

it('has no tap, which would act on the menu under the finger', () => {
  const finger = press();
  finger.start(at(10, 10), row);
  expect(finger.lift()).toBe(false);
  finger.start(at(10, 10), row);
  vi.runAllTimers();
  expect(finger.lift()).toBe(true);
});

it('is no finger that scrolls, but one that trembles', () => {
  const finger = press();
  finger.start(at(10, 10), row);
  finger.move(at(10, 40));
  vi.runAllTimers();
  expect(pressed).toEqual([]);
  finger.start(at(10, 10), row);
  finger.move(at(14, 13));
  vi.runAllTimers();
  expect(pressed).toEqual([row]);
});

it('is no finger that is lifted', () => {
  const finger = press();
  finger.start(at(10, 10), row);
  finger.cancel();
  vi.runAllTimers();
  expect(pressed).toEqual([]);
});
