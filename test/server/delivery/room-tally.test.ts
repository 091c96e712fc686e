import { expect, it } from 'vitest';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { REPORTED_ROOMS } from '../../../src/room-activity.ts';
import { createRoomTally, FORGET_MS, type RoomTallyDeps } from '../../../src/server/delivery/room-tally.ts';

function setUp(clients: Readonly<Record<string, number>>) {
  let now = 1_000;
  const rooms = Object.keys(clients).map((name) => roomOf('/', name));
  const members = new Map(
    rooms.map((room) => [
      socketRoom(room),
      new Set(Array.from({ length: clients[room.roomid] ?? 0 }).keys()),
    ]),
  );
  // Each connection is in a room of its own, and in that of its user's inbox.
  members.set('socket-id', new Set([1]));
  members.set(socketRoom(inboxOf('/', 'ann')), new Set(Array.from({ length: 40 }).keys()));
  const tally = createRoomTally({
    namespaces: [{ name: '/', adapter: { rooms: members } }] as unknown as RoomTallyDeps['namespaces'],
    now: () => now,
  });
  const report = () => tally.report(rooms);
  const write = (name: string, times: number) => {
    for (let n = 0; n < times; n += 1) tally.written(roomOf('/', name), 2, clients[name] ?? 0);
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { report, write, pass };
}

const named = (rooms: readonly { readonly roomid: string; readonly clients: number }[]) =>
  rooms.map(({ roomid, clients }) => `${roomid} ${clients}`);

it('the largest rooms come first, and only so many', () => {
  const { report } = setUp({
    ...Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`r${String(n).padStart(3, '0')}`, 2])),
    crowd: 30,
    empty: 0,
    zebra: 3,
    ant: 3,
  });
  const largest = named(report().largest);
  expect(largest).toHaveLength(REPORTED_ROOMS);
  expect(largest[0]).toBe('crowd 30');
  expect(largest.slice(1, 3).sort()).toEqual(['ant 3', 'zebra 3']);
  expect(new Set(largest.slice(3).map((room) => room.replace(/^r\d+/, 'r')))).toEqual(new Set(['r 2']));
});

it('two workers name the same of many equal rooms, in whatever order these came', () => {
  const names = Array.from({ length: 200 }, (_, n) => `r${n}`);
  const [one, other] = [names, names.toReversed()].map((given) =>
    named(setUp(Object.fromEntries(given.map((name) => [name, 2]))).report().largest),
  );
  expect(one?.toSorted()).toEqual(other?.toSorted());
});

it('rates of rooms are counted from one question to the next', () => {
  const { report, write, pass } = setUp({ quiet: 5, busy: 3, silent: 1 });
  write('busy', 100);
  expect(report().busiest).toEqual([]);
  write('quiet', 1);
  write('busy', 10);
  pass(2_000);
  expect(report()).toEqual({
    largest: [
      { nsp: '/', roomid: 'quiet', clients: 5, messages: 1, deliveries: 5 },
      { nsp: '/', roomid: 'busy', clients: 3, messages: 10, deliveries: 30 },
      { nsp: '/', roomid: 'silent', clients: 1, messages: 0, deliveries: 0 },
    ],
    busiest: [
      { nsp: '/', roomid: 'busy', clients: 3, messages: 10, deliveries: 30 },
      { nsp: '/', roomid: 'quiet', clients: 5, messages: 1, deliveries: 5 },
    ],
  });
  pass(5_000);
  expect(report().busiest).toEqual([]);
});

it('counting ends when nobody asks any more', () => {
  const { report, write, pass } = setUp({ busy: 3 });
  report();
  write('busy', 1);
  pass(FORGET_MS + 1);
  write('busy', 1);
  pass(1_000);
  write('busy', 50);
  expect(report().busiest).toEqual([]);
});
