import { expect, it } from 'vitest';
import { mergeRooms } from '../../src/host-view/rooms.ts';

const room = (roomid: string, clients: number, messages = 0, deliveries = messages * clients) => ({
  nsp: '/',
  roomid,
  clients,
  messages,
  deliveries,
});

it('the parts of a room on several workers are one room', () => {
  const tea = room('tea', 10, 2);
  expect(
    mergeRooms([
      { largest: [tea, room('coffee', 8)], busiest: [tea] },
      { largest: [room('coffee', 9), room('tea', 5, 2.04)], busiest: [room('tea', 5, 2.04)] },
    ]),
  ).toEqual({
    largest: [room('coffee', 17, 0), { ...room('tea', 15, 2), deliveries: 30.2 }],
    busiest: [{ ...room('tea', 15, 2), deliveries: 30.2 }],
  });
});

it('rooms of two namespaces with one id are two rooms', () => {
  const { largest } = mergeRooms([
    { largest: [room('tea', 2), { ...room('tea', 3), nsp: '/post' }], busiest: [] },
  ]);
  expect(largest.map(({ nsp, clients }) => [nsp, clients])).toEqual([
    ['/post', 3],
    ['/', 2],
  ]);
});

it('twenty are shown', () => {
  const many = Array.from({ length: 50 }, (_, n) => room(`room ${n}`, n + 1, 1));
  const { largest, busiest } = mergeRooms([{ largest: many, busiest: many }]);
  expect(largest.map(({ clients }) => clients)).toEqual(Array.from({ length: 20 }, (_, n) => 50 - n));
  expect(busiest).toEqual(largest);
});
