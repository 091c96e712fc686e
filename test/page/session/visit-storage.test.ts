import { expect, it } from 'vitest';
import { createMemory } from '../../../src/page/session/memory.ts';
import { createVisitStorage } from '../../../src/page/session/visit-storage.ts';

const forbidden = () => {
  throw new Error('SecurityError');
};
const here = { username: 'Ann', socketPath: '/socket.io' };

/** The storages of one tab, before and after a reload. */
function openTab() {
  const deps = { browser: createMemory(forbidden), tab: createMemory(forbidden) };
  return {
    sdk: () => createVisitStorage(deps, here),
    field: (roomid: string) => createVisitStorage(deps, { ...here, roomid }),
  };
}

it('stores typed text beside unsent messages that fill what the SDK stores', () => {
  const { sdk, field } = openTab();
  // Both lists of the SDK at their limit, of messages whose JSON is full of quotes.
  const list = JSON.stringify(Array.from({ length: 17_000 }, (_, n) => ({ id: `${n}`, text: 'hello' })));
  expect(list.length).toBeGreaterThan(490_000);
  field('tea').set('text', 'typed in tea');
  sdk().set('roomcast.outbox', list);
  sdk().set('roomcast.letters', list);
  expect(sdk().get('roomcast.letters')).toBe(list);
  expect(sdk().get('roomcast.outbox')).toBe(list);
  expect(field('tea').get('text')).toBe('typed in tea');
});

it('drops what does not fit, and nothing else', () => {
  const { sdk, field } = openTab();
  field('tea').set('text', 'typed in tea');
  field('coffee').set('text', 'x'.repeat(3_000_000));
  sdk().set('roomcast.outbox', '[1]');
  expect(field('coffee').get('text')).toBeUndefined();
  expect(field('tea').get('text')).toBe('typed in tea');
  expect(sdk().get('roomcast.outbox')).toBe('[1]');
});

it('drops the oldest typed text of many rooms, but no unsent message', () => {
  const { sdk, field } = openTab();
  sdk().set('roomcast.outbox', '[1]');
  for (let n = 0; n < 25; n += 1) field(`room ${n}`).set('text', 'typed');
  expect(sdk().get('roomcast.outbox')).toBe('[1]');
  expect(field('room 24').get('text')).toBe('typed');
  expect(field('room 0').get('text')).toBeUndefined();
});
