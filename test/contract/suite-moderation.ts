import { describe, expect, it, vi } from 'vitest';
import type { Appended, Draft } from '../../src/chat/log-store.ts';
import type { Room } from '../../src/chat/room.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import {
  append,
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
import type { Harness, Peer } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann' };
const bob = { userId: 'bob', username: 'Bob' };

const banned = (retryAfterMs?: number) => refused('roomid: banned from this room', retryAfterMs);
const muted = (retryAfterMs?: number) => refused('roomid: muted in this room', retryAfterMs);

/** As refused for good, or with the time that is left at most. */
function refused(message: string, atMostMs?: number) {
  if (atMostMs === undefined) return { ok: false, error: { code: 'forbidden', message, temporary: false } };
  return {
    ok: false,
    error: {
      code: 'forbidden',
      message,
      temporary: false,
      retryAfterMs: expect.toSatisfy((left: number) => left > atMostMs - 20_000 && left <= atMostMs),
    },
  };
}

function say(
  peer: Peer,
  room: Room,
  author: string,
  text: string,
  more: Pick<Draft, 'dedupe'> = {},
): Promise<Outcome<Appended>> {
  return peer.logs.append(room, { ...draftOf(room, text, more), author });
}

function membersSaying(room: Room, text: string): string {
  return draftOf(room, text).members;
}

async function replace(peer: Peer, room: Room, seq: number, text: string): Promise<boolean> {
  return granted(await peer.logs.replace(room, seq, membersSaying(room, text))) !== undefined;
}

/** Messages `1` to `count`. */
async function fill(peer: Peer, room: Room, count: number): Promise<void> {
  await Promise.all(range(1, count).map((n) => append(peer, room, `${n}`)));
}

/** A later answer than this one is stamped later. */
async function endOf(until: number | undefined): Promise<void> {
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan((until ?? 0) + 5), {
    timeout: 5_000,
    interval: 20,
  });
}

