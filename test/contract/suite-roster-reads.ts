import { describe, expect, it } from 'vitest';
import { type Room, roomOf } from '../../src/chat/room.ts';
import type { RosterEntry } from '../../src/chat/roster.ts';
import { eventually } from '../support/eventually.ts';
import { granted, newRoom, range, twoPeers } from './peers.ts';
import { ann, bob, carol, enter, memberPages, pagesOf } from './roster-peers.ts';
import type { Harness, Peer } from './suite.ts';

/** In the order of their UTF-8 bytes, in which the last two are the other way round than in JavaScript. */
const ODD_IDS = [
  '-1',
  '10',
  '9',
  'Ann',
  '__proto__',
  'ann',
  'ann lee',
  'ann-lee',
  'annalee',
  'constructor',
  'Ён',
  'яна',
  '日本 語',
  '日本語',
  'ﬀ',
  '𠀀',
];

/** Ids of those found, sorted; asked of both workers. */
async function named(peers: readonly Peer[], room: Room, username: string, limit = 10): Promise<string[]> {
  const answers = await Promise.all(peers.map((peer) => peer.roster.findByUsername(room, username, limit)));
  const [ids = [], ...others] = answers.map((answer) => [...granted(answer)].sort());
  for (const other of others) expect(other).toEqual(ids);
  return ids;
}

function roomPages(peer: Peer, nsp: string, limit: number) {
  return pagesOf(async (query) => {
    const { rooms, ...more } = granted(await peer.roster.rooms(nsp, query));
    return { page: rooms, ...more };
  }, limit);
}

function shuffled<T>(all: readonly T[]): T[] {
  // 7 has no divisor in common with the number of ids.
  return all.map((_, index) => all[(index * 7) % all.length] as T);
}

