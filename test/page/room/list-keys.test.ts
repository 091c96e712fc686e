import { expect, it } from 'vitest';
import { type Key, listCommand } from '../../../src/page/room/list-keys.ts';

const press = (key: string, more: Partial<Key> = {}): Key => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

it.each([
  ['ArrowUp', 4],
  ['ArrowDown', 6],
  ['PageUp', 0],
  ['PageDown', 15],
  ['Home', 0],
  ['End', 19],
])('%s moves from row 5 of 20 to row %i', (key, row) => {
  expect(listCommand(press(key), 5, 20)).toEqual({ move: row });
});

it('stays within the list', () => {
  expect(listCommand(press('ArrowUp'), 0, 20)).toEqual({ move: 0 });
  expect(listCommand(press('ArrowDown'), 19, 20)).toEqual({ move: 19 });
  expect(listCommand(press('ArrowDown'), 0, 0)).toBeUndefined();
});

it('opens the menu with Enter, the menu key and Shift+F10', () => {
  for (const pressed of [press('Enter'), press('ContextMenu'), press('F10', { shiftKey: true })]) {
    expect(listCommand(pressed, 0, 1)).toEqual({ open: 'menu' });
  }
});

it('replies, edits, copies and deletes with a letter or Delete, and goes to the field with Escape', () => {
  expect(listCommand(press('r'), 0, 1)).toEqual({ act: 'reply' });
  expect(listCommand(press('e'), 0, 1)).toEqual({ act: 'edit' });
  expect(listCommand(press('c'), 0, 1)).toEqual({ act: 'copy' });
  expect(listCommand(press('Delete'), 0, 1)).toEqual({ act: 'delete' });
  expect(listCommand(press('Escape'), 0, 1)).toEqual({ leave: 'composer' });
});

it('leaves the browser its own keys', () => {
  for (const pressed of [
    press('c', { ctrlKey: true }),
    press('r', { metaKey: true }),
    press('ArrowLeft', { altKey: true }),
    press('Tab'),
    press('F10'),
    press('x'),
  ]) {
    expect(listCommand(pressed, 0, 1)).toBeUndefined();
  }
});
