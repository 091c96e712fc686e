import { expect, it } from 'vitest';
import { createGuests } from '../../../src/page/session/guests.ts';
import { createMemory } from '../../../src/page/session/memory.ts';
import { endVisit, nameProblem, readArrival, writeVisit } from '../../../src/page/session/visit.ts';

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
  expect(visit).toEqual({ profile: { username: '东东', avatar: '1.jpg' }, rooms: [{ roomid: 'lobby' }] });
});

it('asks where chart.html names nobody that could enter', () => {
  const arrival = readArrival(at('/chart.html?name=%E2%80%AEevil'), memories());
  expect(arrival.visit).toBeUndefined();
});

it('drops an avatar that is neither a file name nor an https address', () => {
  expect(readArrival(at('/?avatar=javascript:alert(1)'), memories()).avatar).toBeUndefined();
});

it('says which names nobody may enter under, here or by what the server said', () => {
  expect(nameProblem(' Ann ', undefined)).toBeUndefined();
  expect(['', ' ', 'a\u202eb'].map((name) => nameProblem(name, undefined))).toEqual(Array(3).fill('invalid'));
  expect(nameProblem('RoomCast', undefined)).toBe('reserved');
  expect(nameProblem(' Admin ', 'Admin')).toBe('reserved');
  expect(nameProblem('Admina', 'Admin')).toBeUndefined();
});

it('stays in all rooms over a refresh, the one of the address first, but not after leaving', () => {
  const stored = memories();
  const seen = { epoch: 'e1', seq: 7 };
  const profile = { username: 'Mia', avatar: '2.jpg' };
  const [tea, coffee] = [{ roomid: 'tea', seen }, { roomid: 'coffee' }];
  writeVisit({ profile, rooms: [tea, coffee] }, stored);
  expect(readArrival(at('/'), stored).visit).toEqual({ profile, rooms: [tea, coffee] });
  expect(readArrival(at('/r/coffee'), stored).visit).toEqual({ profile, rooms: [coffee, tea] });
  expect(readArrival(at('/?roomid=cake'), stored).visit?.rooms).toEqual([{ roomid: 'cake' }, tea, coffee]);
  endVisit(stored);
  expect(readArrival(at('/r/tea'), stored)).toMatchObject({ username: 'Mia', visit: undefined });
});

it('reads the room of a percent-encoded address, and asks where that is none', () => {
  expect(readArrival(at('/r/%E8%8C%B6%20%26'), memories()).roomid).toBe('茶 &');
  expect(readArrival(at('/r/tea%3Adaily'), memories()).roomid).toBe('tea:daily');
  expect(readArrival(at('/r/%'), memories()).roomid).toBe('%');
});

it('signs in by the token behind #, with the name in it, and keeps it for a refresh of this tab only', () => {
  const claims = Buffer.from(JSON.stringify({ sub: 'u-1', name: '东东' })).toString('base64url');
  const token = `x.${claims}.y`;
  const stored = memories();
  const { visit } = readArrival(at(`/r/tea#token=${token}`), stored);
  expect(visit).toEqual({ profile: { username: '东东' }, rooms: [{ roomid: 'tea' }], token });
  if (visit) writeVisit(visit, stored);
  expect(readArrival(at('/r/tea'), stored).visit?.token).toBe(token);
  expect(readArrival(at('/r/tea'), { ...memories(), browser: stored.browser }).visit).toBeUndefined();
  expect(readArrival(at('/r/tea#token=nonsense'), memories()).visit).toBeUndefined();
});

it('survives stored rooms that hold nonsense', () => {
  for (const spoiled of ['{', '7', '{"profile":{"username":"Mia"},"rooms":[null,{"roomid":"{x}"}]}']) {
    const { tab, browser } = memories();
    tab.write('roomcast.visit', spoiled);
    expect(readArrival(at('/'), { tab, browser }).roomid).toBe('lobby');
  }
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