export function moderationContract(harness: () => Promise<Harness>): void {
  describe('a ban', () => {
    it('keeps the user out of that room, on every worker, and nobody else', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      expect(granted(await a.moderation.restrict(room, 'ann', 'ban'))).toEqual({});
      for (const peer of [a, b]) expect(await peer.roster.enter(room, ann, 1, 1)).toEqual(banned());
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 0, clients: 0 });
      expect(granted(await b.roster.members(room, { limit: 9 }))).toMatchObject({ members: [] });
      granted(await a.roster.enter(room, bob, 1, 1));
      granted(await a.roster.enter(other, ann, 1, 1));
      granted(await a.roster.enter({ ...newRoom('/post'), roomid: room.roomid }, ann, 1, 1));
    });

    it('keeps out a user who was in the room and enters with another connection, changing nothing', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      const renamed = { userId: 'ann', username: 'Anna' };
      expect(await a.roster.enter(room, renamed, 2, 2)).toEqual(banned());
      expect(await b.roster.enter(room, renamed, 1, 1)).toEqual(banned());
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 1, clients: 1 });
      expect(granted(await b.roster.named(room, 'Anna', 9))).toEqual([]);
      expect(granted(await b.roster.exit(room, 'ann', 0))).toMatchObject({ changed: false });
      expect(granted(await a.roster.exit(room, 'ann', 0))).toEqual({ users: 0, clients: 0, changed: true });
    });

    it('lets the user in again once it is lifted', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      expect(granted(await b.moderation.lift(room, 'bob', 'ban'))).toBe(false);
      expect(granted(await b.moderation.lift(room, 'ann', 'mute'))).toBe(false);
      expect(await a.roster.enter(room, ann, 1, 1)).toEqual(banned());
      expect(granted(await b.moderation.lift(room, 'ann', 'ban'))).toBe(true);
      expect(granted(await b.moderation.lift(room, 'ann', 'ban'))).toBe(false);
      expect(granted(await a.roster.enter(room, ann, 1, 1))).toMatchObject({ changed: true });
    });

    it('for a time is refused with what is left of it, and ends', async () => {
      const { a, b } = await twoPeers(harness);
      const [long, short] = [newRoom(), newRoom()];
      const before = Date.now();
      const { until } = granted(await a.moderation.restrict(long, 'ann', 'ban', 3_600));
      expect(Math.abs((until ?? 0) - before - 3_600_000)).toBeLessThan(20_000);
      expect(await b.roster.enter(long, ann, 1, 1)).toEqual(banned(3_600_000));
      expect(await say(b, long, 'ann', 'let me in')).toEqual(banned(3_600_000));

      const restricted = granted(await a.moderation.restrict(short, 'ann', 'ban', 1));
      expect(await b.roster.enter(short, ann, 1, 1)).toEqual(banned(1_000));
      await endOf(restricted.until);
      expect(granted(await b.moderation.restrictions(short, 'ann'))).toEqual({});
      expect(granted(await a.moderation.lift(short, 'ann', 'ban'))).toBe(false);
      granted(await b.roster.enter(short, ann, 1, 1));
      granted(await say(b, short, 'ann', 'here again'));
    });

    it('takes the place of an earlier one, shorter or longer', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      const { until } = granted(await b.moderation.restrict(room, 'ann', 'ban', 1));
      await endOf(until);
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await b.moderation.restrict(room, 'ann', 'ban', 60));
      granted(await b.moderation.restrict(room, 'ann', 'ban'));
      expect(await a.roster.enter(room, ann, 2, 2)).toEqual(banned());
    });

    it('ends for one user and holds for another', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'bob', 'ban', 3_600));
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'ban', 1));
      await endOf(until);
      granted(await a.moderation.restrict(room, 'carol', 'mute', 1));
      granted(await b.roster.enter(room, ann, 1, 1));
      expect(await b.roster.enter(room, bob, 1, 1)).toEqual(banned(3_600_000));
    });

    it('and an entering at the same moment leave the user either counted or refused, and out from then on', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [entered] = await Promise.all([
        a.roster.enter(room, ann, 1, 1),
        b.moderation.restrict(room, 'ann', 'ban'),
      ]);
      expect(granted(await b.roster.count(room)).users).toBe(entered.ok ? 1 : 0);
      expect(await a.roster.enter(room, ann, 2, 2)).toEqual(banned());
    });
  });

  describe('a mute', () => {
    it('refuses what that author says in that room, and nothing else', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      await append(a, room, 'before');
      const heard = await listen(b, room);
      granted(await a.moderation.restrict(room, 'ann', 'mute'));
      for (const peer of [a, b]) expect(await say(peer, room, 'ann', 'psst')).toEqual(muted());
      granted(await say(b, room, 'bob', 'bob speaks'));
      granted(await say(b, other, 'ann', 'elsewhere'));
      await append(a, room, 'of nobody');
      granted(await a.roster.enter(room, ann, 1, 1));
      const page = await read(b, room);
      expect(textsOf(page.entries)).toEqual(['before', 'bob speaks', 'of nobody']);
      expect(seqsOf(page.entries)).toEqual([1, 2, 3]);
      await vi.waitFor(() => expect(textsOf(heard.entries)).toEqual(['bob speaks', 'of nobody']));
      expect(granted(await b.moderation.lift(room, 'ann', 'mute'))).toBe(true);
      expect(granted(await say(b, room, 'ann', 'again')).seq).toBe(4);
    });

    it('for a time is refused with what is left of it, and ends', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(60_000));
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'mute', 1));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(1_000));
      await endOf(until);
      expect(granted(await say(b, room, 'ann', 'x')).seq).toBe(1);
    });

    it('of a banned user is told as the ban', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      expect(await say(b, room, 'ann', 'x')).toEqual(banned());
      granted(await b.moderation.lift(room, 'ann', 'ban'));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(60_000));
    });

    it('does not keep back the answer to a message that was stored before', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const dedupe = { scope: 'ann', clientMsgId: 'm' };
      const first = granted(await say(a, room, 'ann', 'once', { dedupe }));
      granted(await a.moderation.restrict(room, 'ann', 'mute'));
      expect(granted(await say(b, room, 'ann', 'once', { dedupe }))).toEqual({ ...first, dup: true });
      const refusedId = { scope: 'ann', clientMsgId: 'n' };
      expect(await say(b, room, 'ann', 'twice', { dedupe: refusedId })).toEqual(muted());
      granted(await a.moderation.lift(room, 'ann', 'mute'));
      // A refusal is not remembered.
      expect(granted(await say(b, room, 'ann', 'twice', { dedupe: refusedId }))).toMatchObject({
        seq: 2,
        dup: false,
      });
    });
  });

  describe('restrictions', () => {
    it('of a user are listed with their ends', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      expect(granted(await a.moderation.restrictions(room, 'ann'))).toEqual({});
      const mute = granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      expect(granted(await b.moderation.restrictions(room, 'ann'))).toEqual({ mute });
      granted(await b.moderation.restrict(room, 'ann', 'ban'));
      for (const peer of [a, b]) {
        expect(granted(await peer.moderation.restrictions(room, 'ann'))).toEqual({ ban: {}, mute });
        expect(granted(await peer.moderation.restrictions(room, 'bob'))).toEqual({});
        expect(granted(await peer.moderation.restrictions(other, 'ann'))).toEqual({});
      }
      granted(await a.moderation.lift(room, 'ann', 'mute'));
      expect(granted(await b.moderation.restrictions(room, 'ann'))).toEqual({ ban: {} });
    });

    it.each(['__proto__', 'constructor', 'ann lee', 'Ён日本語', 'a:b', '0', 'ban:ann'])(
      'know the user %s from others',
      async (userId) => {
        const { a, b } = await twoPeers(harness);
        const room = newRoom();
        granted(await a.moderation.restrict(room, userId, 'mute'));
        expect(await say(b, room, userId, 'x')).toEqual(muted());
        granted(await say(b, room, 'ann', 'x'));
        granted(await b.roster.enter(room, { userId, username: 'x' }, 1, 1));
        expect(granted(await b.moderation.restrictions(room, userId))).toEqual({ mute: {} });
      },
    );

    it('hold over a restart of the store, those with an end to the same one', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'ban', 3_600));
      granted(await a.moderation.restrict(room, 'bob', 'mute'));
      granted(await a.moderation.restrict(room, 'carol', 'ban'));
      granted(await a.moderation.lift(room, 'carol', 'ban'));
      await store.restart();
      const c = await store.open();
      expect(granted(await c.moderation.restrictions(room, 'ann'))).toEqual({ ban: { until } });
      expect(await c.roster.enter(room, ann, 1, 1)).toEqual(banned(3_600_000));
      expect(await say(c, room, 'bob', 'x')).toEqual(muted());
      granted(await c.roster.enter(room, { userId: 'carol', username: 'Carol' }, 1, 1));
    });
  });

  describe('a replaced entry', () => {
    it('keeps position, id and time, and holds the new members byte for byte', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom('/post');
      await fill(a, room, 3);
      const { epoch, seq, id, at } = granted(
        await a.logs.append(room, draftOf(room, 'the secret', { except: 'socket' })),
      );
      await append(a, room, 'after');
      const members = '"big":12345678901234567890,"exact":0.1000,"none":[],"text":"Ён \\"x\\" \\u0000"';
      expect(granted(await b.logs.replace(room, seq, members))).toEqual({});
      const { entries, ...page } = await read(a, room);
      expect(page).toMatchObject({ epoch, top: 5, first: 1, more: false });
      expect(entries[3]).toEqual({
        epoch,
        seq,
        except: 'socket',
        json: `{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${members}}`,
      });
      expect(JSON.stringify(entries)).not.toContain('the secret');
      expect(seqsOf(entries)).toEqual(range(1, 5));
    });

    it('is told by a notice, an entry of its own, live and in the log, once', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await fill(a, room, 2);
      const heard = await listen(b, room);
      const notice = { id: 'n', members: '"event":"deleted","ref":1' };
      const gone = membersSaying(room, 'gone');
      const told = await Promise.all([
        b.logs.replace(room, 1, gone, notice),
        append(a, room, 'more'),
        a.logs.replace(room, 1, gone, { ...notice, id: 'm' }),
        b.logs.replace(room, 9, gone, notice),
      ]);
      const notices = [granted(told[0]), granted(told[2])].flatMap((replaced) => replaced?.notice ?? []);
      expect(notices).toHaveLength(1);
      expect(granted(told[3])).toBe(undefined);
      const { entries, epoch, top } = await read(a, room);
      expect(top).toBe(4);
      const [{ seq = 0, id = '', at = 0 } = {}] = notices;
      const json = `{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${notice.members}}`;
      expect(entries[seq - 1]).toEqual({ epoch, seq, json });
      expect(textsOf(entries.slice(0, 2))).toEqual(['gone', '2']);
      await vi.waitFor(() => expect(heard.entries).toEqual(entries.slice(2)));
      expect(await read(b, room)).toMatchObject({ entries, top: 4 });
      expect(granted(await a.logs.replace(room, 1, gone, notice))).toEqual({});
      expect((await append(b, room, '5')).seq).toBe(5);
    });

    it('is not replaced without its notice, nor the other way round', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      const { epoch } = await append(a, room, 'secret');
      granted(await a.logs.replace(room, 1, membersSaying(room, 'gone'), draftOf(room, 'told')));
      await store.restart();
      const c = await store.open();
      expect(textsOf((await read(c, room)).entries)).toEqual(['gone', 'told']);
      const again = await c.logs.replace(
        room,
        1,
        membersSaying(room, 'gone twice'),
        draftOf(room, 'told twice'),
      );
      const { notice } = granted(again) ?? {};
      expect(notice).toMatchObject({ seq: 3, dup: false });
      const page = await read(c, room);
      expect(textsOf(page.entries)).toEqual(['gone twice', 'told', 'told twice']);
      if (notice?.epoch !== epoch) expect(page.previousEpochs).toEqual([{ epoch, upTo: 2 }]);
    });

    it('of a log may be the first, the last, or any, and be replaced again', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await fill(a, room, 6);
      for (const seq of [1, 3, 6]) expect(await replace(b, room, seq, `no ${seq}`)).toBe(true);
      const texts = async () => textsOf((await read(b, room)).entries);
      expect(await texts()).toEqual(['no 1', '2', 'no 3', '4', '5', 'no 6']);
      for (const seq of [1, 3, 6, 3, 3]) expect(await replace(a, room, seq, `gone ${seq}`)).toBe(true);
      expect(await texts()).toEqual(['gone 1', '2', 'gone 3', '4', '5', 'gone 6']);
      expect((await append(a, room, '7')).seq).toBe(7);
      for (const seq of range(1, 7)) expect(await replace(a, room, seq, `x ${seq}`)).toBe(true);
      expect(await texts()).toEqual(range(1, 7).map((n) => `x ${n}`));
      expect(await read(b, room)).toMatchObject({ first: 1, top: 7, more: false, previousEpochs: [] });
      expect((await append(b, room, '8')).seq).toBe(8);
      expect(await texts()).toEqual([...range(1, 7).map((n) => `x ${n}`), '8']);
    });

    it('is none when the log does not hold it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      expect(await replace(a, room, 1, 'x')).toBe(false);
      expect(await read(b, room)).toMatchObject({ top: 0, entries: [] });
      await fill(a, room, 2);
      for (const seq of [0, 3, 9_007_199_254_740_000]) expect(await replace(b, room, seq, 'x')).toBe(false);
      expect(textsOf((await read(b, room)).entries)).toEqual(['1', '2']);
      expect(await read(b, room)).toMatchObject({ top: 2, first: 1 });
    });

    it('changes no other log, and the bus says nothing of it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const namesake = roomOf('/post', room.roomid);
      for (const one of [room, namesake]) await append(a, one, 'said');
      const heard = await listen(b, room);
      await replace(a, room, 1, 'gone');
      await append(a, room, 'next');
      await vi.waitFor(() => expect(textsOf(heard.entries)).toEqual(['next']));
      expect(textsOf((await read(b, namesake)).entries)).toEqual(['said']);
    });

    it('stands in its place in pages of every direction and size', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const count = 150;
      await fill(a, room, count);
      const replaced = [1, 2, 3, ...range(30, 110).filter((seq) => seq % 7 > 1), 149, 150];
      for (const outcome of await Promise.all(replaced.map((seq) => replace(b, room, seq, `no ${seq}`)))) {
        expect(outcome).toBe(true);
      }
      const expected = range(1, count).map((seq) => (replaced.includes(seq) ? `no ${seq}` : `${seq}`));
      expect(textsOf((await read(a, room)).entries)).toEqual(expected);
      for (const limit of [1, 7, 32, 33, 149, 150]) {
        const up: string[] = [];
        for (let after = 0; ; ) {
          const page = await read(a, room, { after, limit });
          expect(page).toMatchObject({ top: count, first: 1 });
          up.push(...textsOf(page.entries));
          after += page.entries.length;
          expect(page.entries).toHaveLength(Math.min(limit, count - (after - page.entries.length)));
          expect(page.more).toBe(after < count);
          if (!page.more) break;
        }
        expect(up).toEqual(expected);
        const down: string[] = [];
        for (let before = count + 1; ; ) {
          const page = await read(b, room, { before, limit });
          down.unshift(...textsOf(page.entries));
          before -= page.entries.length;
          expect(page.more).toBe(before > 1);
          if (!page.more) break;
        }
        expect(down).toEqual(expected);
        const latest = await read(a, room, { limit });
        expect(textsOf(latest.entries)).toEqual(expected.slice(-limit));
        expect(latest.more).toBe(limit < count);
      }
    });

    it('counts the bytes of its new members towards a page', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await fill(a, room, 4);
      await replace(a, room, 2, 'x'.repeat(5_000));
      const small = await read(b, room, { after: 0, maxBytes: 4_000 });
      expect(seqsOf(small.entries)).toEqual([1]);
      expect(small.more).toBe(true);
      const large = await read(b, room, { after: 1, maxBytes: 4_000 });
      expect(seqsOf(large.entries)).toEqual([2]);
      expect(large.more).toBe(true);
      expect(seqsOf((await read(b, room, { before: 3, maxBytes: 4_000 })).entries)).toEqual([2]);
      await replace(a, room, 2, 'x');
      expect(seqsOf((await read(b, room, { after: 0, maxBytes: 4_000 })).entries)).toEqual([1, 2, 3, 4]);
    });

    it('stays over a restart of the store, also as the last, and costs the epoch before it nothing', async () => {
      const { store, a } = await twoPeers(harness);
      const [room, whole] = [newRoom(), newRoom()];
      for (const one of [room, whole]) await fill(a, one, 4);
      const { epoch } = await read(a, room);
      for (const seq of [2, 4]) await replace(a, room, seq, `no ${seq}`);
      for (const seq of range(1, 4)) await replace(a, whole, seq, `no ${seq}`);
      await store.restart();
      const c = await store.open();
      const next = await append(c, room, '5');
      expect(next.seq).toBe(5);
      const page = await read(c, room);
      expect(textsOf(page.entries)).toEqual(['1', 'no 2', '3', 'no 4', '5']);
      // Whether the restart began another one is the store's affair; if so nothing of the old one was lost.
      if (next.epoch !== epoch) expect(page.previousEpochs).toEqual([{ epoch, upTo: 4 }]);
      expect(await replace(c, room, 4, 'no more 4')).toBe(true);
      expect(textsOf((await read(c, room, { after: 3 })).entries)).toEqual(['no more 4', '5']);
      const emptied = await read(c, whole);
      expect(textsOf(emptied.entries)).toEqual(range(1, 4).map((n) => `no ${n}`));
      expect(emptied).toMatchObject({ top: 4, first: 1 });
      for (const link of emptied.previousEpochs) expect(link.upTo).toBe(4);
      expect((await append(c, whole, '5')).seq).toBe(5);
    });

    it('goes with the log when it is trimmed past it, and the log stays dense', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 20 });
      const room = newRoom();
      await fill(a, room, 15);
      for (const seq of [1, 2, 7, 14]) await replace(a, room, seq, `no ${seq}`);
      for (const round of range(1, 60)) {
        await Promise.all(range(1, 10).map((n) => append(a, room, `${round} ${n}`)));
        const { top } = await read(b, room, { limit: 1 });
        if (round % 3 === 0) expect(await replace(b, room, top - 3, 'gone')).toBe(true);
        const page = await read(b, room, { after: 0, limit: 1_000 });
        expect(seqsOf(page.entries)).toEqual(range(page.first, page.top));
        expect(page.entries.length).toBeGreaterThanOrEqual(20);
        expect(page.more).toBe(false);
      }
      expect((await read(b, room, { limit: 1 })).first).toBeGreaterThan(14);
      expect(await replace(b, room, 14, 'x')).toBe(false);
      expect(await replace(b, room, 1, 'x')).toBe(false);
    });

    it('does not let a log grow in which every entry is replaced', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 20 });
      const room = newRoom();
      await append(a, room, 'stays longest');
      for (const n of range(2, 400)) {
        await append(a, room, `${n}`);
        expect(await replace(b, room, n, `no ${n}`)).toBe(true);
      }
      const page = await read(b, room, { limit: 1_000 });
      expect(seqsOf(page.entries)).toEqual(range(page.first, 400));
      expect(textsOf(page.entries)).toEqual(range(page.first, 400).map((n) => `no ${n}`));
      expect(page.entries.length).toBeGreaterThanOrEqual(20);
      expect(page.entries.length).toBeLessThan(300);
    });

    it('is one of the two when two workers replace it at once, while others are appended', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await fill(a, room, 10);
      await Promise.all(
        range(1, 20).flatMap((n) => [
          replace(a, room, 5, `a ${n}`),
          replace(b, room, 5, `b ${n}`),
          append(n % 2 ? a : b, room, 'more'),
        ]),
      );
      const page = await read(a, room);
      expect(seqsOf(page.entries)).toEqual(range(1, 30));
      expect(['a 20', 'b 20']).toContain(textsOf(page.entries)[4]);
      expect(await read(b, room)).toEqual(page);
    });

    it('works in an inbox, and its clientMsgId is still answered with the first answer', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const dedupe = { scope: 'bob', clientMsgId: 'm' };
      const first = await append(a, inbox, 'secret', { dedupe });
      granted(await a.inboxes.raise(inbox, { read: 1 }));
      expect(await replace(b, inbox, 1, 'gone')).toBe(true);
      expect(await append(b, inbox, 'secret', { dedupe })).toEqual({ ...first, dup: true });
      const [entry] = (await read(b, inbox)).entries;
      expect(entry && saidIn(entry)).toMatchObject({ id: first.id, at: first.at, data: { text: 'gone' } });
      expect(granted(await b.inboxes.marks(inbox))).toEqual({ recv: 1, read: 1 });
    });
  });

  describe('an erased inbox', () => {
    it('has forgotten items, marks, their times, visits and clientMsgIds, and begins anew with seq 1', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const dedupe = { scope: 'bob', clientMsgId: 'm' };
      const first = await append(a, inbox, 'once', { dedupe });
      for (const n of range(2, 5)) await append(b, inbox, `${n}`);
      await replace(a, inbox, 3, 'replaced');
      const news = { was: undefined, becomes: { epoch: 'e', seq: 1 } };
      granted(await a.inboxes.fold(inbox, draftOf(inbox, 'news'), news));
      granted(await a.inboxes.raise(inbox, { sent: 5, recv: 4, read: 3 }));
      granted(await a.visits.visit(inbox, 'lobby', true));
      granted(await a.visits.read(inbox, 'lobby', 7));

      granted(await b.inboxes.erase(inbox));
      for (const peer of [a, b]) {
        expect(granted(await peer.inboxes.marks(inbox))).toEqual({ recv: 0, read: 0 });
        expect(granted(await peer.visits.visited(inbox))).toEqual([]);
        expect(granted(await peer.logs.tops([inbox]))).toEqual([{ top: 0 }]);
        expect(await read(peer, inbox)).toMatchObject({
          top: 0,
          previousEpochs: [],
          entries: [],
          first: 1,
          more: false,
        });
      }
      const anew = await append(a, inbox, 'anew', { dedupe });
      expect(anew).toMatchObject({ seq: 1, dup: false });
      expect(anew.epoch).not.toBe(first.epoch);
      await append(a, inbox, '2');
      await append(a, inbox, '3');
      const page = await read(b, inbox);
      expect(textsOf(page.entries)).toEqual(['anew', '2', '3']);
      expect(page).toMatchObject({ epoch: anew.epoch, previousEpochs: [] });
      const progress = await b.inboxes.progress([1, 2, 3].map((seq) => ({ inbox, seq })));
      expect(granted(progress)).toEqual([{}, {}, {}]);
      expect(granted(await b.visits.read(inbox, 'lobby', 2))).toBe(2);
    });

    it('leaves a room of the same id, other inboxes and the user’s connections alone, and stays so', async () => {
      const { store, a, b } = await twoPeers(harness);
      const [inbox, there, room] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann'), roomOf('/', 'ann')];
      for (const log of [inbox, there, room, inboxOf('/', 'bob')]) await append(a, log, 'said');
      granted(await a.moderation.restrict(room, 'bob', 'mute'));
      granted(await a.visits.visit(there, 'lobby', true));
      for (const peer of [a, b]) granted(await peer.roster.heartbeat(1));
      granted(await a.roster.setConnections(inbox, 2));
      granted(await a.inboxes.erase(inbox));
      granted(await b.inboxes.erase(inbox));
      granted(await b.inboxes.erase(inboxOf('/', 'never seen')));
      expect(granted(await b.roster.connections([inbox]))).toEqual([2]);
      for (const log of [there, room, inboxOf('/', 'bob')]) {
        expect(textsOf((await read(b, log)).entries)).toEqual(['said']);
      }
      expect(granted(await b.moderation.restrictions(room, 'bob'))).toEqual({ mute: {} });
      expect(granted(await b.visits.visited(there))).toEqual([{ roomid: 'lobby', read: 0 }]);
      await store.restart();
      const c = await store.open();
      expect(await read(c, inbox)).toMatchObject({ top: 0, entries: [] });
      expect(textsOf((await read(c, room)).entries)).toEqual(['said']);
    });

    it('holds what is put in after the erasing, whoever was first', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      await append(a, inbox, 'old');
      const [, ...appended] = await Promise.all([
        a.inboxes.erase(inbox),
        ...range(1, 10).map((n) => append(b, inbox, `${n}`)),
      ]);
      const page = await read(a, inbox);
      expect(seqsOf(page.entries)).toEqual(range(1, page.top));
      expect(textsOf(page.entries)).not.toContain('old');
      const left = appended.filter(({ epoch }) => epoch === page.epoch);
      expect(left.map(({ seq }) => seq)).toEqual(page.top === 0 ? [] : range(1, page.top));
    });
  });
}
