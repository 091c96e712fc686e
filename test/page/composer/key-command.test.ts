import { describe, expect, it } from 'vitest';
import { type Field, type Key, keyCommand } from '../../../src/page/composer/key-command.ts';

const KEY: Key = {
  key: 'Enter',
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  keyCode: 0,
};
const FIELD: Field = { list: false, target: false, empty: false, coarse: false };
const command = (key: Partial<Key>, field: Partial<Field> = {}) =>
  keyCommand({ ...KEY, ...key }, { ...FIELD, ...field });

describe('Enter', () => {
  it('sends at a desk, and begins a line with Shift or on a phone', () => {
    expect(command({})).toBe('send');
    expect(command({ shiftKey: true })).toBe(undefined);
    expect(command({}, { coarse: true })).toBe(undefined);
    expect(command({ ctrlKey: true }, { coarse: true })).toBe('send');
    expect(command({ metaKey: true })).toBe('send');
  });

  it('of an input method picks a word', () => {
    expect(command({ isComposing: true })).toBe(undefined);
    expect(command({ keyCode: 229 })).toBe(undefined);
    expect(command({ key: 'Escape', isComposing: true }, { target: true })).toBe(undefined);
  });

  it('takes what is chosen in an open list', () => {
    expect(command({}, { list: true })).toBe('pick');
    expect(command({}, { list: true, coarse: true })).toBe('pick');
    expect(command({ shiftKey: true }, { list: true })).toBe(undefined);
  });
});

describe('other keys', () => {
  it('move in an open list and close it before anything else', () => {
    const keys = ['ArrowDown', 'ArrowUp', 'Tab', 'Escape'];
    const list = { list: true, target: true, empty: true };
    expect(keys.map((key) => command({ key }, list))).toEqual(['next', 'previous', 'pick', 'dismiss']);
    expect(keys.map((key) => command({ key }))).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('end a reply, and begin to edit from the empty field only', () => {
    expect(command({ key: 'Escape' }, { target: true })).toBe('endTarget');
    expect(command({ key: 'ArrowUp' }, { empty: true })).toBe('editLast');
    expect(command({ key: 'ArrowUp' }, { empty: true, target: true })).toBe(undefined);
    expect(command({ key: 'ArrowUp' })).toBe(undefined);
  });
});
