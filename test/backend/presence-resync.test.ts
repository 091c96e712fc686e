import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createPresenceResync } from '../../src/backend/presence-resync.ts';
import { createReportedPresence } from '../../src/backend/reported-presence.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import { ROSTER_LEASE_MS } from '../../src/chat/roster.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';

const rooms = Array.from({ length: 3 }, (_, n) => roomOf('/', `room ${n}`));
const inbox = inboxOf('/', 'ann');

function setUp() {
  const reported = createReportedPresence();
  for (const room of rooms) reported.enter(room, { userId: 'ann', username: 'Ann', own: 1 }, 1);
  reported.setConnections(inbox, 2);
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
  const resync = createPresenceResync({
    reported,
    onReturned: ({ roomid }) => returned.push(roomid),
    enter: async ({ roomid }) =>
      answer(roomid) ? succeed({ users: 1, clients: 1, changed: true }) : refuse('unavailable', 'away'),
    setConnections: async (_inbox, connections) =>
      answer(`ann has ${connections}`) ? succeed(undefined) : refuse('unavailable', 'away'),
    now: () => nowMs,
    log: pino({ level: 'silent' }),
  });
  async function heartbeat(known: boolean, afterMs = 1_000) {
    nowMs += afterMs;
    resync.onHeartbeat(known, false);
    await new Promise((resolve) => setImmediate(resolve));
    return said.splice(0);
  }
  return {
    heartbeat,
    returned,
    fail: (calls: number) => {
      failing = calls;
    },
  };
}

const ALL = ['ann has 2', 'room 0', 'room 1', 'room 2'];

describe('a worker that the roster considered dead', () => {
  it('reports its whole presence again, once, and nothing at its first heartbeat', async () => {
    const { heartbeat, returned } = setUp();
    expect(await heartbeat(false)).toEqual([]);
    expect(await heartbeat(true)).toEqual([]);
    expect(await heartbeat(false)).toEqual(ALL);
    expect(returned).toEqual(['room 0', 'room 1', 'room 2']);
    expect(await heartbeat(true)).toEqual([]);
  });

  it('repeats the report until the store has accepted all of it', async () => {
    const { heartbeat, fail } = setUp();
    await heartbeat(false);
    fail(2);
    expect(await heartbeat(false)).toEqual(['room 1', 'room 2']);
    fail(4);
    expect(await heartbeat(true)).toEqual([]);
    expect(await heartbeat(true)).toEqual(ALL);
    expect(await heartbeat(true)).toEqual([]);
  });

  it('reports the users of many rooms together, not room after room', async () => {
    const reported = createReportedPresence();
    for (let n = 0; n < 250; n += 1)
      reported.enter(roomOf('/', `${n}`), { userId: 'ann', username: 'Ann', own: 1 }, 1);
    let underWay = 0;
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const resync = createPresenceResync({
      reported,
      onReturned: () => undefined,
      async enter() {
        underWay += 1;
        await gate;
        return succeed({ users: 1, clients: 1, changed: false });
      },
      setConnections: async () => succeed(undefined),
      now: () => 0,
      log: pino({ level: 'silent' }),
    });
    resync.onHeartbeat(true, true);
    await eventually(() => expect(underWay).toBe(100));
    goOn();
    await eventually(() => expect(underWay).toBe(250));
  });

  it('brings back no user who left during the report, and no older name or count', async () => {
    const reported = createReportedPresence();
    const [room] = rooms as [(typeof rooms)[number]];
    const user = (n: number, username: string) => ({ userId: `user ${n}`, username, own: 1 });
    for (let n = 0; n < 250; n += 1) reported.enter(room, user(n, 'before'), 250);
    const said = new Map<string, string>();
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const resync = createPresenceResync({
      reported,
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
    resync.onHeartbeat(true, false);
    resync.onHeartbeat(false, false);
    await eventually(() => expect(said.size).toBe(100));
    reported.exit(room, 'user 240', 249);
    reported.enter(room, user(241, 'after'), 249);
    goOn();
    await eventually(() => expect(said.size).toBe(249));
    expect(said.has('user 240')).toBe(false);
    expect(said.get('user 241')).toBe('after of 249');
    expect(said.get('user 249')).toBe('before of 249');
  });

  it('reports again when only the answer "not known" was lost', async () => {
    const { heartbeat } = setUp();
    await heartbeat(false);
    expect(await heartbeat(true, ROSTER_LEASE_MS - 1)).toEqual([]);
    expect(await heartbeat(true, ROSTER_LEASE_MS)).toEqual(ALL);
  });
});
