import { describe, expect, it } from 'vitest';
import type { RosterEntry } from '../../src/chat/roster.ts';
import { counted, granted, newRoom, range, twoPeers } from './peers.ts';
import { ann, bob, carol, enter, memberPages } from './roster-peers.ts';
import type { Harness, Peer } from './suite.ts';

export function rosterContract(harness: () => Promise<Harness>): void {
  describe('roster', () => {
    it('counts users once and connections all, over all workers', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const come = async (peer: Peer, user: RosterEntry, clients: number) =>
        counted(await peer.roster.enter(room, user, clients, clients));
      expect(await come(a, ann, 1)).toEqual({ users: 1, clients: 1, changed: true });
      expect(await come(b, ann, 1)).toEqual({ users: 1, clients: 2, changed: false });
      expect(await come(b, bob, 2)).toEqual({ users: 2, clients: 3, changed: true });
      expect(granted(await a.roster.setClients(room, 4))).toEqual({ users: 2, clients: 6 });
      expect(counted(await a.roster.exit(room, 'ann', 0))).toEqual({
        users: 2,
        clients: 2,
        changed: false,
      });
      expect(counted(await b.roster.exit(room, 'ann', 1))).toEqual({
        users: 1,
        clients: 1,
        changed: true,
      });
      expect(counted(await b.roster.exit(room, 'bob', 0))).toEqual({
        users: 0,
        clients: 0,
        changed: true,
      });
    });

    it('accepts a repeated report', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await b.roster.enter(room, bob, 1, 1));
      granted(await a.roster.enter(room, ann, 1, 1));
      expect(counted(await a.roster.enter(room, ann, 1, 1))).toEqual({
        users: 2,
        clients: 2,
        changed: false,
      });
      expect(granted(await a.roster.setClients(room, 1))).toEqual({ users: 2, clients: 2 });
      expect(counted(await a.roster.exit(room, 'ann', 0))).toEqual({
        users: 1,
        clients: 1,
        changed: true,
      });
      expect(counted(await a.roster.exit(room, 'ann', 0))).toEqual({
        users: 1,
        clients: 1,
        changed: false,
      });
      expect(counted(await a.roster.exit(room, 'nobody', 0))).toEqual({
        users: 1,
        clients: 1,
        changed: false,
      });
    });

    it('applies the calls of one worker for a room in the order made', async () => {
      const { a } = await twoPeers(harness);
      // Rooms and the index that lists them may be on different servers.
      const rooms = range(1, 12).map(() => newRoom());
      await Promise.all(rooms.map((room) => enter(a, room, bob)));
      await Promise.all(
        rooms.map(async (room) => {
          const entered = a.roster.enter(room, ann, 1, 2);
          const left = a.roster.exit(room, 'bob', 1);
          const returned = a.roster.enter(room, bob, 1, 2);
          expect(granted(await entered)).toMatchObject({ users: 2, clients: 2, changed: true });
          expect(granted(await left)).toMatchObject({ users: 1, clients: 1, changed: true });
          expect(granted(await returned)).toMatchObject({ users: 2, clients: 2, changed: true });
          expect((await memberPages(a, room, 10)).flat()).toEqual([ann, bob]);
        }),
      );
    });

    it('returns `changed` to exactly one of two workers that add or remove the same user at once', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const came = await Promise.all([a.roster.enter(room, ann, 1, 1), b.roster.enter(room, ann, 1, 1)]);
      expect(came.map((outcome) => granted(outcome).changed).sort()).toEqual([false, true]);
      const went = await Promise.all([a.roster.exit(room, 'ann', 0), b.roster.exit(room, 'ann', 0)]);
      expect(went.map((outcome) => granted(outcome).changed).sort()).toEqual([false, true]);
    });

    it('keeps rooms apart, also the same room id in another namespace', async () => {
      const { a } = await twoPeers(harness);
      const room = newRoom('/');
      const namesake = { ...newRoom('/post'), roomid: room.roomid };
      granted(await a.roster.enter(room, ann, 3, 3));
      expect(counted(await a.roster.enter(namesake, ann, 1, 1))).toEqual({
        users: 1,
        clients: 1,
        changed: true,
      });
      expect(counted(await a.roster.exit(namesake, 'ann', 0))).toEqual({
        users: 0,
        clients: 0,
        changed: true,
      });
      expect(granted(await a.roster.setClients(room, 3))).toEqual({ users: 1, clients: 3 });
    });

    it('reaps a dead worker: users who were nowhere else are gone, each reported once', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, second] = [newRoom('/'), newRoom('/post')];
      for (const user of [ann, bob, carol]) granted(await a.roster.enter(room, user, 3, 3));
      granted(await a.roster.enter(second, carol, 1, 1));
      granted(await b.roster.enter(room, ann, 1, 1));
      granted(await a.roster.exit(room, 'bob', 2));

      const reaps = await Promise.all([b.roster.reap(a.instanceId), b.roster.reap(a.instanceId)]);
      const departures = [...reaps, await b.roster.reap(a.instanceId)].flatMap(granted);
      expect(departures).toHaveLength(2);
      expect(departures).toEqual(
        expect.arrayContaining([
          { room, user: carol, clients: 1, announced: true },
          { room: second, user: carol, clients: 0, announced: true },
        ]),
      );
      expect(granted(await b.roster.setClients(room, 1))).toEqual({ users: 1, clients: 1 });
      expect(granted(await b.roster.setClients(second, 0))).toEqual({ users: 0, clients: 0 });
      expect(counted(await b.roster.exit(room, 'ann', 0))).toEqual({
        users: 0,
        clients: 0,
        changed: true,
      });
    });

    it('reports a departed user under the last name and avatar', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      const renamed = { ...ann, username: 'Anna "the" 安娜', avatar: 'https://x.example/a.png' };
      granted(await a.roster.enter(room, renamed, 1, 1));
      expect(granted(await b.roster.reap(a.instanceId))).toMatchObject([{ room, user: renamed }]);
    });

    it('finds nothing to reap of an unknown worker', async () => {
      const { a } = await twoPeers(harness);
      expect(granted(await a.roster.reap('never-started'))).toEqual([]);
    });

    it('does not count a worker as expired that just sent a heartbeat', async () => {
      const { a, b } = await twoPeers(harness);
      granted(await a.roster.heartbeat(3));
      granted(await b.roster.heartbeat(0));
      const expired = granted(await b.roster.expired());
      expect(expired).not.toContain(a.instanceId);
      expect(expired).not.toContain(b.instanceId);
    });
  });
}
