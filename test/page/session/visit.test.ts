import { expect, it } from 'vitest';
import { createGuests } from '../../../src/page/session/guests.ts';
import { createMemory } from '../../../src/page/session/memory.ts';
import { endVisit, readArrival, roomAddress, writeVisit } from '../../../src/page/session/visit.ts';

const forbidden = () => {
  throw new Error('SecurityError');
};
/** Behaves like a browser that forbids storage: values live as long as the page. */
const memory = () => createMemory(forbidden);
const memories = () => ({ browser: memory(), tab: memory() });
const at = (path: string) => new URL(path, 'http://chat.example');

it('asks for a name and offers the room of the address, else the lobby', () => {
  expect(readArrival(at('/?roomid=k12'), memories())).toMatchObject({ username: '', roomid: 'k12' });
  expect(readArrival(at('/'), memories())).toMatchObject({ roomid: 'lobby', visit: undefined });
  expect(readArrival(at('/?roomid=&name='), memories())).toMatchObject({ username: '', roomid: 'lobby' });
});

it('goes in at once where chart.html names somebody', () => {
  const { visit } = readArrival(at('/chart.html?name=%E4%B8%9C%E4%B8%9C&avatar=1.jpg'), memories());
  expect(visit).toEqual({ username: '东东', roomid: 'lobby', avatar: '1.jpg' });
});

it('asks where chart.html names nobody that could enter', () => {
  const arrival = readArrival(at('/chart.html?name=%E2%80%AEevil'), memories());
  expect(arrival.visit).toBeUndefined();
});

it('drops an avatar that is neither a file name nor an https address', () => {
  expect(readArrival(at('/?avatar=javascript:alert(1)'), memories()).avatar).toBeUndefined();
});

it('stays in the room over a refresh, but not when the address names another or after leaving', () => {
  const stored = memories();
  const visit = { username: 'Mia', roomid: 'tea', avatar: '2.jpg' };
  writeVisit(visit, stored);
  expect(readArrival(at('/?roomid=tea'), stored).visit).toEqual(visit);
  expect(readArrival(at('/?roomid=coffee'), stored).visit).toBeUndefined();
  endVisit(stored);
  expect(readArrival(at('/?roomid=tea'), stored)).toMatchObject({ username: 'Mia', visit: undefined });
});

it('shares an address that names the room and nobody', () => {
  const address = roomAddress(at('/chart.html?name=Mia&avatar=1.jpg#x'), 'tea & cake');
  expect(address.href).toBe('http://chat.example/chart.html?roomid=tea+%26+cake');
});

it('keeps a guest per nickname and survives a store that holds nonsense', () => {
  const browser = memory();
  browser.write('roomcast.guests', '{"not":"a list"');
  const guests = createGuests(browser);
  expect(guests.find('Mia')).toBeUndefined();
  guests.store('Mia', { userId: 'g-1', guestToken: 't1' });
  guests.store('Ann', { userId: 'g-2', guestToken: 't2' });
  expect(guests.find('Mia')).toMatchObject({ userId: 'g-1', guestToken: 't1' });
  guests.store('Mia', { userId: 'g-3', guestToken: 't3' });
  expect(guests.find('Mia')).toMatchObject({ userId: 'g-3' });
  expect(guests.find('Ann')).toMatchObject({ userId: 'g-2' });
});
