import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/chat/identity.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { createConnectionBans } from '../../../src/server/moderation/connection-bans.ts';
import type { Session } from '../../../src/server/session.ts';
import { ConnectionBudget, Traffic } from '../../../src/server/transport/connection-budget.ts';
import { createMemoryStore } from '../../support/memory-store.ts';
import { partOf } from '../../support/part-of.ts';

const tea = roomOf('/', 'tea');
const DATE = 1_700_000_000_000;
const milk = roomOf('/', 'milk');

function connection(address?: string) {
  return new ConnectionBudget(new Traffic({ events: undefined, bytes: undefined }, () => 0), address);
}
function as(
  id: string,
  budget = connection(),
  identity: Partial<Identity> = { guestToken: undefined },
): Session {
  return partOf<Session>({ user: { id, name: 'Somebody' }, budget, identity: partOf(identity) });
}
/** A guest who is there since then. */
function guest(id: string, sinceMs: number, budget = connection('203.0.113.7')): Session {
  return as(id, budget, { guestToken: `${sinceMs.toString(36)}.proof` });
}

function setUp(mode: 'open' | 'token' = 'open') {
  const { moderation } = createMemoryStore();
  const clock = { nowMs: 0 };
  const bans = createConnectionBans({
    mode,
    moderation,
    now: () => clock.nowMs,
    date: () => DATE + clock.nowMs,
  });
  const ban = async (session: Session) => {
    await moderation.restrict(tea, session.user.id, 'ban');
    return bans.note(session, tea);
  };
  const code = async (session: Session, room = tea) => (await bans.check(session, room))?.error.code;
  return { bans, moderation, clock, ban, code };
}

describe('a ban', () => {
  it('applies to the next user of the connection, guest or not, until it is lifted', async () => {
    const { ban, code, moderation } = setUp();
    const budget = connection();
    await ban(as('g-1', budget));
    expect(await code(as('g-2', budget))).toBe('forbidden');
    expect(await code(as('Bob', budget))).toBe('forbidden');
    expect(await code(as('g-2', budget), milk)).toBeUndefined();
    expect(await code(as('g-2'))).toBeUndefined();
    await moderation.lift(tea, 'g-1', 'ban');
    expect(await code(as('g-2', budget))).toBeUndefined();
  });

  it('of a guest refuses new guests from the address for a while, and no one else', async () => {
    const { ban, code, clock } = setUp();
    expect(await ban(as('g-1', connection('203.0.113.7')))).toBe('203.0.113.7');
    expect(await code(as('g-2', connection('203.0.113.7')))).toBe('forbidden');
    expect(await code(as('Bob', connection('203.0.113.7')))).toBeUndefined();
    expect(await code(as('g-2', connection('203.0.113.8')))).toBeUndefined();
    clock.nowMs = 10 * 60_000;
    expect(await code(as('g-2', connection('203.0.113.7')))).toBeUndefined();
  });

  it('does not apply to earlier guests from the address', async () => {
    const { ban, bans, code, clock, moderation } = setUp();
    clock.nowMs = 1_000;
    const banned = guest('g-1', DATE);
    await ban(banned);
    expect(await code(guest('g-2', DATE + 999))).toBeUndefined();
    expect(await code(as('g-3', connection('203.0.113.7'), { guestToken: 'proof' }))).toBeUndefined();
    expect(await code(guest('g-1', DATE))).toBeUndefined();
    // Over the same connection it holds for them, too.
    expect(await code(guest('g-2', DATE, banned.budget))).toBe('forbidden');
    const other = setUp();
    other.clock.nowMs = 1_000;
    await other.moderation.restrict(tea, 'g-1', 'ban');
    other.bans.noteAddress('203.0.113.7', tea, 'g-1');
    expect(await other.code(guest('g-2', DATE + 999))).toBeUndefined();
    expect(await other.code(guest('g-2', DATE + 1_000))).toBe('forbidden');
    // Whoever came since is new however often they come back, and however often the ban is met.
    clock.nowMs = 2_000;
    expect(bans.note(banned, tea)).toBeUndefined();
    expect(await code(guest('g-4', DATE + 1_500))).toBe('forbidden');
    await moderation.lift(tea, 'g-1', 'ban');
    expect(await code(guest('g-4', DATE + 1_500))).toBeUndefined();
  });

  it('of a named user applies to no address, nor does one with an unknown address', async () => {
    const { ban, code } = setUp();
    expect(await ban(as('Bob', connection('203.0.113.7')))).toBeUndefined();
    expect(await ban(as('g-1', connection()))).toBeUndefined();
    expect(await code(as('g-2', connection('203.0.113.7')))).toBeUndefined();
  });

  it('is sent to the other workers once', async () => {
    const { ban, bans, code } = setUp();
    const first = as('g-1', connection('203.0.113.7'));
    expect(await ban(first)).toBe('203.0.113.7');
    expect(await ban(first)).toBeUndefined();
    const other = setUp();
    await other.moderation.restrict(tea, 'g-1', 'ban');
    other.bans.noteAddress('203.0.113.7', tea, 'g-1');
    expect(await other.code(as('g-2', connection('203.0.113.7')))).toBe('forbidden');
    expect(bans.check(as('g-1', first.budget), tea)).toBeUndefined();
    expect(await code(as('g-2', first.budget))).toBe('forbidden');
  });

  it('applies to the user only in token mode', async () => {
    const { ban, code } = setUp('token');
    const budget = connection('203.0.113.7');
    expect(await ban(as('Bob', budget))).toBeUndefined();
    expect(await code(as('Carl', budget))).toBeUndefined();
  });

  it('is forgotten of the oldest of many rooms', async () => {
    const { bans, moderation } = setUp();
    const budget = connection();
    for (let n = 0; n <= 100; n += 1) {
      await moderation.restrict(roomOf('/', `room ${n}`), 'g-1', 'ban');
      bans.note(as('g-1', budget), roomOf('/', `room ${n}`));
    }
    expect(await bans.check(as('g-2', budget), roomOf('/', 'room 0'))).toBeUndefined();
    expect(await bans.check(as('g-2', budget), roomOf('/', 'room 1'))).toMatchObject({ ok: false });
  });
});
