import { describe, expect, it } from 'vitest';
import { inboxOf, type Room, roomOf } from '../../src/chat/room.ts';
import type { PresenceChange, PresenceEvent, RosterEntry } from '../../src/chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../src/protocol/limits.ts';
import { eventually } from '../support/eventually.ts';
import { granted, newRoom, range, twoPeers } from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
const bob = { userId: 'bob', username: 'Bob "the\n" ё日本👩‍👩‍👧/\\' };
const carol = { userId: 'carol', username: 'Carol' };
const SOON = { interval: 10 };

function userOf(index: number): RosterEntry {
  return { userId: `user ${index}`, username: `User ${index}` };
}

async function hear(peer: Peer, room: Room): Promise<PresenceChange[]> {
  const heard: PresenceChange[] = [];
  const onPresence = (told: PresenceChange | PresenceEvent) => 'event' in told || heard.push(told);
  granted(await peer.bus.subscribe(room, () => undefined, onPresence));
  return heard;
}

async function hearMoves(peer: Peer, room: Room): Promise<PresenceEvent[]> {
  const heard: PresenceEvent[] = [];
  const onPresence = (told: PresenceChange | PresenceEvent) => 'event' in told && heard.push(told);
  granted(await peer.bus.subscribe(room, () => undefined, onPresence));
  return heard;
}

async function enter(peer: Peer, room: Room, user: RosterEntry, clients = 1): Promise<void> {
  granted(await peer.roster.enter(room, user, 1, clients));
}

/** What somebody who follows the changes takes for the room's users. */
function usersAfter(heard: readonly PresenceChange[]): string[] {
  const users = new Set<string>();
  for (const change of heard) {
    if (!('joins' in change)) continue;
    for (const { userId } of change.joins) users.add(userId);
    for (const { userId } of change.leaves) users.delete(userId);
  }
  return [...users].sort();
}

function revs(heard: readonly PresenceChange[]): number[] {
  return heard.map(({ rev }) => rev);
}

