import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createStatedPresence } from '../../src/backend/stated-presence.ts';
import { createStatingAgain } from '../../src/backend/stating-again.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import { ROSTER_LEASE_MS } from '../../src/chat/roster.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

const rooms = Array.from({ length: 3 }, (_, n) => roomOf('/', `room ${n}`));
const inbox = inboxOf('/', 'ann');

function setUp() {
  const stated = createStatedPresence();
  for (const room of rooms) stated.enter(room, { userId: 'ann', username: 'Ann', own: 1 }, 1);
  stated.setConnections(inbox, 2);
  const said: string[] = [];
  const returned: string[] = [];
  let failing = 0;
  let nowMs = 0;
  const answer = (what: string) => {
    failing -= 1;
    if (failing >= 0) return false;
    said.push(what);
    return true;
  };
  const statingAgain = createStatingAgain({
    stated,
    onReturned: ({ roomid }) => returned.push(roomid),
    enter: async ({ roomid }) =>
      answer(roomid) ? succeed({ users: 1, clients: 1, changed: true }) : refuse('unavailable', 'away'),
    setConnections: async (_inbox, connections) =>
      answer(`ann has ${connections}`) ? succeed(undefined) : refuse('unavailable', 'away'),
    now: () => nowMs,
    log: pino({ level: 'silent' }),
  });
  async function prove(known: boolean, afterMs = 1_000) {
    nowMs += afterMs;
    statingAgain.proved(known);
    await new Promise((resolve) => setImmediate(resolve));
    return said.splice(0);
  }
  return {
    prove,
    returned,
    fail: (calls: number) => {
      failing = calls;
    },
  };
}

const ALL = ['ann has 2', 'room 0', 'room 1', 'room 2'];

describe('a worker that was taken for dead', () => {
  it('says all it holds again, once, and nothing at its first proof of life', async () => {
    const { prove, returned } = setUp();
    expect(await prove(false)).toEqual([]);
    expect(await prove(true)).toEqual([]);
    expect(await prove(false)).toEqual(ALL);
    expect(returned).toEqual(['room 0', 'room 1', 'room 2']);
    expect(await prove(true)).toEqual([]);
  });

  it('says it again until the store has taken all of it', async () => {
    const { prove, fail } = setUp();
    await prove(false);
    fail(2);
    expect(await prove(false)).toEqual(['room 1', 'room 2']);
    fail(4);
    expect(await prove(true)).toEqual([]);
    expect(await prove(true)).toEqual(ALL);
    expect(await prove(true)).toEqual([]);
  });

  it('says it also when only the answer that told it so was lost', async () => {
    const { prove } = setUp();
    await prove(false);
    expect(await prove(true, ROSTER_LEASE_MS - 1)).toEqual([]);
    expect(await prove(true, ROSTER_LEASE_MS)).toEqual(ALL);
  });
});
