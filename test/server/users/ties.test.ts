import { describe, expect, it, vi } from 'vitest';
import { createSharedBuckets } from '../../../src/chat/rate-limit.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import type { Session } from '../../../src/server/session.ts';
import { createTies } from '../../../src/server/users/ties.ts';

const ann = { id: 'ann', name: 'Ann' };

function setUp() {
  let connections = 0;
  const ties = createTies(
    {
      async come() {
        connections += 1;
      },
      async go() {
        connections -= 1;
      },
      restate: async () => undefined,
      close: () => undefined,
    },
    createSharedBuckets({ perMs: 0, burst: 3 }, () => 0),
  );
  const session = () => ({ socket: { nsp: { name: '/' } } }) as Session;
  return { ties, session, connections: () => connections };
}

describe('a connection’s tie to a user', () => {
  it('counts it once and finds it by the user until it is released, however often that is', () => {
    const { ties, session, connections } = setUp();
    const [one, two] = [session(), session()];
    const login = ties.tie(one, ann);
    ties.tie(two, ann);
    expect(ties.sessionsOf(inboxOf('/', 'ann'))).toEqual([one, two]);
    expect(ties.sessionsOf(inboxOf('/post', 'ann'))).toEqual([]);
    login.release();
    login.release();
    expect(connections()).toBe(1);
    expect(ties.sessionsOf(inboxOf('/', 'ann'))).toEqual([two]);
  });

  it('can stop counting it before it ends, and count it again while it has not', async () => {
    const { ties, session, connections } = setUp();
    const login = ties.tie(session(), ann);
    await login.uncount();
    await login.uncount();
    expect(connections()).toBe(0);
    expect(ties.sessionsOf(login.inbox)).toHaveLength(1);
    login.count();
    login.count();
    expect(connections()).toBe(1);
    await login.uncount();
    login.release();
    login.count();
    expect(connections()).toBe(0);
  });

  it('leaves no followed inbox behind, also when it ends while the store is asked', () => {
    const { ties, session } = setUp();
    const early = vi.fn();
    const late = vi.fn();
    const login = ties.tie(session(), ann);
    login.keep({ room: login.inbox, release: early });
    expect(login.held()).toBe(true);
    login.release();
    expect(early).toHaveBeenCalledTimes(1);
    expect(login.held()).toBe(false);
    login.keep({ room: login.inbox, release: late });
    expect(late).toHaveBeenCalledTimes(1);
    expect(login.held()).toBe(false);
  });

  it('shares what the user may say with their other connections', () => {
    const { ties, session } = setUp();
    const [one, two] = [ties.tie(session(), ann), ties.tie(session(), ann)];
    expect([one.take(), two.take(), one.take()]).toEqual([0, 0, 0]);
    expect(two.take()).toBeGreaterThan(0);
  });
});
