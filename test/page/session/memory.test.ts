import { expect, it } from 'vitest';
import { createMemory } from '../../../src/page/session/memory.ts';

it('reads what it wrote last when the storage is full, and leaves no older value for a reload', () => {
  const stored = new Map<string, string>();
  let full = false;
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    removeItem: (key: string) => void stored.delete(key),
    setItem(key: string, value: string) {
      if (full) throw new Error('QuotaExceededError');
      stored.set(key, value);
    },
  };
  const memory = createMemory(() => storage as unknown as Storage);
  memory.write('draft', 'older');
  full = true;
  memory.write('draft', 'newer');
  expect(memory.read('draft')).toBe('newer');
  expect(stored.has('draft')).toBe(false);
  full = false;
  memory.write('draft', 'newest');
  expect([memory.read('draft'), stored.get('draft')]).toEqual(['newest', 'newest']);
});

it('reads its own value where the storage lets nothing be written or removed', () => {
  const storage = {
    getItem: () => 'older',
    setItem: () => {
      throw new Error('SecurityError');
    },
    removeItem: () => {
      throw new Error('SecurityError');
    },
  };
  const memory = createMemory(() => storage as unknown as Storage);
  memory.write('draft', 'newer');
  expect(memory.read('draft')).toBe('newer');
});