export function rosterReadsContract(harness: () => Promise<Harness>): void {
  describe('roster, read', () => {
    it('returns a room’s count without changing anything', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, unknown] = [newRoom(), newRoom()];
      await enter(a, room, ann, 2);
      await enter(b, room, bob, 1);
      for (const peer of [a, b, a]) {
        expect(granted(await peer.roster.count(room))).toMatchObject({ users: 2, clients: 3 });
        expect(granted(await peer.roster.count(unknown))).toMatchObject({ users: 0, clients: 0 });
      }
      const listed = [{ roomid: room.roomid, users: 2, clients: 3 }];
      expect(granted(await b.roster.rooms('/', { limit: 10 }))).toEqual({ rooms: listed });
      expect(granted(await a.roster.setClients(room, 2))).toEqual({ users: 2, clients: 3 });
    });

    it('finds users by their name, whole and exact, in that room alone', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      const names = ['a', 'a b', 'ab', 'A', '__proto__', 'a:b', 'a*', 'Ён', '日本語', '日本'];
      for (const [index, username] of names.entries()) {
        await enter(index % 2 ? a : b, room, { userId: `user ${index}`, username }, 1);
      }
      await enter(a, other, { userId: 'elsewhere', username: 'a' });
      for (const [index, username] of names.entries()) {
        expect(await named([a, b], room, username)).toEqual([`user ${index}`]);
      }
      for (const username of ['a ', 'a b ', 'b', '*', 'user 1', 'constructor', '日']) {
        expect(await named([a, b], room, username)).toEqual([]);
      }
      expect(await named([a, b], newRoom(), 'a')).toEqual([]);
    });

    it('returns whether a user is in one of several rooms, on any worker', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other, empty] = [newRoom(), newRoom(), newRoom()];
      await enter(a, room, ann);
      await enter(b, other, { userId: '__proto__', username: 'Ann' });
      for (const { roster } of [a, b]) {
        expect(granted(await roster.isInAny([empty, room], 'ann'))).toBe(true);
        expect(granted(await roster.isInAny([room, other], '__proto__'))).toBe(true);
        expect(granted(await roster.isInAny([empty, other], 'ann'))).toBe(false);
        expect(granted(await roster.isInAny([room, other], 'Ann'))).toBe(false);
        expect(granted(await roster.isInAny([], 'ann'))).toBe(false);
      }
      granted(await a.roster.exit(room, 'ann', 0));
      expect(granted(await b.roster.isInAny([room], 'ann'))).toBe(false);
    });

    it('does not count a user as online whom only a dead worker left in a room', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      for (const peer of [a, b]) granted(await peer.roster.heartbeat(1));
      const stays = async (where: typeof room, userId: string) =>
        granted(await a.roster.isOnlineIn(where, userId));
      expect(await stays(room, 'ann')).toBe(false);
      await enter(b, room, ann);
      for (const peer of [a, b]) await enter(peer, other, ann);
      expect([await stays(room, 'ann'), await stays(other, 'ann'), await stays(room, 'Ann')]).toEqual([
        true,
        true,
        false,
      ]);
      granted(await a.roster.fence(b.instanceId));
      await eventually(async () => expect(await stays(room, 'ann')).toBe(false));
      expect(await stays(other, 'ann')).toBe(true);
      expect(granted(await a.roster.isInAny([room], 'ann'))).toBe(true);
    });

    it('finds all users of one name, up to the limit', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const [peer, userId] of [
        [a, 'a'],
        [b, '__proto__'],
        [b, 'a b'],
        // On both workers, and still one user.
        [a, 'a b'],
      ] as const) {
        await enter(peer, room, { userId, username: 'a b' });
      }
      expect(await named([a, b], room, 'a b')).toEqual(['__proto__', 'a', 'a b']);
      const two = granted(await a.roster.findByUsername(room, 'a b', 2));
      expect(new Set(two).size).toBe(2);
      expect(['__proto__', 'a', 'a b']).toEqual(expect.arrayContaining([...two]));
    });

    it('finds a user under a new name, and under the old one no more', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await enter(a, room, ann);
      await enter(a, room, { ...ann, username: 'Anna' });
      expect(await named([a, b], room, 'Ann')).toEqual([]);
      expect(await named([a, b], room, 'Anna')).toEqual(['ann']);
      await enter(a, room, ann);
      expect(await named([a, b], room, 'Ann')).toEqual(['ann']);
      expect(await named([a, b], room, 'Anna')).toEqual([]);
      granted(await a.roster.exit(room, 'ann', 0));
      expect(await named([a, b], room, 'Ann')).toEqual([]);
    });

    it('finds a user under the names of all workers, each until that worker changes it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await enter(a, room, ann);
      await enter(b, room, { ...ann, username: 'Anna' });
      expect(await named([a, b], room, 'Ann')).toEqual(['ann']);
      expect(await named([a, b], room, 'Anna')).toEqual(['ann']);
      await enter(b, room, ann);
      expect(await named([a, b], room, 'Anna')).toEqual([]);
      granted(await a.roster.exit(room, 'ann', 0));
      expect(await named([a, b], room, 'Ann')).toEqual(['ann']);
      await enter(a, room, { ...ann, username: 'Anna' });
      granted(await b.roster.exit(room, 'ann', 0));
      expect(await named([a, b], room, 'Ann')).toEqual([]);
      expect(await named([a, b], room, 'Anna')).toEqual(['ann']);
    });

    it('finds no user under a name that only a reaped worker reported', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await enter(b, room, ann);
      await enter(a, room, { ...ann, username: 'Anna' });
      for (const user of [bob, carol]) await enter(a, room, user);
      await enter(b, room, carol);
      expect(granted(await b.roster.reap(a.instanceId))).toMatchObject([{ room, user: bob }]);
      const found = await Promise.all(['Ann', 'Anna', 'Bob', 'Carol'].map((name) => named([b], room, name)));
      expect(found).toEqual([['ann'], [], [], ['carol']]);
    });

    it('lists members page by page in the order of the bytes of their ids', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const users = ODD_IDS.map((userId, index) =>
        index % 2 ? { userId, username: `Nr ${index}` } : { userId, username: 'Same', avatar: '1.jpg' },
      );
      for (const [index, user] of shuffled(users).entries()) await enter(index % 3 ? a : b, room, user);
      await enter(b, room, users[3] as RosterEntry);
      for (const peer of [a, b]) {
        const pages = await memberPages(peer, room, 2);
        expect(pages.map((page) => page.length)).toEqual(range(1, ODD_IDS.length / 2).map(() => 2));
        expect(pages.flat()).toEqual(users);
        expect(await memberPages(peer, room, ODD_IDS.length)).toEqual([users]);
        expect((await memberPages(peer, room, 5)).map((page) => page.length)).toEqual([5, 5, 5, 1]);
      }
    });

    it('goes on where a page ended also when that member has left, and shows who came behind it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const user of [ann, bob, carol]) await enter(a, room, user);
      const first = granted(await b.roster.members(room, { limit: 2 }));
      expect(first).toMatchObject({ members: [ann, bob], next: 'bob' });
      granted(await a.roster.exit(room, 'bob', 2));
      const dora = { userId: 'dora', username: 'Dora' };
      await enter(b, room, dora);
      await enter(b, room, { userId: 'bea', username: 'Bea' });
      expect(granted(await b.roster.members(room, { after: 'bob', limit: 2 }))).toMatchObject({
        members: [carol, dora],
      });
      expect(granted(await b.roster.members(room, { after: 'dora', limit: 2 }))).toMatchObject({
        members: [],
      });
    });

    it('lists a member as last reported, and no one who left or was reaped', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      expect(granted(await a.roster.members(room, { limit: 2 }))).toMatchObject({ members: [] });
      for (const user of [ann, bob]) await enter(a, room, user);
      await enter(b, room, carol);
      const renamed = { userId: 'carol', username: 'Carola', avatar: '2.jpg' };
      await enter(b, room, renamed);
      granted(await a.roster.exit(room, 'bob', 1));
      expect(granted(await a.roster.members(room, { limit: 5 }))).toMatchObject({ members: [ann, renamed] });
      granted(await b.roster.reap(a.instanceId));
      expect(granted(await b.roster.members(room, { limit: 5 }))).toMatchObject({ members: [renamed] });
    });

    it('lists the rooms of a namespace page by page in the order of the bytes of their ids', async () => {
      const { a, b } = await twoPeers(harness);
      for (const [index, roomid] of shuffled(ODD_IDS).entries()) {
        await enter(index % 3 || roomid === 'ann' ? a : b, roomOf('/', roomid), ann, 2);
      }
      await enter(b, roomOf('/', 'ann'), bob, 1);
      const elsewhere = roomOf('/post', 'b');
      await enter(a, elsewhere, ann, 1);
      const rooms = ODD_IDS.map((roomid) =>
        roomid === 'ann' ? { roomid, users: 2, clients: 3 } : { roomid, users: 1, clients: 2 },
      );
      for (const peer of [a, b]) {
        const pages = await roomPages(peer, '/', 2);
        expect(pages.map((page) => page.length)).toEqual(range(1, ODD_IDS.length / 2).map(() => 2));
        expect(pages.flat()).toEqual(rooms);
        expect((await roomPages(peer, '/', 5)).flat()).toEqual(rooms);
        expect(await roomPages(peer, '/post', 2)).toEqual([[{ roomid: 'b', users: 1, clients: 1 }]]);
        expect(await roomPages(peer, '/nobody', 2)).toEqual([[]]);
      }
    });

    it('lists no room that was left, reaped or never entered, and no audience', async () => {
      const { a, b } = await twoPeers(harness);
      const [left, reaped, stays] = ['left', 'reaped', 'stays'].map((id) => roomOf('/', id)) as [
        Room,
        Room,
        Room,
      ];
      const lounge = roomOf('/', 'stays', 'lounge');
      for (const room of [left, reaped, stays, lounge]) await enter(a, room, ann);
      await enter(b, stays, bob);
      await enter(b, lounge, bob);
      granted(await a.roster.exit(left, 'ann', 0));
      const listed = async () => granted(await b.roster.rooms('/', { limit: 10 })).rooms;
      expect(await listed()).toEqual([
        { roomid: 'reaped', users: 1, clients: 1 },
        { roomid: 'stays', users: 2, clients: 2 },
      ]);
      const departures = granted(await b.roster.reap(a.instanceId));
      expect(departures).toHaveLength(3);
      expect(departures.map(({ room, user }) => ({ room, user }))).toEqual(
        expect.arrayContaining([reaped, stays, lounge].map((room) => ({ room, user: ann }))),
      );
      expect(await listed()).toEqual([{ roomid: 'stays', users: 1, clients: 1 }]);
      expect(granted(await b.roster.count(lounge))).toMatchObject({ users: 1, clients: 1 });
    });
  });
}
