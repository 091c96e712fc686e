import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { inboxOf, type Room, roomOf } from '../../src/chat/room.ts';
import type { RosterEntry, RosterPage } from '../../src/chat/roster.ts';
import { eventually } from '../support/eventually.ts';
import { counted, granted, newRoom, range, twoPeers } from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
const bob = { userId: 'bob', username: 'Bob' };
const carol = { userId: 'carol', username: 'Carol' };

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

async function enter(peer: Peer, room: Room, user: RosterEntry, clients = 1): Promise<void> {
  granted(await peer.roster.enter(room, user, clients, clients));
}

/** Ids of those found, sorted; asked of both workers. */
async function named(peers: readonly Peer[], room: Room, username: string, limit = 10): Promise<string[]> {
  const answers = await Promise.all(peers.map((peer) => peer.roster.findByUsername(room, username, limit)));
  const [ids = [], ...others] = answers.map((answer) => [...granted(answer)].sort());
  for (const other of others) expect(other).toEqual(ids);
  return ids;
}

/** All pages from the first to the one after which there is no more. */
async function pagesOf<T>(
  look: (page: RosterPage) => Promise<{ readonly page: readonly T[]; readonly next?: string }>,
  limit: number,
): Promise<(readonly T[])[]> {
  const pages: (readonly T[])[] = [];
  for (let after: string | undefined; ; ) {
    const { page, next } = await look({ limit, ...(after === undefined ? {} : { after }) });
    pages.push(page);
    if (next === undefined) return pages;
    expect(next).not.toBe(after);
    after = next;
  }
}

