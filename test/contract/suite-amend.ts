import { describe, expect, it } from 'vitest';
import { entryDigest } from '../../src/chat/entry-digest.ts';
import type { Amendment, Appended, Draft } from '../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
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
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const bob = inboxOf('/', 'bob').tag;

const noticeOf = (room: Room, text: string, more: Partial<Draft> = {}) => ({
  ...draftOf(room, text),
  ...more,
});

/** Reads the entry and amends it, as a worker does. */
async function amend(
  peer: StorePeer,
  room: Room,
  seq: number,
  text: string,
  { notice, ...how }: Pick<Amendment, 'stamp' | 'counted'> & { readonly notice?: Partial<Draft> } = {},
): Promise<Outcome<Appended | undefined>> {
  const [entry] = (await read(peer, room, { after: seq - 1, limit: 1 })).entries;
  const was = entryDigest(entry?.json ?? '');
  const members = membersSaying(room, text);
  return peer.logs.amend(room, { seq, members, was, ...how }, noticeOf(room, `told ${text}`, notice));
}

async function texts(peer: StorePeer, room: Room): Promise<string[]> {
  return textsOf((await read(peer, room)).entries);
}

export function amendContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('an amended entry', () => {
    it('has its new members, and its notice is an entry of the log and of the bus', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom('/post');
      for (const n of range(1, 3)) await append(a, room, `${n}`);
      const heard = await listen(b, room);
      const before = (await read(a, room)).entries;
      const told = granted(await amend(b, room, 2, 'new'));
      expect(told).toMatchObject({ seq: 4, dup: false });
      const { entries, top } = await read(a, room);
      expect(top).toBe(4);
      expect(entries.filter(({ seq }) => seq !== 2 && seq !== 4)).toEqual(
        before.filter(({ seq }) => seq !== 2),
      );
      expect(textsOf(entries)).toEqual(['1', 'new', '3', 'told new']);
      const position = before[1]?.json.slice(0, before[1]?.json.indexOf('"event"'));
      expect(entries[1]?.json).toBe(`${position}${membersSaying(room, 'new')}}`);
      await eventually(() => expect(heard.entries).toEqual(entries.slice(3)));
    });

    it('carries the time and the number of its notice if it is stamped', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'first');
      const told = granted(await amend(b, room, 1, 'second', { stamp: 'edited' }));
      const [entry] = (await read(a, room)).entries;
      expect(JSON.parse(entry?.json ?? '')).toMatchObject({ edited: { at: told?.at, seq: 2 } });
      expect(entry?.json.endsWith(`,"edited":{"at":${told?.at},"seq":2},"revision":2}`)).toBe(true);
      granted(await amend(a, room, 1, 'third', { stamp: 'revision' }));
      expect((await read(b, room)).entries[0]?.json.endsWith(',"type":0},"revision":3}')).toBe(true);
    });

    it('has members beside it that change without the others, and reads as one', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 3)) await append(a, room, `${n}`);
      const change = async (peer: StorePeer, how: Pick<Amendment, 'members' | 'beside' | 'stamp'>) => {
        const [entry] = (await read(peer, room, { after: 1, limit: 1 })).entries;
        const was = entryDigest(entry?.json ?? '');
        return granted(
          await peer.logs.amend(room, { seq: 2, was, counted: 'entry', ...how }, noticeOf(room, 'told')),
        );
      };
      const stored = async (peer: StorePeer) => (await read(peer, room, { before: 3, limit: 1 })).entries[0];
      const [, { json = '' } = {}] = (await read(a, room)).entries;
      const said = json.slice(0, -1);
      const edited = said.replace(membersSaying(room, '2'), membersSaying(room, 'new'));

      await change(b, { beside: '"n":1', stamp: 'revision' });
      expect((await stored(a))?.json).toBe(`${said},"n":1,"revision":4}`);
      expect((await stored(a))?.hasBeside).toBe(true);
      await change(a, { beside: '', stamp: 'revision' });
      expect((await stored(b))?.json).toBe(`${said},"revision":5}`);
      const told = await change(b, { members: membersSaying(room, 'new'), beside: '"n":2', stamp: 'edited' });
      const stamp = `,"edited":{"at":${told?.at},"seq":6}`;
      expect((await stored(a))?.json).toBe(`${edited}${stamp},"n":2,"revision":6}`);
      // What the other read is no longer there.
      const was = entryDigest(`${edited}${stamp},"n":1,"revision":6}`);
      expect(granted(await a.logs.amend(room, { seq: 2, beside: '"n":9', was }, noticeOf(room, 'no')))).toBe(
        undefined,
      );
      await change(a, { beside: '"n":3', stamp: 'revision' });
      await store.restart();
      const c = await store.open();
      expect((await stored(c))?.json).toBe(`${edited}${stamp},"n":3,"revision":7}`);
      expect((await read(c, room)).entries).toHaveLength(7);
      await change(c, { members: membersSaying(room, 'last'), stamp: 'edited' });
      expect((await stored(c))?.json.endsWith(',"seq":8},"revision":8}')).toBe(true);
      expect(await stored(c)).not.toHaveProperty('hasBeside');
    });

    it('empties a superseded entry in the same step, and no other', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 6)) await append(a, room, `${n}`);
      const superseding = async (peer: StorePeer, seq: number, emptied: number, was?: string) => {
        const [entry] = (await read(peer, room, { after: seq - 1, limit: 1 })).entries;
        const change = {
          seq,
          members: membersSaying(room, `new ${seq}`),
          was: was ?? entryDigest(entry?.json ?? ''),
          stamp: 'revision',
          superseded: { seq: emptied, members: membersSaying(room, '') },
        } as const;
        return granted(await peer.logs.amend(room, change, noticeOf(room, `told ${seq}`)));
      };
      expect(await superseding(b, 2, 4)).toMatchObject({ seq: 7 });
      expect(await superseding(a, 2, 4)).toMatchObject({ seq: 8 });
      expect(await superseding(a, 1, 7)).toMatchObject({ seq: 9 });
      expect(await superseding(b, 3, 99)).toMatchObject({ seq: 10 });
      expect(await superseding(b, 5, 6, entryDigest('another'))).toBe(undefined);
      const expected = ['new 1', 'new 2', 'new 3', '', '5', '6', '', 'told 2', 'told 1', 'told 3'];
      expect(await texts(b, room)).toEqual(expected);
      await store.restart();
      const c = await store.open();
      const { entries } = await read(c, room);
      expect(textsOf(entries)).toEqual(expected);
      expect(seqsOf(entries)).toEqual(range(1, 10));
    });

    it('stays as it is, without a notice, if it is not what the caller read or is not in the log', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'one');
      const change = { seq: 1, members: membersSaying(room, 'two'), was: entryDigest('something else') };
      expect(granted(await b.logs.amend(room, change, noticeOf(room, 'told')))).toBe(undefined);
      for (const seq of [0, 2, 9]) {
        expect(granted(await b.logs.amend(room, { ...change, seq }, noticeOf(room, 'told')))).toBe(undefined);
      }
      expect(granted(await b.logs.amend(newRoom(), change, noticeOf(room, 'told')))).toBe(undefined);
      expect(await texts(a, room)).toEqual(['one']);
      expect(await read(a, room)).toMatchObject({ top: 1 });
    });

    it('loses no change of two workers at once', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, '');
      async function add(peer: StorePeer, mark: string): Promise<void> {
        for (;;) {
          const [entry] = (await read(peer, room, { after: 0, limit: 1 })).entries;
          if (!entry) throw new Error('the entry is gone');
          const members = membersSaying(room, `${textsOf([entry])[0]}${mark}`);
          const change = { seq: 1, members, was: entryDigest(entry.json) };
          if (granted(await peer.logs.amend(room, change, noticeOf(room, mark)))) return;
        }
      }
      const marks = [...'abcdefghijklmnop'];
      await Promise.all(marks.map((mark, index) => add(index % 2 ? a : b, mark)));
      const [first = '', ...told] = await texts(a, room);
      expect([...first].sort()).toEqual(marks);
      expect(told).toEqual([...first]);
    });

    it('is amended once by a clientMsgId, whatever has become of it since', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'one');
      const dedupe = { scope: 'ann', clientMsgId: 'edit', content: 'c' };
      const first = granted(await amend(a, room, 1, 'two', { notice: { dedupe } }));
      expect(granted(await amend(b, room, 1, 'two', { notice: { dedupe } }))).toEqual({
        ...first,
        dup: true,
      });
      expect(
        await amend(b, room, 1, 'three', { notice: { dedupe: { ...dedupe, content: 'd' } } }),
      ).toMatchObject({
        error: { code: 'bad_request' },
      });
      await replace(b, room, 1, 'gone');
      expect(granted(await amend(a, room, 7, 'two', { notice: { dedupe } }))).toEqual({
        ...first,
        dup: true,
      });
      expect(await texts(a, room)).toEqual(['gone', 'told two']);
    });

    it('counts as unread as its amendment says, also as the oldest of its log', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 6)) await append(a, room, `${n}`);
      const unreadOf = async (peer: StorePeer) =>
        granted(await peer.logs.unread([{ room, reader: bob, read: 0 }]))[0]?.unread;
      expect(await unreadOf(a)).toBe(6);
      for (const seq of [1, 2, 5])
        await amend(b, room, seq, `new ${seq}`, { counted: 'entry', stamp: 'edited' });
      expect(await unreadOf(a)).toBe(6);
      await amend(b, room, 1, 'newer', { counted: 'entry' });
      expect(await unreadOf(a)).toBe(6);
      await amend(a, room, 3, 'answered', { counted: 'both' });
      expect(await unreadOf(b)).toBe(7);
      for (const seq of [1, 6]) await amend(a, room, seq, 'gone');
      expect(await unreadOf(b)).toBe(5);
      await store.restart();
      expect(await unreadOf(await store.open())).toBe(5);
    });

    it('is one of a dense log whose entries are all amended, deleted and trimmed', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 20 });
      const room = newRoom();
      const unreadOf = async () => granted(await b.logs.unread([{ room, read: 0 }]))[0]?.unread;
      for (const round of range(1, 40)) {
        await Promise.all(range(1, 5).map((n) => append(a, room, `${round} ${n}`)));
        const { top } = await read(b, room, { limit: 1 });
        const { entries } = await read(b, room, { after: 0, limit: 1_000 });
        const messages = entries.filter((entry) => /^(\d|edited)/.test(textsOf([entry])[0] ?? ''));
        const { seq = 0 } = messages.at(-1 - (round % 9)) ?? messages[0] ?? {};
        const edited = await amend(b, room, seq, `edited ${round}`, { counted: 'entry', stamp: 'edited' });
        expect(granted(edited)).toMatchObject({ seq: top + 1 });
        if (round % 3 === 0)
          expect(granted(await amend(a, room, top - 2, 'gone'))).toMatchObject({ seq: top + 2 });
        const page = await read(b, room, { after: 0, limit: 1_000 });
        expect(seqsOf(page.entries)).toEqual(range(page.first, page.top));
        expect(page.entries.length).toBeGreaterThanOrEqual(Math.min(20, page.top));
        const counted = textsOf(page.entries).filter((text) => text !== 'gone' && !text.startsWith('told '));
        expect(await unreadOf()).toBe(counted.length);
      }
      const { first } = await read(b, room, { limit: 1 });
      expect(first).toBeGreaterThan(14);
      expect(granted(await amend(b, room, 1, 'x'))).toBe(undefined);
    });

    it('keeps its place among others over pages and a restart', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 120)) await append(a, room, `${n}`);
      const { epoch } = await read(a, room);
      for (const seq of [1, 33, 64, 65, 119, 120])
        granted(await amend(b, room, seq, `new ${seq}`, { stamp: 'edited' }));
      const expected = [
        ...range(1, 120).map((n) => ([1, 33, 64, 65, 119, 120].includes(n) ? `new ${n}` : `${n}`)),
        ...[1, 33, 64, 65, 119, 120].map((n) => `told new ${n}`),
      ];
      expect(await texts(a, room)).toEqual(expected);
      const up: string[] = [];
      for (let after = 0, more = true; more; after = up.length) {
        const page = await read(b, room, { after, limit: 17 });
        up.push(...textsOf(page.entries));
        more = page.more;
      }
      expect(up).toEqual(expected);
      await store.restart();
      const c = await store.open();
      const next = await append(c, room, 'next');
      expect(next.seq).toBe(127);
      expect(await texts(c, room)).toEqual([...expected, 'next']);
      const { previousEpochs } = await read(c, room);
      if (next.epoch !== epoch) expect(previousEpochs).toEqual([{ epoch, upTo: 126 }]);
    });
  });
}
