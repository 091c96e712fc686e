import { describe, expect, it } from 'vitest';
import { createInstanceRoster } from '../../../src/backend/embedded/roster.ts';
import { roomOf } from '../../../src/chat/room.ts';

const room = roomOf('/', 'lobby');
const ann = { userId: 'ann', username: 'Ann' };
const bob = { userId: 'bob', username: 'Bob' };

describe('a worker of the release before, which announces departures itself', () => {
  it('is told who left and who died, and hears of neither from the roster', () => {
    const published: string[] = [];
    const roster = createInstanceRoster({
      now: () => 0,
      elapsedMs: () => 0,
      maxRoomClients: 0,
      publish: (_room, told) => {
        if ('event' in told) published.push(`${told.event} ${told.user.userId}`);
      },
    });
    roster.enter('old', room, ann, 1, 1);
    roster.enter('old', room, bob, 1, 2);
    const left = roster.exit('old', room, 'ann', 1);
    expect(left).toEqual({ users: 1, clients: 1, changed: true });
    const departures = roster.reap('old');
    expect(departures).toEqual([{ room, user: bob, clients: 0, announced: false }]);
    expect(published).toEqual([]);
    roster.enter('new', room, ann, 1, 1);
    roster.enter('new', room, bob, 1, 2);
    expect(roster.exit('new', room, 'ann', 1, false)).toMatchObject({ changed: true, announced: true });
    expect(roster.reap('new', true)).toMatchObject([{ user: bob, announced: true }]);
    expect(published).toEqual(['broadcast_quit ann', 'broadcast_quit bob']);
  });
});
