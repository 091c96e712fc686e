import { describe, expect, it } from 'vitest';
import type { Room } from '../../src/chat/room.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import { eventually } from '../support/eventually.ts';
import {
  append,
  draftOf,
  granted,
  listen,
  membersSaying,
  newRoom,
  range,
  read,
  replace,
  saidIn,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

/** Messages `1` to `count`. */
async function fill(peer: StorePeer, room: Room, count: number): Promise<void> {
  await Promise.all(range(1, count).map((n) => append(peer, room, `${n}`)));
}

export function replaceContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('a replaced entry', () => {
    it('keeps position, id and time, and has the new members byte for byte', async () => {
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

    it('is announced by a notice, an entry of its own, live and in the log, once', async () => {
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
      await eventually(() => expect(heard.entries).toEqual(entries.slice(2)));
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

    it('is undefined if the log does not hold it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      expect(await replace(a, room, 1, 'x')).toBe(false);
      expect(await read(b, room)).toMatchObject({ top: 0, entries: [] });
      await fill(a, room, 2);
      for (const seq of [0, 3, 9_007_199_254_740_000]) expect(await replace(b, room, seq, 'x')).toBe(false);
      expect(textsOf((await read(b, room)).entries)).toEqual(['1', '2']);
      expect(await read(b, room)).toMatchObject({ top: 2, first: 1 });
    });

    it('changes no other log, and the bus does not publish it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const namesake = roomOf('/post', room.roomid);
      for (const one of [room, namesake]) await append(a, one, 'said');
      const heard = await listen(b, room);
      await replace(a, room, 1, 'gone');
      await append(a, room, 'next');
      await eventually(() => expect(textsOf(heard.entries)).toEqual(['next']));
      expect(textsOf((await read(b, namesake)).entries)).toEqual(['said']);
    });

    it('keeps its place in pages of every direction and size', async () => {
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
      expect(granted(await b.inboxes.markers(inbox))).toEqual({ recv: 1, read: 1 });
    });
  });
}
