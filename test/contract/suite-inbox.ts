import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { InboxMarkers, ItemProgress, MarkerUpdate, PushPositions } from '../../src/chat/inbox-store.ts';
import type { Position } from '../../src/chat/log-store.ts';
import { NO_EPOCH } from '../../src/chat/log-store.ts';
import type { Room } from '../../src/chat/room.ts';
import { announcementsOf, inboxOf, roomOf } from '../../src/chat/room.ts';
import { eventually } from '../support/eventually.ts';
import {
  append,
  arrivalOf,
  draftOf,
  granted,
  listen,
  newRoom,
  range,
  read,
  saidIn,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const ODD_USERS = [
  '__proto__',
  'constructor',
  'toString',
  'ann lee',
  'Ён日本語 ع',
  'a.b:c@d~e',
  '0',
  '10',
  '9',
];

function newInbox(nsp = '/'): Room {
  return inboxOf(nsp, `user ${randomUUID()}`);
}

async function marksOf(peer: StorePeer, inbox: Room): Promise<InboxMarkers> {
  return granted(await peer.inboxes.markers(inbox));
}

async function raise(peer: StorePeer, inbox: Room, to: MarkerUpdate): Promise<InboxMarkers> {
  const { was: _was, ...markers } = granted(await peer.inboxes.raise(inbox, to));
  return markers;
}

async function fold(
  peer: StorePeer,
  inbox: Room,
  was: Position | undefined,
  becomes: Position,
): Promise<boolean> {
  const draft = draftOf(inbox, `announcement ${becomes.seq}`);
  return granted(await peer.inboxes.appendAnnouncement(inbox, draft, { was, becomes }));
}

async function progressOf(
  peer: StorePeer,
  inbox: Room,
  seqs: readonly number[],
): Promise<readonly ItemProgress[]> {
  return granted(await peer.inboxes.progress(seqs.map((seq) => ({ inbox, seq }))));
}

/** Items 1 to `count`. */
async function fill(peer: StorePeer, inbox: Room, count: number): Promise<void> {
  await Promise.all(range(1, count).map((n) => append(peer, inbox, `item ${n}`)));
}

/** A later event has a later time than now. */
async function clockTick(): Promise<void> {
  const now = Date.now();
  await eventually(() => expect(Date.now()).toBeGreaterThan(now + 2), { interval: 1 });
}

function byUser({ nsp, positions }: PushPositions): PushPositions {
  return { nsp, positions: [...positions].sort((x, y) => (x.userId < y.userId ? -1 : 1)) };
}

export function inboxContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('a log that is not a room', () => {
    it.each([
      ['an inbox', () => newInbox()],
      ['the announcements', () => announcementsOf('/')],
    ] as const)(
      '%s nothing was put in is not begun by reading it, but by its first entry',
      async (_, make) => {
        const { a, b } = await twoPeers(harness);
        const inbox = make();
        const nothing = { epoch: NO_EPOCH, top: 0, previousEpochs: [], entries: [], more: false, first: 1 };
        expect(await read(a, inbox)).toEqual(nothing);
        expect(await read(b, inbox, { after: 0 })).toEqual(nothing);
        expect(await read(b, inbox, { before: 5 })).toEqual(nothing);
        expect(granted(await a.logs.tops([inbox]))).toEqual([{ top: 0 }]);
        const first = await append(a, inbox, 'first');
        expect(first).toMatchObject({ seq: 1, dup: false });
        expect(first.epoch).not.toBe(NO_EPOCH);
        expect(await read(b, inbox)).toMatchObject({
          epoch: first.epoch,
          top: 1,
          previousEpochs: [],
          first: 1,
        });
        expect((await append(b, inbox, 'second')).epoch).toBe(first.epoch);
        expect(granted(await b.logs.tops([inbox]))).toEqual([{ epoch: first.epoch, top: 2 }]);
      },
    );

    it('keeps as many entries as set for inboxes, and a room as many as for rooms', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 400, inboxSize: 50 });
      const kept = async (room: Room) => {
        await fill(a, room, 300);
        const { top, first } = await read(b, room, { limit: 1 });
        return top - first + 1;
      };
      expect(await kept(newRoom())).toBe(300);
      for (const room of [newInbox(), announcementsOf('/')]) {
        const left = await kept(room);
        expect(left).toBeGreaterThanOrEqual(50);
        expect(left).toBeLessThanOrEqual(150);
      }
    });

    it('is another one than the room of the same id, and than the inbox in another namespace', async () => {
      const { a, b } = await twoPeers(harness);
      const logs = [
        roomOf('/', 'news'),
        inboxOf('/', 'news'),
        announcementsOf('/'),
        inboxOf('/post', 'news'),
        announcementsOf('/post'),
      ];
      for (const [index, log] of logs.entries()) {
        expect((await append(a, log, `in ${index}`)).seq).toBe(1);
      }
      const texts = [];
      for (const log of logs) texts.push(textsOf((await read(b, log)).entries));
      expect(texts).toEqual(logs.map((_, index) => [`in ${index}`]));
    });

    it('is delivered live in its order, copied announcements too', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      const heard = await listen(b, inbox);
      await append(a, inbox, '1');
      await fold(a, inbox, undefined, { epoch: 'e', seq: 7 });
      await append(a, inbox, '3');
      await arrivalOf(3, heard.entries);
      expect(textsOf(heard.entries)).toEqual(['1', 'announcement 7', '3']);
      expect((await read(a, inbox)).entries).toEqual(heard.entries);
    });
  });

  describe('marks', () => {
    it('begin at 0, and stay there for an empty inbox', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      expect(await marksOf(a, inbox)).toEqual({ recv: 0, read: 0 });
      expect(await raise(a, inbox, { sent: 4, recv: 3, read: 2 })).toEqual({ recv: 0, read: 0 });
      expect(granted(await b.logs.tops([inbox]))).toEqual([{ top: 0 }]);
      await fill(a, inbox, 5);
      expect(await marksOf(b, inbox)).toEqual({ recv: 0, read: 0 });
      expect(await progressOf(b, inbox, [1, 5])).toEqual([{}, {}]);
    });

    it('only rise', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 10);
      expect(await raise(a, inbox, { recv: 4 })).toEqual({ recv: 4, read: 0 });
      expect(await raise(b, inbox, { recv: 2 })).toEqual({ recv: 4, read: 0 });
      expect(await raise(b, inbox, { recv: 8, read: 3 })).toEqual({ recv: 8, read: 3 });
      expect(await raise(a, inbox, { read: 1, sent: 1 })).toEqual({ recv: 8, read: 3 });
      expect(await raise(a, inbox, {})).toEqual({ recv: 8, read: 3 });
      expect(await marksOf(b, inbox)).toEqual({ recv: 8, read: 3 });
    });

    it('go no further than the inbox, and do not move when it grows', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 3);
      expect(await raise(a, inbox, { recv: 9_007_199_254_740_991 })).toEqual({ recv: 3, read: 0 });
      expect(await raise(b, inbox, { sent: 99, read: 4 })).toEqual({ recv: 3, read: 3 });
      await append(a, inbox, 'item 4');
      expect(await marksOf(b, inbox)).toEqual({ recv: 3, read: 3 });
      const [third, fourth] = await progressOf(a, inbox, [3, 4]);
      expect(Object.keys(third ?? {}).sort()).toEqual(['readAt', 'recvAt', 'sentAt']);
      expect(fourth).toEqual({});
    });

    it('are told with those before, which two workers that raise them at once share out', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      const raiseTo = async (peer: StorePeer, to: MarkerUpdate) =>
        granted(await peer.inboxes.raise(inbox, to));
      const before = { recv: 0, read: 0 };
      expect(await raiseTo(a, { recv: 4 })).toEqual({ ...before, was: before });
      await fill(a, inbox, 60);
      expect(await raiseTo(a, { recv: 4 })).toEqual({ recv: 4, read: 0, was: before });
      expect(await raiseTo(b, { recv: 4 })).toEqual({ recv: 4, read: 0, was: { recv: 4, read: 0 } });
      const goals = range(1, 20).map((n) => ({ recv: 4 + ((n * 37) % 57) }));
      const steps = await Promise.all(goals.map((to, index) => raiseTo(index % 2 ? a : b, to)));
      const covered = steps.reduce((sum, { recv, was = before }) => sum + recv - was.recv, 4);
      expect(covered).toBe((await marksOf(a, inbox)).recv);
    });

    it('of read items raise the received marker', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 10);
      expect(await raise(a, inbox, { read: 6 })).toEqual({ recv: 6, read: 6 });
      expect(await raise(b, inbox, { recv: 8, read: 7 })).toEqual({ recv: 8, read: 7 });
      const [progress] = await progressOf(a, inbox, [6]);
      expect(progress?.recvAt).toBe(progress?.readAt);
      expect(progress?.recvAt).toBeTypeOf('number');
    });

    it('end at the highest when two workers raise them at once', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 60);
      const seen: InboxMarkers[][] = [[], []];
      await Promise.all(
        range(1, 60).flatMap((n) =>
          [a, b].map(async (peer, index) => {
            const goal = ((n * 37 + index * 11) % 60) + 1;
            seen[index]?.push(
              await raise(peer, inbox, n % 3 ? { recv: goal } : { read: Math.ceil(goal / 2) }),
            );
          }),
        ),
      );
      for (const marks of seen) {
        expect(marks.map(({ recv }) => recv)).toEqual(marks.map(({ recv }) => recv).sort((x, y) => x - y));
        expect(marks.map(({ read }) => read)).toEqual(marks.map(({ read }) => read).sort((x, y) => x - y));
        expect(marks.every((one) => one.read <= one.recv)).toBe(true);
      }
      const goals = range(1, 60).flatMap((n) =>
        [0, 1].map((index) => ({ n, goal: ((n * 37 + index * 11) % 60) + 1 })),
      );
      const highest = (of: (n: number) => boolean) =>
        Math.max(...goals.filter(({ n }) => of(n)).map(({ goal }) => goal));
      expect(await marksOf(a, inbox)).toEqual({
        recv: highest((n) => n % 3 !== 0),
        read: Math.ceil(highest((n) => n % 3 === 0) / 2),
      });
    });

    it('are of one inbox alone', async () => {
      const { a, b } = await twoPeers(harness);
      const [here, there] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann')];
      for (const inbox of [here, there]) await fill(a, inbox, 3);
      await raise(a, here, { read: 2 });
      expect(await marksOf(b, there)).toEqual({ recv: 0, read: 0 });
    });

    it('are still there after the store was restarted, and rise on', async () => {
      const { store, a } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 5);
      await raise(a, inbox, { sent: 5, recv: 4, read: 2 });
      await fold(a, inbox, undefined, { epoch: 'news epoch', seq: 3 });
      const before = await progressOf(a, inbox, [2, 4, 5]);
      const { epoch } = await read(a, inbox);
      await store.restart();
      const [c, d] = [await store.open(), await store.open()];
      expect(await marksOf(c, inbox)).toEqual({
        recv: 4,
        read: 2,
        announcements: { epoch: 'news epoch', seq: 3 },
      });
      expect(await progressOf(d, inbox, [2, 4, 5])).toEqual(before);
      expect((await append(d, inbox, 'item 7')).seq).toBe(7);
      expect(await raise(c, inbox, { recv: 3, read: 7 })).toMatchObject({ recv: 7, read: 7 });
      expect((await progressOf(c, inbox, [2]))[0]).toEqual(before[0]);
      // Most stores have begun another epoch by now, which holds the items of the one before.
      expect(granted(await c.inboxes.progress([{ inbox, epoch, seq: 4 }]))).toMatchObject([
        { sentAt: before[1]?.sentAt, recvAt: before[1]?.recvAt },
      ]);
    });
  });

  describe('copying announcements', () => {
    const news = (seq: number) => ({ epoch: 'of-the-news', seq });

    it('stores an announcement once if two workers copy it at once', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await append(a, inbox, 'before');
      for (const n of range(1, 10)) {
        const was = n === 1 ? undefined : news(n - 1);
        const folded = await Promise.all([a, b, a, b].map((peer) => fold(peer, inbox, was, news(n))));
        expect(folded.filter(Boolean)).toHaveLength(1);
      }
      const { entries } = await read(b, inbox);
      expect(textsOf(entries)).toEqual(['before', ...range(1, 10).map((n) => `announcement ${n}`)]);
      expect(seqsOf(entries)).toEqual(range(1, 11));
      expect(await marksOf(a, inbox)).toEqual({ recv: 0, read: 0, announcements: news(10) });
    });

    it('begins an empty inbox', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      expect(await fold(a, inbox, news(1), news(2))).toBe(false);
      expect(granted(await b.logs.tops([inbox]))).toEqual([{ top: 0 }]);
      expect(await fold(b, inbox, undefined, news(2))).toBe(true);
      expect(seqsOf((await read(a, inbox)).entries)).toEqual([1]);
    });

    it('does nothing if the marker stands elsewhere, in number or epoch', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      const heard = await listen(b, inbox);
      expect(await fold(a, inbox, undefined, news(5))).toBe(true);
      for (const was of [undefined, news(4), news(6), { epoch: 'another', seq: 5 }]) {
        expect(await fold(b, inbox, was, news(9))).toBe(false);
      }
      expect(await marksOf(b, inbox)).toMatchObject({ announcements: news(5) });
      // Only equality is asked for: after a new epoch of the news the mark may well go down.
      expect(await fold(b, inbox, news(5), { epoch: 'another', seq: 1 })).toBe(true);
      await arrivalOf(2, heard.entries);
      expect(textsOf(heard.entries)).toEqual(['announcement 5', 'announcement 1']);
      expect(await marksOf(a, inbox)).toMatchObject({ announcements: { epoch: 'another', seq: 1 } });
    });

    it('leaves the marker alone when other items are stored', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fold(a, inbox, undefined, news(1));
      await append(b, inbox, 'between');
      await raise(b, inbox, { read: 2 });
      expect(await marksOf(a, inbox)).toEqual({ recv: 2, read: 2, announcements: news(1) });
      expect(await fold(a, inbox, news(1), news(2))).toBe(true);
    });

    it('knows after a restart of the store which announcements are copied', async () => {
      const { store, a } = await twoPeers(harness);
      const inbox = newInbox();
      expect(await fold(a, inbox, undefined, news(1))).toBe(true);
      await store.restart();
      const c = await store.open();
      expect(await fold(c, inbox, undefined, news(1))).toBe(false);
      expect(await fold(c, inbox, news(1), news(2))).toBe(true);
      expect(textsOf((await read(c, inbox)).entries)).toEqual(['announcement 1', 'announcement 2']);
    });
  });

  describe('progress', () => {
    it('has no time for an item that no marker covers yet, and then the time of the first that did', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 6);
      const atOf = (await read(a, inbox)).entries.map((entry) => saidIn(entry).at);
      expect(await progressOf(b, inbox, [1])).toEqual([{}]);
      await raise(a, inbox, { sent: 3 });
      const [sent, unsent] = await progressOf(b, inbox, [3, 4]);
      expect(Object.keys(sent ?? {})).toEqual(['sentAt']);
      expect(sent?.sentAt).toBeGreaterThanOrEqual(atOf[2] ?? 0);
      expect(unsent).toEqual({});
      await clockTick();
      await raise(b, inbox, { recv: 3 });
      await clockTick();
      await raise(b, inbox, { sent: 6, read: 5 });
      await clockTick();
      await raise(a, inbox, { sent: 3, recv: 5, read: 4 });
      const [third, fifth, sixth] = await progressOf(a, inbox, [3, 5, 6]);
      expect(third?.sentAt).toBe(sent?.sentAt);
      expect(third?.recvAt).toBeGreaterThan(third?.sentAt ?? 0);
      expect(third?.readAt).toBeGreaterThan(third?.recvAt ?? 0);
      expect(fifth).toEqual({ sentAt: third?.readAt, recvAt: third?.readAt, readAt: third?.readAt });
      expect(sixth).toEqual({ sentAt: third?.readAt });
    });

    it('of many items of many inboxes comes in the order asked', async () => {
      const { a, b } = await twoPeers(harness);
      const inboxes = range(1, 100).map(() => newInbox());
      await Promise.all(inboxes.map((inbox) => fill(a, inbox, 2)));
      await Promise.all(inboxes.map((inbox, index) => raise(a, inbox, { sent: index % 3, read: index % 2 })));
      const items = inboxes.flatMap((inbox) => [2, 1].map((seq) => ({ inbox, seq })));
      const all = granted(await b.inboxes.progress([...items, { inbox: newInbox(), seq: 1 }]));
      const shown = all.map(({ sentAt, recvAt, readAt }) =>
        [sentAt, recvAt, readAt].map((at) => at !== undefined),
      );
      const expected = inboxes.flatMap((_, index) =>
        [2, 1].map((seq) => [index % 3 >= seq, index % 2 >= seq, index % 2 >= seq]),
      );
      expect(shown).toEqual([...expected, [false, false, false]]);
      expect(granted(await b.inboxes.progress([]))).toEqual([]);
    });

    it('never runs backwards along an inbox, and keeps for old items at least that it happened', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox();
      await fill(a, inbox, 260);
      for (const n of range(1, 260)) await raise(n % 2 ? a : b, inbox, { sent: n });
      const times = (await progressOf(b, inbox, range(1, 260))).map(({ sentAt }) => sentAt ?? 0);
      expect(times[0]).toBeGreaterThan(0);
      expect(times).toEqual([...times].sort((x, y) => x - y));
    });
  });

  describe('pushes', () => {
    it('still knows the positions after a restart of the store', async () => {
      const { store, a } = await twoPeers(harness);
      const at = 1_700_000_000_123;
      // Earlier releases noted no epoch.
      const positions = [
        { userId: 'ann', epoch: 'Ab-_0', seq: 3, at },
        { userId: 'bob', seq: 4, at },
      ];
      granted(await a.pushes.save('id-1', { nsp: '/post', positions }));
      await store.restart();
      const c = await store.open();
      const found = granted(await c.pushes.find('id-1'));
      expect(found && byUser(found)).toEqual({ nsp: '/post', positions });
    });

    it('finds nothing of an unknown push', async () => {
      const { a } = await twoPeers(harness);
      for (const id of ['unknown', '__proto__', '']) {
        expect(granted(await a.pushes.find(id))).toBeUndefined();
      }
    });

    it('returns the users and positions of a push, with any ids', async () => {
      const { a, b } = await twoPeers(harness);
      const positions = ODD_USERS.map((userId, index) => ({
        userId,
        seq: index + 1,
        at: 1_700_000_000_000 + index,
      }));
      granted(await a.pushes.save('push 1', { nsp: '/', positions }));
      const found = granted(await b.pushes.find('push 1'));
      expect(found && byUser(found)).toEqual(byUser({ nsp: '/', positions }));
    });

    it('adds positions kept later, and keeps the last of each user', async () => {
      const { a, b } = await twoPeers(harness);
      const place = (n: number) => ({ userId: `user ${n}`, seq: n, at: 1_700_000_000_000 + n });
      const half = (from: number, to: number) => ({ nsp: '/', positions: range(from, to).map(place) });
      granted(await a.pushes.save('push 1', half(1, 600)));
      granted(
        await b.pushes.save('push 1', { nsp: '/', positions: [{ ...place(401), epoch: 'e', seq: 7 }] }),
      );
      granted(await b.pushes.save('push 1', half(401, 1_000)));
      granted(await b.pushes.save('push 1', half(401, 1_000)));
      granted(await b.pushes.save('push 2', half(1, 1)));
      const found = granted(await a.pushes.find('push 1'));
      expect(found && byUser(found)).toEqual(byUser(half(1, 1_000)));
      expect(granted(await a.pushes.find('push 2'))).toEqual(half(1, 1));
    });
  });
}
