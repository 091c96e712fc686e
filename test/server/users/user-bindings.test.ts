import { describe, expect, it, vi } from 'vitest';
import { createSharedBuckets } from '../../../src/chat/rate-limit.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import type { Session } from '../../../src/server/session.ts';
import { createUserBindings } from '../../../src/server/users/user-bindings.ts';

const ann = { id: 'ann', name: 'Ann' };

function setUp() {
  let connections = 0;
  const bindings = createUserBindings(
    {
      async increment() {
        connections += 1;
      },
      async decrement() {
        connections -= 1;
      },
      resync: async () => undefined,
      close: () => undefined,
    },
    createSharedBuckets({ perMs: 0, burst: 3 }, () => 0),
  );
  const session = () => ({ socket: { nsp: { name: '/' } } }) as Session;
  return { bindings, session, connections: () => connections };
}

describe('a connection’s binding to a user', () => {
  it('counts it once and finds it by the user until it is released, however often that is', () => {
    const { bindings, session, connections } = setUp();
    const [one, two] = [session(), session()];
    const binding = bindings.bind(one, ann);
    bindings.bind(two, ann);
    expect(bindings.sessionsOf(inboxOf('/', 'ann'))).toEqual([one, two]);
    expect(bindings.sessionsOf(inboxOf('/post', 'ann'))).toEqual([]);
    binding.release();
    binding.release();
    expect(connections()).toBe(1);
    expect(bindings.sessionsOf(inboxOf('/', 'ann'))).toEqual([two]);
  });

  it('can stop counting it before it ends, and count it again while it has not', async () => {
    const { bindings, session, connections } = setUp();
    const binding = bindings.bind(session(), ann);
    await binding.uncount();
    await binding.uncount();
    expect(connections()).toBe(0);
    expect(bindings.sessionsOf(binding.inbox)).toHaveLength(1);
    binding.count();
    binding.count();
    expect(connections()).toBe(1);
    await binding.uncount();
    binding.release();
    binding.count();
    expect(connections()).toBe(0);
  });

  it('leaves no leased inbox behind, even if it ends during a call to the store', () => {
    const { bindings, session } = setUp();
    const early = vi.fn();
    const late = vi.fn();
    const binding = bindings.bind(session(), ann);
    binding.setLease({ room: binding.inbox, release: early });
    expect(binding.hasLease()).toBe(true);
    binding.release();
    expect(early).toHaveBeenCalledTimes(1);
    expect(binding.hasLease()).toBe(false);
    binding.setLease({ room: binding.inbox, release: late });
    expect(late).toHaveBeenCalledTimes(1);
    expect(binding.hasLease()).toBe(false);
  });

  it('shares the user’s message rate with their other connections', () => {
    const { bindings, session } = setUp();
    const [one, two] = [bindings.bind(session(), ann), bindings.bind(session(), ann)];
    expect([one.take(), two.take(), one.take()]).toEqual([0, 0, 0]);
    expect(two.take()).toBeGreaterThan(0);
  });
});
