import { describe, expect, it, vi } from 'vitest';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createConnections } from '../../src/server/connections.ts';

const [ann, bob, carl] = ['ann', 'bob', 'carl'].map((id) => inboxOf('/', id)) as [Room, Room, Room];

function watched() {
  const stored = new Map<string, number>();
  let away = false;
  const setConnections = vi.fn(async ({ roomid }: Room, connections: number) => {
    if (away) return refuse('unavailable', 'away', 1);
    if (connections > 0) stored.set(roomid, connections);
    else stored.delete(roomid);
    return succeed(undefined);
  });
  const connections = createConnections({ setConnections });
  return { stored, connections, goAway: (yes: boolean) => (away = yes) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the connections of users on a worker', () => {
  it('are counted by user and namespace', async () => {
    const { stored, connections } = watched();
    await connections.come(ann);
    await connections.come(ann);
    await connections.come(bob);
    connections.go(bob);
    connections.go(ann);
    await settled();
    expect([...stored]).toEqual([['ann', 1]]);
    await connections.come(inboxOf('/post', 'bob'));
    connections.go(ann);
    await settled();
    expect([...stored]).toEqual([['bob', 1]]);
  });

  it('are true again after the store was away, for who came and for who went meanwhile', async () => {
    const { stored, connections, goAway } = watched();
    await connections.come(ann);
    goAway(true);
    connections.go(ann);
    await connections.come(bob);
    await connections.come(carl);
    connections.go(carl);
    await settled();
    expect([...stored]).toEqual([['ann', 1]]);
    goAway(false);
    connections.restate();
    await settled();
    expect([...stored]).toEqual([['bob', 1]]);
  });
});