function memberPages(peer: Peer, room: Room, limit: number): Promise<(readonly RosterEntry[])[]> {
  return pagesOf(async (query) => {
    const { members, rev: _, ...more } = granted(await peer.roster.members(room, query));
    return { page: members.map(({ clients: __, state: ___, seenAt: ____, ...user }) => user), ...more };
  }, limit);
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

  describe('connections', () => {
    async function living(): Promise<{ a: Peer; b: Peer }> {
      const { a, b } = await twoPeers(harness);
      for (const peer of [a, b]) granted(await peer.roster.heartbeat(0));
      return { a, b };
    }

    async function connections(peer: Peer, inboxes: readonly Room[]): Promise<readonly number[]> {
      return granted(await peer.roster.connections(inboxes));
    }

    it('of a user are summed over all workers, in the order asked', async () => {
      const { a, b } = await living();
      const [annInbox, bobInbox] = [inboxOf('/', 'ann'), inboxOf('/', '__proto__')];
      const nobody = inboxOf('/', `nobody ${randomUUID()}`);
      granted(await a.roster.setConnections(annInbox, 2));
      granted(await b.roster.setConnections(annInbox, 3));
      granted(await b.roster.setConnections(bobInbox, 1));
      for (const peer of [a, b]) {
        expect(await connections(peer, [annInbox, nobody, bobInbox, annInbox])).toEqual([5, 0, 1, 5]);
        expect(await connections(peer, [])).toEqual([]);
      }
    });

    it('are the last report of each worker: repeats count once, and 0 removes the user', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      for (const count of [1, 4, 4]) granted(await a.roster.setConnections(inbox, count));
      granted(await b.roster.setConnections(inbox, 1));
      expect(await connections(b, [inbox])).toEqual([5]);
      for (const _ of [1, 2]) granted(await a.roster.setConnections(inbox, 0));
      expect(await connections(b, [inbox])).toEqual([1]);
      granted(await b.roster.setConnections(inbox, 0));
      granted(await b.roster.setConnections(inboxOf('/', 'never seen'), 0));
      expect(await connections(a, [inbox, inboxOf('/', 'never seen')])).toEqual([0, 0]);
    });

    it('of more users than are read at once are all counted, and all reaped', async () => {
      const { a, b } = await living();
      const room = newRoom();
      const people = range(1, 2_100).map((n) => ({ userId: `u${n}`, username: `U${n}` }));
      await Promise.all(people.map(({ userId }) => a.roster.setConnections(inboxOf('/', userId), 1)));
      for (const user of people.slice(0, 5)) await enter(a, room, user);
      await eventually(
        async () => {
          granted(await a.roster.heartbeat(people.length));
          granted(await b.roster.heartbeat(0));
          expect(granted(await b.roster.totals())).toEqual({ users: 2_100, clients: 2_100 });
        },
        { interval: 50 },
      );
      expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(5);
      const inboxes = people.map(({ userId }) => inboxOf('/', userId));
      expect(await connections(b, inboxes)).toEqual(people.map(() => 0));
      expect(granted(await b.roster.reap(a.instanceId))).toEqual([]);
    });

    it('and their users are of one moment: no user without a connection, no connection without a user', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      const total = async () => granted(await b.roster.totals());
      granted(await a.roster.setConnections(inbox, 2));
      await eventually(async () => expect((await total()).users).toBe(1), { interval: 50 });
      expect((await total()).clients).toBeGreaterThanOrEqual(1);
      granted(await a.roster.heartbeat(2));
      await eventually(async () => expect(await total()).toEqual({ users: 1, clients: 2 }), { interval: 50 });
      granted(await a.roster.setConnections(inbox, 0));
      await eventually(async () => expect((await total()).users).toBe(0), { interval: 50 });
      expect(await total()).toEqual({ users: 0, clients: 0 });
    });

    it('of a reaped worker do not count', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      granted(await a.roster.setConnections(inbox, 2));
      granted(await b.roster.setConnections(inbox, 3));
      granted(await b.roster.reap(a.instanceId));
      expect(await connections(b, [inbox])).toEqual([3]);
    });

    it('of the same user id in two namespaces are counted apart, and as one user in the total', async () => {
      const { a, b } = await living();
      const [here, there] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann')];
      const told = async (clients: readonly (readonly [Peer, number])[], users: number) => {
        const all = { users, clients: clients.reduce((sum, [, count]) => sum + count, 0) };
        const look = async () => {
          for (const [peer, count] of clients) granted(await peer.roster.heartbeat(count));
          for (const [peer] of clients) expect(granted(await peer.roster.totals())).toEqual(all);
        };
        await eventually(look, { interval: 50 });
      };
      granted(await a.roster.setConnections(here, 2));
      granted(await b.roster.setConnections(here, 1));
      granted(await b.roster.setConnections(there, 3));
      granted(await b.roster.setConnections(inboxOf('/post', 'bob'), 1));
      expect(await connections(a, [here, there])).toEqual([3, 3]);
      await told(
        [
          [a, 2],
          [b, 5],
        ],
        2,
      );
      for (const inbox of [there, inboxOf('/post', 'bob')]) {
        granted(await b.roster.setConnections(inbox, 0));
      }
      await told(
        [
          [a, 2],
          [b, 1],
        ],
        1,
      );
      granted(await a.roster.setConnections(here, 0));
      granted(await b.roster.setConnections(there, 2));
      await told(
        [
          [a, 0],
          [b, 3],
        ],
        1,
      );
      granted(await a.roster.reap(b.instanceId));
      await told([[a, 0]], 0);
    });
  });

  describe('store', () => {
    it('keeps one secret for all workers, also over a restart', async () => {
      const { store, a, b } = await twoPeers(harness);
      const secrets = (await Promise.all([a.secret(), b.secret(), a.secret()])).map(granted);
      expect(new Set(secrets).size).toBe(1);
      expect(secrets[0]?.length).toBeGreaterThanOrEqual(32);
      await store.restart();
      expect(granted(await (await store.open()).secret())).toBe(secrets[0]);
    });

    it('makes another secret in another store', async () => {
      const [one, two] = [await twoPeers(harness), await twoPeers(harness)];
      expect(granted(await one.a.secret())).not.toBe(granted(await two.a.secret()));
    });

    it('answers its check', async () => {
      const { a, b } = await twoPeers(harness);
      expect([(await a.check()).ok, (await b.check()).ok]).toEqual([true, true]);
    });
  });
}
