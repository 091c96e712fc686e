import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
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

  it('brings nobody back who left while it said so, nor an older name or number', async () => {
    const stated = createStatedPresence();
    const [room] = rooms as [(typeof rooms)[number]];
    const user = (n: number, username: string) => ({ userId: `user ${n}`, username, own: 1 });
    for (let n = 0; n < 250; n += 1) stated.enter(room, user(n, 'before'), 250);
    const said = new Map<string, string>();
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const statingAgain = createStatingAgain({
      stated,
      onReturned: () => undefined,
      async enter(_room, { userId, username }, clients) {
        said.set(userId, `${username} of ${clients}`);
        await gate;
        return succeed({ users: 1, clients, changed: false });
      },
      setConnections: async () => succeed(undefined),
      now: () => 0,
      log: pino({ level: 'silent' }),
    });
    statingAgain.proved(true);
    statingAgain.proved(false);
    await vi.waitFor(() => expect(said.size).toBe(100));
    stated.exit(room, 'user 240', 249);
    stated.enter(room, user(241, 'after'), 249);
    goOn();
    await vi.waitFor(() => expect(said.size).toBe(249));
    expect(said.has('user 240')).toBe(false);
    expect(said.get('user 241')).toBe('after of 249');
    expect(said.get('user 249')).toBe('before of 249');
  });

  it('says it also when only the answer that told it so was lost', async () => {
    const { prove } = setUp();
    await prove(false);
    expect(await prove(true, ROSTER_LEASE_MS - 1)).toEqual([]);
    expect(await prove(true, ROSTER_LEASE_MS)).toEqual(ALL);
  });
});
