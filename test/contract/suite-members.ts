import { describe, expect, it } from 'vitest';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import type { RoomSubscription } from '../../src/chat/room-subscriptions.ts';
import type { RosterEntry, RosterMember } from '../../src/chat/roster.ts';
import { eventually } from '../support/eventually.ts';
import { append, counted, granted, newRoom, range, twoPeers } from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
const bob = { userId: 'bob', username: 'Bob' };
const carol = { userId: 'carol', username: 'Carol' };

/** What one worker knows of another may be a second old. */
const SOON = { interval: 20 };

async function members(peer: Peer, room: Room): Promise<readonly RosterMember[]> {
  return granted(await peer.roster.members(room, { limit: 100 })).members;
}

function member(user: RosterEntry, clients: number, state: RosterMember['state'] = 'online'): RosterMember {
  return { ...user, clients, state, seenAt: expect.any(Number) };
}

async function visited(peer: Peer, inbox: Room): Promise<readonly RoomSubscription[]> {
  return granted(await peer.roomSubscriptions.list(inbox));
}

async function join(peer: Peer, inbox: Room, ...roomids: string[]): Promise<void> {
  for (const roomid of roomids) granted(await peer.roomSubscriptions.set(inbox, roomid, true));
}

export function membersContract(harness: () => Promise<Harness>): void {
  describe('members', () => {
    async function living(): Promise<{ store: Harness; a: Peer; b: Peer; room: Room }> {
      const peers = await twoPeers(harness);
      for (const peer of [peers.a, peers.b]) granted(await peer.roster.heartbeat(0));
      return { ...peers, room: newRoom() };
    }

    it('have their connections in the room, over all workers', async () => {
      const { a, b, room } = await living();
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await a.roster.enter(room, bob, 1, 3));
      granted(await b.roster.enter(room, ann, 4, 4));
      for (const peer of [a, b]) {
        await eventually(
          async () => expect(await members(peer, room)).toEqual([member(ann, 6), member(bob, 1)]),
          SOON,
        );
      }
      // What a worker says last of a user counts, of the others nothing changes.
      granted(await a.roster.enter(room, ann, 1, 2));
      expect(await members(a, room)).toEqual([member(ann, 5), member(bob, 1)]);
      granted(await b.roster.exit(room, 'ann', 0));
      expect(await members(a, room)).toEqual([member(ann, 1), member(bob, 1)]);
    });

    it('have the last heartbeat of their worker as seenAt, by the clock of the store', async () => {
      const { a, b, room } = await living();
      granted(await a.roster.enter(room, ann, 1, 1));
      const seenAt = async () => (await members(b, room))[0]?.seenAt ?? 0;
      const first = await seenAt();
      expect(Math.abs(Date.now() - first)).toBeLessThan(60_000);
      await eventually(async () => {
        granted(await a.roster.heartbeat(1));
        expect(await seenAt()).toBeGreaterThan(first);
      }, SOON);
    });

    it('of a dead worker only are doubtful until it is reaped, and do not count as connected', async () => {
      const { a, b, room } = await living();
      const inboxes = [ann, bob, carol].map(({ userId }) => inboxOf('/', userId)) as [Room, Room, Room];
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await a.roster.enter(room, carol, 1, 3));
      granted(await b.roster.enter(room, bob, 1, 1));
      granted(await b.roster.enter(room, carol, 2, 3));
      granted(await a.roster.setConnections(inboxes[0], 2));
      granted(await a.roster.setConnections(inboxes[2], 1));
      granted(await b.roster.setConnections(inboxes[1], 1));
      granted(await b.roster.setConnections(inboxes[2], 2));
      granted(await a.roster.heartbeat(3));
      granted(await b.roster.heartbeat(3));
      await eventually(async () => {
        expect(granted(await b.roster.connections(inboxes))).toEqual([2, 1, 3]);
        expect(granted(await b.roster.totals())).toEqual({ users: 3, clients: 6 });
        expect(granted(await b.roster.count(room)).clients).toBe(6);
      }, SOON);

      granted(await b.roster.fence(a.instanceId));
      const left = [member(ann, 0, 'doubtful'), member(bob, 1), member(carol, 2)];
      expect(await members(b, room)).toEqual(left);
      expect(granted(await b.roster.connections(inboxes))).toEqual([0, 1, 2]);
      expect(granted(await b.roster.count(room)).clients).toBe(3);
      await eventually(
        async () => expect(granted(await b.roster.totals())).toEqual({ users: 2, clients: 3 }),
        SOON,
      );
      const [doubted] = await members(b, room);
      expect(Math.abs(Date.now() - (doubted?.seenAt ?? 0))).toBeLessThan(60_000);

      const reaps = [await b.roster.reap(a.instanceId), await b.roster.reap(a.instanceId)].map(granted);
      expect(reaps).toMatchObject([[{ room, user: ann }], []]);
      expect(await members(b, room)).toEqual([member(bob, 1), member(carol, 2)]);
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 2, clients: 3 });
    });

    it('of a dead worker are doubtful on every worker, and still found by their name', async () => {
      const { a, b, room } = await living();
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await b.roster.fence(a.instanceId));
      granted(await b.roster.fence(a.instanceId));
      granted(await b.roster.fence('never-started'));
      await eventually(
        async () => expect(await members(a, room)).toEqual([member(ann, 0, 'doubtful')]),
        SOON,
      );
      expect(granted(await b.roster.findByUsername(room, 'Ann', 5))).toEqual(['ann']);
    });

    it('are read page by page with all their fields', async () => {
      const { a, b, room } = await living();
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await b.roster.enter(room, bob, 2, 2));
      granted(await b.roster.enter(room, carol, 3, 5));
      await eventually(async () => {
        expect(granted(await a.roster.members(room, { limit: 2 }))).toMatchObject({
          members: [member(ann, 1), member(bob, 2)],
          next: 'bob',
        });
      }, SOON);
      expect(granted(await a.roster.members(room, { limit: 2, after: 'bob' }))).toMatchObject({
        members: [member(carol, 3)],
      });
    });
  });

  describe('a room with a limit', () => {
    const options = { maxRoomClients: 3 };
    const full = { ok: false, error: { code: 'limit', message: 'roomid: the room is full' } };

    it('refuses one connection too many without a trace, and admits it once there is space', async () => {
      const { a, b } = await twoPeers(harness, options);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await b.roster.enter(room, bob, 2, 2));
      const before = await members(a, room);
      for (const refused of [
        await a.roster.enter(room, carol, 1, 2),
        await b.roster.enter(room, carol, 1, 3),
        await a.roster.enter(room, { ...ann, username: 'Anna' }, 2, 2),
      ]) {
        expect(refused).toMatchObject(full);
      }
      for (const peer of [a, b]) {
        expect(granted(await peer.roster.count(room))).toMatchObject({ users: 2, clients: 3 });
        expect(granted(await peer.roster.findByUsername(room, 'Carol', 5))).toEqual([]);
        expect(granted(await peer.roster.findByUsername(room, 'Anna', 5))).toEqual([]);
      }
      expect((await members(a, room)).map(({ seenAt: _, ...rest }) => rest)).toEqual(
        before.map(({ seenAt: _, ...rest }) => rest),
      );
      granted(await b.roster.enter(room, bob, 1, 1));
      expect(counted(await a.roster.enter(room, carol, 1, 2))).toEqual({
        users: 3,
        clients: 3,
        changed: true,
      });
      expect(await b.roster.enter(room, bob, 2, 2)).toMatchObject(full);
      granted(await a.roster.exit(room, 'ann', 1));
      expect(counted(await b.roster.enter(room, bob, 2, 2))).toEqual({
        users: 2,
        clients: 3,
        changed: false,
      });
    });

    it('refuses no user who adds no connection', async () => {
      const { a, b } = await twoPeers(harness, options);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await b.roster.enter(room, bob, 1, 1));
      for (const _ of [1, 2]) granted(await a.roster.enter(room, ann, 2, 2));
      const renamed = { ...ann, username: 'Anna' };
      granted(await a.roster.enter(room, renamed, 1, 2));
      granted(await a.roster.enter(room, carol, 1, 2));
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 3, clients: 3 });
      // It grew past the limit by what is not refused: that throws nobody out.
      granted(await b.roster.setClients(room, 5));
      granted(await a.roster.enter(room, ann, 2, 2));
      granted(await b.roster.enter(room, bob, 4, 4));
      expect(await a.roster.enter(room, ann, 3, 3)).toMatchObject(full);
    });

    it('admits the first connection on a worker of a user who is in the room on another one', async () => {
      const { a, b } = await twoPeers(harness, options);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await a.roster.enter(room, bob, 2, 3));
      expect(await b.roster.enter(room, carol, 1, 1)).toMatchObject(full);
      expect(await b.roster.enter(room, bob, 2, 2)).toMatchObject(full);
      // The two count a third connection, which is refused at the same time.
      expect(counted(await b.roster.enter(room, ann, 1, 2))).toEqual({
        users: 2,
        clients: 4,
        changed: false,
      });
      expect(counted(await b.roster.enter(room, bob, 1, 2))).toEqual({
        users: 2,
        clients: 5,
        changed: false,
      });
      expect(await b.roster.enter(room, ann, 2, 3)).toMatchObject(full);
      expect(await b.roster.enter(room, carol, 1, 3)).toMatchObject(full);
      granted(await a.roster.exit(room, 'ann', 2));
      expect(await a.roster.enter(room, carol, 1, 3)).toMatchObject(full);
      expect(counted(await a.roster.exit(room, 'bob', 0))).toEqual({ users: 2, clients: 2, changed: false });
      granted(await b.roster.enter(room, carol, 1, 3));
    });

    it('is not created by a refusal, and limits no other room', async () => {
      const { a, b } = await twoPeers(harness, options);
      const [refused, other] = [newRoom(), newRoom()];
      expect(await a.roster.enter(refused, ann, 4, 4)).toMatchObject(full);
      granted(await a.roster.enter(other, ann, 3, 3));
      expect(granted(await b.roster.rooms('/', { limit: 5 }))).toEqual({
        rooms: [{ roomid: other.roomid, users: 1, clients: 3 }],
      });
      expect(granted(await b.roster.reap(a.instanceId))).toMatchObject([{ room: other, user: ann }]);
    });

    it('gives the last place to one of two users who join at once', async () => {
      const { a, b } = await twoPeers(harness, options);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 2, 2));
      const came = await Promise.all([
        a.roster.enter(room, carol, 1, 3),
        b.roster.enter(room, bob, 1, 1),
        b.roster.enter(newRoom(), bob, 1, 1),
      ]);
      expect(came.map((outcome) => outcome.ok).sort()).toEqual([false, true, true]);
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 2, clients: 3 });
    });
  });

  describe('room subscriptions', () => {
    it('return whether they changed the list, and mark a new room as read up to its top', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const visit = async (peer: Peer, joined: boolean, top?: number) =>
        granted(await peer.roomSubscriptions.set(inbox, 'room', joined, top));
      expect(await visit(a, false)).toBe(false);
      expect(await visit(a, true, 7)).toBe(true);
      expect(await visit(b, true, 9)).toBe(false);
      expect(await visited(b, inbox)).toEqual([{ roomid: 'room', read: 7 }]);
      expect(granted(await b.roomSubscriptions.raiseReadMarker(inbox, 'room', 8))).toBe(8);
      expect(await visit(a, false)).toBe(true);
      expect(await visit(b, false)).toBe(false);
      expect(await visited(a, inbox)).toEqual([]);
    });

    it('are the rooms joined and not left, the last one first', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      expect(await visited(a, inbox)).toEqual([]);
      await join(a, inbox, 'one', '__proto__', 'three');
      await join(b, inbox, 'one');
      const of = (...roomids: string[]) => roomids.map((roomid) => ({ roomid, read: 0 }));
      for (const peer of [a, b]) expect(await visited(peer, inbox)).toEqual(of('one', 'three', '__proto__'));
      granted(await b.roomSubscriptions.set(inbox, 'three', false));
      granted(await b.roomSubscriptions.set(inbox, 'never joined', false));
      for (const peer of [a, b]) expect(await visited(peer, inbox)).toEqual(of('one', '__proto__'));
      for (const roomid of ['one', '__proto__']) granted(await a.roomSubscriptions.set(inbox, roomid, false));
      expect(await visited(b, inbox)).toEqual([]);
    });

    it('have the read marker of each room, which only rises, and forget it with the room', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const read = async (peer: Peer, roomid: string, seq: number) =>
        granted(await peer.roomSubscriptions.raiseReadMarker(inbox, roomid, seq));
      await join(a, inbox, 'one', 'two');
      expect(await read(a, 'one', 7)).toBe(7);
      expect(await read(b, 'one', 3)).toBe(7);
      expect(await read(b, 'one', 9_007_199_254_740_991)).toBe(9_007_199_254_740_991);
      const both = [
        { roomid: 'one', read: 9_007_199_254_740_991 },
        { roomid: 'two', read: 0 },
      ];
      expect(await visited(a, inbox)).toEqual(both);
      await join(b, inbox, 'one');
      expect(await visited(b, inbox)).toEqual(both);
      granted(await a.roomSubscriptions.set(inbox, 'one', false));
      await join(a, inbox, 'one');
      expect(await visited(b, inbox)).toEqual([
        { roomid: 'one', read: 0 },
        { roomid: 'two', read: 0 },
      ]);
      expect(await read(a, 'one', 2)).toBe(2);
    });

    it('accept a marker of a room that was not joined, too', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      expect(granted(await a.roomSubscriptions.raiseReadMarker(inbox, 'one', 4))).toBe(4);
      expect(granted(await b.roomSubscriptions.raiseReadMarker(inbox, 'one', 2))).toBe(4);
      await join(b, inbox, 'one');
      expect(await visited(a, inbox)).toEqual([{ roomid: 'one', read: 4 }]);
    });

    it('end at the highest marker if two workers raise it at once', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      await join(a, inbox, 'one');
      await Promise.all(
        range(1, 40).map((n) =>
          (n % 2 ? a : b).roomSubscriptions.raiseReadMarker(inbox, 'one', ((n * 17) % 40) + 1),
        ),
      );
      expect(await visited(b, inbox)).toEqual([{ roomid: 'one', read: 40 }]);
    });

    it('are of one user in one namespace, and the ids may be anything', async () => {
      const { a, b } = await twoPeers(harness);
      const long = '房'.repeat(1_000);
      const inboxes = [inboxOf('/', 'ann'), inboxOf('/post', 'ann'), inboxOf('/', 'bob'), inboxOf('/', long)];
      for (const [index, inbox] of inboxes.entries()) {
        await join(index % 2 ? a : b, inbox, `${long}${index}`);
        granted(await a.roomSubscriptions.raiseReadMarker(inbox, `${long}${index}`, index + 1));
      }
      for (const [index, inbox] of inboxes.entries()) {
        expect(await visited(b, inbox)).toEqual([{ roomid: `${long}${index}`, read: index + 1 }]);
      }
    });

    it('are at most 1,000: those joined or read last', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      await join(a, inbox, ...range(1, 1_000).map((n) => `room ${n}`));
      granted(await a.roomSubscriptions.raiseReadMarker(inbox, 'room 2', 5));
      await join(a, inbox, 'room 1');
      await join(a, inbox, 'room 1001', 'room 1002', 'room 1003');
      const rooms = await visited(b, inbox);
      expect(rooms).toHaveLength(1_000);
      expect(rooms.slice(0, 6)).toEqual([
        { roomid: 'room 1003', read: 0 },
        { roomid: 'room 1002', read: 0 },
        { roomid: 'room 1001', read: 0 },
        { roomid: 'room 1', read: 0 },
        { roomid: 'room 2', read: 5 },
        { roomid: 'room 1000', read: 0 },
      ]);
      expect(rooms.at(-1)).toEqual({ roomid: 'room 6', read: 0 });
    });

    it('survive a restart of the store', async () => {
      const { store, a } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      await join(a, inbox, 'one', 'two');
      granted(await a.roomSubscriptions.raiseReadMarker(inbox, 'one', 3));
      const before = await visited(a, inbox);
      expect(before).toHaveLength(2);
      await store.restart();
      expect(await visited(await store.open(), inbox)).toEqual(before);
    });

    it('are forgotten with the inbox, an empty one too', async () => {
      const { a, b } = await twoPeers(harness);
      const [filled, empty, other] = ['ann', 'bob', 'carol'].map((userId) => inboxOf('/', userId)) as [
        Room,
        Room,
        Room,
      ];
      await append(a, filled, 'item');
      for (const inbox of [filled, empty, other]) {
        await join(a, inbox, 'one');
        granted(await a.roomSubscriptions.raiseReadMarker(inbox, 'one', 3));
      }
      for (const inbox of [filled, empty]) granted(await b.inboxes.erase(inbox));
      for (const inbox of [filled, empty]) expect(await visited(a, inbox)).toEqual([]);
      expect(granted(await a.roomSubscriptions.raiseReadMarker(filled, 'one', 1))).toBe(1);
      expect(await visited(b, other)).toEqual([{ roomid: 'one', read: 3 }]);
    });
  });
}