export function changesContract(harness: () => Promise<Harness>): void {
  describe('changes of who is in a room', () => {
    it('are published to all workers alike, under numbers that rise by one, the first at once', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [atA, atB] = [await hear(a, room), await hear(b, room)];
      await enter(a, room, ann);
      await eventually(() => expect(atB).toHaveLength(1), SOON);
      expect(atB).toEqual([{ rev: expect.any(Number), joins: [ann], leaves: [] }]);
      await enter(b, room, bob);
      granted(await a.roster.exit(room, 'ann', 0));
      await eventually(() => expect(usersAfter(atB)).toEqual(['bob']), SOON);
      expect(atB.at(-1)).toMatchObject({ joins: [bob], leaves: [ann] });
      await eventually(() => expect(atA).toEqual(atB), SOON);
      const [first = 0] = revs(atA);
      expect(revs(atA)).toEqual(range(first, first + atA.length - 1));
    });

    it('are published one by one to the subscribers of the room, by a worker without a subscription too', async () => {
      const { store, a, b } = await twoPeers(harness);
      const c = await store.open();
      const room = newRoom('/post');
      const heard = [await hearMoves(a, room), await hearMoves(b, room)];
      const others = await hearMoves(c, newRoom('/post'));
      const face = { userId: 'x "{}" ä', username: '["message",{"seq":1}],"nsp":', avatar: '1.jpg' };
      granted(await a.bus.notify(room, { event: 'join', user: face }));
      granted(await c.bus.notify(room, { event: 'broadcast_quit', user: carol }));
      const told = [
        { event: 'join', user: face },
        { event: 'broadcast_quit', user: carol },
      ];
      for (const moves of heard) await eventually(() => expect(moves).toEqual(told), SOON);
      expect(others).toEqual([]);
    });

    it('are batched: hundreds of changes are published once a second, and none is left out', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      const startedAt = Date.now();
      await enter(a, room, ann);
      for (const index of range(1, 500)) {
        await enter(a, room, userOf(index % 100), 2);
        if (index % 3) granted(await a.roster.exit(room, userOf(index % 100).userId, 1));
      }
      const { members } = granted(await b.roster.members(room, { limit: 200 }));
      const there = members.map(({ userId }) => userId).sort();
      expect(there.length).toBeGreaterThan(30);
      await eventually(() => expect(usersAfter(heard)).toEqual(there), SOON);
      expect(heard.length).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - startedAt) / 1_000));
    });

    it('are not published of a user who joined and left in between', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(a, room, ann);
      await enter(a, room, bob, 2);
      granted(await a.roster.exit(room, 'bob', 1));
      await enter(b, room, carol);
      await eventually(() => expect(usersAfter(heard)).toEqual(['ann', 'carol']), SOON);
      expect(heard).toMatchObject([
        { joins: [ann], leaves: [] },
        { joins: [carol], leaves: [] },
      ]);
    });

    it('are not published of another connection of a present user, on any worker', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(a, room, ann);
      await enter(b, room, ann);
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await a.roster.setClients(room, 1));
      granted(await b.roster.exit(room, 'ann', 0));
      await enter(b, room, carol);
      await eventually(() => expect(usersAfter(heard)).toEqual(['ann', 'carol']), SOON);
      expect(heard).toMatchObject([{ joins: [ann] }, { joins: [carol], leaves: [] }]);
    });

    it('list a user with a new name or avatar as joined', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(a, room, ann);
      await eventually(() => expect(heard).toHaveLength(1), SOON);
      await enter(a, room, { ...ann, username: 'Anna' });
      await eventually(() => expect(heard).toHaveLength(2), SOON);
      expect(heard[1]).toMatchObject({ joins: [{ ...ann, username: 'Anna' }], leaves: [] });
    });

    it('are counts only in a large room, and a jump of rev when names return', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(a, room, ann, 1);
      await eventually(() => expect(heard).toHaveLength(1), SOON);
      await enter(a, room, bob, LARGE_ROOM_CLIENTS + 1);
      await eventually(() => expect(heard).toHaveLength(2), SOON);
      const rev = heard[0]?.rev ?? 0;
      expect(heard[1]).toEqual({ rev: rev + 1, users: 2, clients: LARGE_ROOM_CLIENTS + 1 });
      granted(await a.roster.setClients(room, LARGE_ROOM_CLIENTS));
      await enter(b, room, carol, 0);
      await eventually(() => expect(heard).toHaveLength(3), SOON);
      expect(heard[2]).toEqual({ rev: rev + 3, joins: [carol], leaves: [] });
    });

    it('stay counts for a while if a room is large again right after names returned', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(a, room, ann, 1);
      for (const [index, user] of [bob, carol, bob, carol].entries()) {
        await eventually(() => expect(heard).toHaveLength(index + 1), SOON);
        const large = index % 2 === 0;
        granted(await a.roster.setClients(room, large ? LARGE_ROOM_CLIENTS : 1));
        if (index < 2) await enter(b, room, user, 1);
        else granted(await b.roster.exit(room, user.userId, large ? 1 : 0));
      }
      await eventually(() => expect(heard).toHaveLength(5), SOON);
      expect(heard.map((change) => 'joins' in change)).toEqual([true, false, true, false, false]);
      expect(heard.at(-1)).toMatchObject({ users: 1, clients: 1 });
    });

    it('are names again after counts in a small room, even without further changes', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      const many = LARGE_ROOM_CLIENTS + 1;
      await enter(a, room, ann);
      await Promise.all(range(1, many).map((index) => enter(a, room, userOf(index))));
      await eventually(() => expect(heard.at(-1)).toMatchObject({ users: many + 1, clients: 1 }), SOON);
      const { rev = 0 } = heard.at(-1) ?? {};
      await eventually(() => expect(heard.at(-1)).toEqual({ rev: rev + 2, joins: [], leaves: [] }), SOON);
      expect(granted(await a.roster.count(room)).rev).toBe(rev + 2);
    });

    it('carry the number that the room’s count and its list of members answer', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      expect(granted(await a.roster.count(room)).rev).toBe(0);
      const heard = await hear(b, room);
      for (const user of [ann, bob, carol]) {
        await enter(a, room, user, 3);
        await eventually(() => expect(usersAfter(heard)).toContain(user.userId), SOON);
        for (const peer of [a, b]) {
          const rev = heard.at(-1)?.rev;
          expect(granted(await peer.roster.count(room)).rev).toBe(rev);
          expect(granted(await peer.roster.members(room, { limit: 1 })).rev).toBe(rev);
        }
      }
    });

    it('list the users of a dead worker as gone, once, with its own pending changes', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await hear(b, room);
      await enter(b, room, carol);
      await enter(a, room, ann, 1);
      await enter(a, room, bob, 2);
      // Whatever it owed, it says nothing more.
      await a.close();
      granted(await b.roster.reap(a.instanceId));
      granted(await b.roster.reap(a.instanceId));
      await enter(b, room, { userId: 'dora', username: 'Dora' }, 2);
      await eventually(() => expect(usersAfter(heard)).toEqual(['carol', 'dora']), SOON);
      const left = heard.flatMap((change) => ('leaves' in change ? change.leaves : []));
      expect(new Set(left.map(({ userId }) => userId)).size).toBe(left.length);
    });

    it('are announced one by one, by the roster itself, of users who left, on a worker or with it', async () => {
      const { a, b } = await twoPeers(harness);
      const rooms = { left: newRoom(), dead: newRoom(), away: newRoom(), stays: newRoom(), large: newRoom() };
      const heard = await Promise.all(Object.values(rooms).map((room) => hearMoves(b, room)));
      const lounge = roomOf('/', newRoom().roomid, 'lounge');
      const inLounge = await hearMoves(b, lounge);
      for (const room of [...Object.values(rooms), lounge]) {
        await enter(a, room, ann);
        await enter(b, room, bob);
      }
      granted(await b.roster.enter(rooms.large, bob, 1, LARGE_ROOM_CLIENTS + 1));
      for (const room of [rooms.left, rooms.stays]) granted(await b.roster.enter(room, ann, 1, 2));
      const left = [
        // The user is still there on another worker.
        await a.roster.exit(rooms.left, 'ann', 0),
        await b.roster.exit(rooms.left, 'ann', 1),
        // A worker that got no answer repeats the call.
        await b.roster.exit(rooms.left, 'ann', 1),
        // The room was not told of the join.
        await a.roster.exit(rooms.away, 'ann', 0, true),
        await a.roster.exit(rooms.stays, 'ann', 0, true),
        await a.roster.exit(rooms.stays, 'ann', 0, true),
        await a.roster.exit(rooms.large, 'ann', 0),
        await a.roster.exit(lounge, 'ann', 0),
      ].map(granted);
      expect(left.map(({ changed }) => changed)).toEqual([
        false,
        true,
        false,
        true,
        false,
        false,
        true,
        true,
      ]);
      expect(left.filter(({ changed, announced }) => changed && !announced)).toEqual([]);
      await a.close();
      const reaped = [await b.roster.reap(a.instanceId), await b.roster.reap(a.instanceId)].flatMap(granted);
      expect(reaped).toMatchObject([{ room: rooms.dead, user: ann, announced: true }]);
      const [quit, join] = [
        { event: 'broadcast_quit', user: ann },
        { event: 'join', user: ann },
      ];
      await eventually(() => expect(heard).toEqual([[quit], [quit], [], [join], []]), SOON);
      expect(inLounge).toEqual([]);
    });

    it('list the users who are back after their frozen worker was considered dead', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, inbox] = [newRoom(), inboxOf('/', 'ann')];
      const heard = await hear(b, room);
      const returned: string[] = [];
      a.roster.onReturn((where, user, clients) => {
        returned.push(`${user.userId} ${clients} ${where.tag === room.tag}`);
      });
      granted(await a.roster.heartbeat(3));
      granted(await b.roster.heartbeat(1));
      await enter(b, room, bob);
      granted(await a.roster.setConnections(inbox, 2));
      granted(await a.roster.enter(room, ann, 2, 3));
      granted(await a.roster.enter(room, bob, 1, 3));
      granted(await b.roster.reap(a.instanceId));
      await eventually(() => expect(usersAfter(heard)).toEqual(['bob']), SOON);
      granted(await a.roster.heartbeat(3));
      await eventually(() => expect(usersAfter(heard)).toEqual(['ann', 'bob']), SOON);
      expect(returned).toEqual(['ann 4 true']);
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 2, clients: 4 });
      await eventually(async () => expect(granted(await b.roster.connections([inbox]))).toEqual([2]), SOON);
    });

    it('are published for rooms only', async () => {
      const { a, b } = await twoPeers(harness);
      const [lounge, room] = [roomOf('/', 'lobby', 'lounge'), newRoom()];
      const [inLounge, inRoom] = [await hear(b, lounge), await hear(b, room)];
      await enter(a, lounge, ann);
      await enter(a, room, ann);
      await eventually(() => expect(inRoom).toHaveLength(1), SOON);
      expect(inLounge).toEqual([]);
    });
  });
}
