import { expect, it } from 'vitest';
import { roomOf } from '../../src/chat/room.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createNewRooms } from '../../src/server/new-rooms.ts';
import { ConnectionBudget, Traffic } from '../../src/server/transport/connection-budget.ts';

const NO_RATES = { events: undefined, bytes: undefined };
/** One room a second, two at once. */
const RATE = { perMs: 1 / 1_000, burst: 2 };

const POSITION = { epoch: 'e', seq: 0, previousEpochs: [], gaps: [] };

/** Rooms called `old…` are known to the store, those called `here…` are read on this worker. */
function setUp(rate: typeof RATE | undefined = RATE) {
  const state = { nowMs: 0, asked: 0, away: false };
  const newRooms = createNewRooms({
    rate,
    logs: {
      async tops(rooms) {
        state.asked += 1;
        if (state.away) return refuse('unavailable', 'away');
        return succeed(
          rooms.map(({ roomid }) => (roomid.startsWith('old') ? { epoch: 'e', top: 0 } : { top: 0 })),
        );
      },
    },
    feeds: {
      positionOf: ({ roomid }) => (roomid.startsWith('here') ? POSITION : undefined),
    },
    now: () => state.nowMs,
  });
  const open = (address?: string) => {
    const budget = new ConnectionBudget(new Traffic(NO_RATES, () => 0), address);
    return async (roomid: string, nsp = '/') => {
      const refused = await newRooms.admit({ budget }, roomOf(nsp, roomid));
      return refused?.error.retryAfterMs ?? 'joined';
    };
  };
  const read = async (userId: string, roomid: string) => {
    const refused = await newRooms.admitReader(userId, roomOf('/', roomid));
    return refused?.error.retryAfterMs ?? 'read';
  };
  return { state, open, read };
}

it('a connection creates rooms at its rate, in all namespaces together, and may after retryAfterMs', async () => {
  const { state, open } = setUp();
  const join = open();
  expect([await join('a'), await join('b', '/post'), await join('c')]).toEqual(['joined', 'joined', 1_000]);
  expect([await join('old'), await join('here'), await open()('c')]).toEqual(['joined', 'joined', 'joined']);
  state.nowMs = 600;
  expect(await join('c')).toBe(400);
  state.nowMs = 1_000;
  expect([await join('c'), await join('d')]).toEqual(['joined', 1_000]);
});

it('the connections of an address create fifty times as many together', async () => {
  const { open } = setUp();
  const joined: (string | number)[] = [];
  for (let n = 0; n < 51; n += 1) {
    const join = open('203.0.113.7');
    joined.push(await join(`a${n}`), await join(`b${n}`));
  }
  expect(joined.filter((answer) => answer === 'joined')).toHaveLength(100);
  expect(await open('203.0.113.8')('x')).toBe('joined');
});

it('a user whose token reads rooms over HTTP creates them at the same rate', async () => {
  const { state, read } = setUp();
  expect([await read('ann', 'a'), await read('ann', 'b'), await read('ann', 'c')]).toEqual([
    'read',
    'read',
    1_000,
  ]);
  expect([await read('ann', 'old'), await read('bob', 'c')]).toEqual(['read', 'read']);
  state.nowMs = 1_000;
  expect(await read('ann', 'c')).toBe('read');
});

it('a room of this worker, or any without a limit, is not looked up', async () => {
  const { state, open } = setUp();
  await open()('here');
  expect(await setUp(undefined).open()('a')).toBe('joined');
  expect(state.asked).toBe(0);
});

it('a store that is away refuses the join itself', async () => {
  const { state, open } = setUp();
  state.away = true;
  const join = open();
  expect([await join('a'), await join('b'), await join('c')]).toEqual(['joined', 'joined', 'joined']);
});
