import { describe, expect, it } from 'vitest';
import {
  append,
  draftOf,
  granted,
  newRoom,
  range,
  read,
  saidIn,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const ODD_TEXTS = [
  'say "hi" \\ and \\" and \\u0041',
  'line one\nline two\r\n\ttabbed\u2028separated\u2029again',
  '👩‍👩‍👧‍👦 日本語 עברית e\u0301 \u0000\u0007',
  '],"nsp":"/admin","rooms":["x"',
  '{"seq":1,"epoch":"forged","id":"forged","at":1,',
  'lone \ud800 surrogate',
  "'; return redis.call('FLUSHALL') --",
  ' ',
];

export function logContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('log', () => {
    it('numbers the messages of a room from 1 by exactly 1, whichever worker appends', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const appended = [];
      for (const n of range(1, 20)) appended.push(await append(n % 2 ? a : b, room, `text ${n}`));
      expect(seqsOf(appended.map((one) => ({ ...one, json: '' })))).toEqual(range(1, 20));
      expect(new Set(appended.map((one) => one.epoch)).size).toBe(1);
      expect(appended.every((one) => !one.dup)).toBe(true);
      const page = await read(b, room);
      expect(textsOf(page.entries)).toEqual(range(1, 20).map((n) => `text ${n}`));
      expect(page).toMatchObject({ top: 20, first: 1, more: false, epoch: appended[0]?.epoch });
    });

    it('puts position, id and time first into the JSON of an entry and keeps the members of the draft', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom('/post');
      const draft = draftOf(room, 'hello');
      const { epoch, seq, id, at } = granted(await a.logs.append(room, draft));
      const [entry] = (await read(b, room)).entries;
      expect(id).toBe(draft.id);
      expect(entry).toMatchObject({ epoch, seq });
      expect(entry?.json).toBe(`{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${draft.members}}`);
      expect(JSON.parse(entry?.json ?? '')).toEqual({
        ...JSON.parse(`{${draft.members}}`),
        epoch,
        seq,
        id,
        at,
      });
    });

    it('dates messages with a clock that never runs backwards within a room', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const before = Date.now();
      await Promise.all(range(1, 60).map((n) => append(n % 2 ? a : b, room, 'tick')));
      const times = (await read(a, room)).entries.map((entry) => saidIn(entry).at);
      expect(times).toEqual([...times].sort((x, y) => x - y));
      expect(Math.abs((times[0] ?? 0) - before)).toBeLessThan(60_000);
    });

    it('stores pipelined appends of one caller in the order called', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const appended = await Promise.all(range(1, 150).map((n) => append(a, room, `${n}`)));
      expect(appended.map((one) => one.seq)).toEqual(range(1, 150));
      expect(textsOf((await read(b, room)).entries)).toEqual(range(1, 150).map(String));
    });

    it('returns odd text byte for byte', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const drafts = ODD_TEXTS.map((text) => draftOf(room, text));
      for (const draft of drafts) granted(await a.logs.append(room, draft));
      const { entries } = await read(b, room);
      expect(textsOf(entries)).toEqual(ODD_TEXTS);
      expect(entries.map((entry) => entry.json.endsWith(`,${drafts[entry.seq - 1]?.members}}`))).toEqual(
        drafts.map(() => true),
      );
    });

    it('keeps rooms apart, also the same room id in another namespace', async () => {
      const { a } = await twoPeers(harness);
      const here = newRoom('/');
      const there = { ...newRoom('/post'), roomid: here.roomid };
      await append(a, here, 'here');
      const other = await append(a, there, 'there');
      expect(other.seq).toBe(1);
      expect(textsOf((await read(a, here)).entries)).toEqual(['here']);
      expect(textsOf((await read(a, there)).entries)).toEqual(['there']);
    });
  });

  describe('clientMsgId', () => {
    const dedupe = { scope: 'ann', clientMsgId: 'm-1' };

    it('stores a message once that is appended 20 times at once through two workers', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'before');
      const answers = await Promise.all(
        range(1, 20).map((n) => append(n % 2 ? a : b, room, 'once', { dedupe })),
      );
      expect(answers.filter((answer) => !answer.dup)).toHaveLength(1);
      expect(
        new Set(answers.map(({ epoch, seq, id, at }) => JSON.stringify([epoch, seq, id, at]))).size,
      ).toBe(1);
      expect(answers[0]?.seq).toBe(2);
      expect(textsOf((await read(a, room)).entries)).toEqual(['before', 'once']);
    });

    it('answers a repetition with the first answer, also after other messages', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const first = await append(a, room, 'once', { dedupe });
      await append(b, room, 'between');
      expect(await append(b, room, 'once', { dedupe })).toEqual({ ...first, dup: true });
      expect((await append(a, room, 'next')).seq).toBe(3);
    });

    it('finds the first answer to an id again, also when its entry has left the log', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 10 });
      const room = newRoom();
      const { dup: _, ...first } = await append(a, room, 'once', { dedupe });
      for (const n of range(1, 150)) await append(a, room, `${n}`);
      expect((await read(b, room)).first).toBeGreaterThan(first.seq);
      expect(granted(await b.logs.known(room, { scope: 'ann', clientMsgId: 'm-1' }))).toEqual(first);
      for (const [where, key] of [
        [room, { scope: 'bob', clientMsgId: 'm-1' }],
        [room, { scope: 'ann', clientMsgId: 'm-2' }],
        [newRoom(), { scope: 'ann', clientMsgId: 'm-1' }],
      ] as const)
        expect(granted(await b.logs.known(where, key))).toBeUndefined();
      const content = 'c'.repeat(8);
      const said = { scope: 'ann', clientMsgId: 'm-3', content };
      const { dup: __, ...third } = await append(a, room, 'with its digest', { dedupe: said });
      expect(granted(await b.logs.known(room, said))).toEqual(third);
      expect(granted(await b.logs.known(room, { scope: 'ann', clientMsgId: 'm-3' }))).toEqual(third);
      expect(await b.logs.known(room, { ...said, content: 'd'.repeat(8) })).toMatchObject({
        error: { code: 'bad_request' },
      });
    });

    it('treats the same id in another scope or room as another message', async () => {
      const { a } = await twoPeers(harness);
      const room = newRoom();
      const elsewhere = newRoom();
      await append(a, room, 'first', { dedupe });
      const ofBob = await append(a, room, 'of bob', { dedupe: { ...dedupe, scope: 'bob' } });
      const inOther = await append(a, elsewhere, 'elsewhere', { dedupe });
      // Scope and id are two values: run together these two would be the same.
      const shifted = await append(a, room, 'shifted', { dedupe: { scope: 'annm', clientMsgId: '-1' } });
      expect([ofBob, inOther, shifted].map(({ seq, dup }) => ({ seq, dup }))).toEqual([
        { seq: 2, dup: false },
        { seq: 1, dup: false },
        { seq: 3, dup: false },
      ]);
    });

    it('of another content is refused, before and after it was repeated, and nothing is stored', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const draft = (text: string, content?: string) =>
        draftOf(room, text, { dedupe: { ...dedupe, ...(content === undefined ? {} : { content }) } });
      const first = granted(await a.logs.append(room, draft('one', 'c-one')));
      const refused = { ok: false, error: { code: 'bad_request', temporary: false } };
      for (const peer of [b, a]) {
        expect(await peer.logs.append(room, draft('other', 'c-other'))).toMatchObject(refused);
        expect(granted(await peer.logs.append(room, draft('one', 'c-one')))).toEqual({ ...first, dup: true });
      }
      // Who does not say what it is, or did not, is believed: so do answers of an earlier version.
      expect(granted(await b.logs.append(room, draft('one')))).toEqual({ ...first, dup: true });
      const plain = newRoom();
      const before = granted(await a.logs.append(plain, draft('one')));
      expect(granted(await b.logs.append(plain, draft('one', 'c-one')))).toEqual({ ...before, dup: true });
      expect(textsOf((await read(a, room)).entries)).toEqual(['one']);
    });

    it('is still known after the store was restarted', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      const first = await append(a, room, 'once', { dedupe });
      await store.restart();
      const again = await store.open();
      expect(await append(again, room, 'once', { dedupe })).toEqual({ ...first, dup: true });
      expect(textsOf((await read(again, room)).entries)).toEqual(['once']);
    });
  });

  describe('reading', () => {
    it('returns the newest messages, those before and those after a seq, oldest first', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await Promise.all(range(1, 30).map((n) => append(a, room, `${n}`)));
      const page = async (query: object) => {
        const { entries, more, top, first } = await read(b, room, query);
        expect({ top, first }).toEqual({ top: 30, first: 1 });
        return { seqs: seqsOf(entries), more };
      };
      expect(await page({ limit: 5 })).toEqual({ seqs: range(26, 30), more: true });
      expect(await page({ limit: 30 })).toEqual({ seqs: range(1, 30), more: false });
      expect(await page({ limit: 5, before: 26 })).toEqual({ seqs: range(21, 25), more: true });
      expect(await page({ limit: 5, before: 6 })).toEqual({ seqs: range(1, 5), more: false });
      expect(await page({ limit: 5, before: 1 })).toEqual({ seqs: [], more: false });
      expect(await page({ limit: 5, before: 900 })).toEqual({ seqs: range(26, 30), more: true });
      expect(await page({ limit: 5, after: 0 })).toEqual({ seqs: range(1, 5), more: true });
      expect(await page({ limit: 5, after: 24 })).toEqual({ seqs: range(25, 29), more: true });
      expect(await page({ limit: 5, after: 25 })).toEqual({ seqs: range(26, 30), more: false });
      expect(await page({ limit: 5, after: 30 })).toEqual({ seqs: [], more: false });
      expect(await page({ limit: 5, after: 900 })).toEqual({ seqs: [], more: false });
    });

    it('ends a page at maxBytes of UTF-8, at the end away from the position asked for', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 9)) await append(a, room, `${n} ${'ü'.repeat(300)}`);
      const sizes = (await read(b, room)).entries.map((entry) => Buffer.byteLength(entry.json));
      const three = sizes.slice(0, 3).reduce((sum, size) => sum + size, 0);
      const seqs = async (query: object) =>
        seqsOf((await read(b, room, { maxBytes: three, ...query })).entries);
      expect(await seqs({})).toEqual([7, 8, 9]);
      expect(await seqs({ before: 7 })).toEqual([4, 5, 6]);
      expect(await seqs({ after: 1 })).toEqual([2, 3, 4]);
      expect(await seqs({ after: 1, maxBytes: three - 1 })).toEqual([2, 3]);
      expect(await read(b, room, { maxBytes: three })).toMatchObject({ more: true });
      expect(await read(b, room, { maxBytes: three, after: 6 })).toMatchObject({ more: false });
      expect(await read(b, room, { maxBytes: three, after: 5 })).toMatchObject({ more: true });
    });

    it('returns at least one message, even one larger than maxBytes', async () => {
      const { a } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 3)) await append(a, room, `${n} ${'x'.repeat(500)}`);
      expect(seqsOf((await read(a, room, { maxBytes: 10 })).entries)).toEqual([3]);
      expect(seqsOf((await read(a, room, { maxBytes: 10, after: 0 })).entries)).toEqual([1]);
      expect(await read(a, room, { maxBytes: 10, before: 2 })).toMatchObject({ more: false, first: 1 });
    });

    it('gives a room without messages an epoch that stays', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [one, two] = await Promise.all([read(a, room), read(b, room)]);
      expect(one).toMatchObject({ top: 0, first: 1, entries: [], more: false, previousEpochs: [] });
      expect(one.epoch).not.toBe('');
      expect(two).toEqual(one);
      expect(await append(b, room, 'first')).toMatchObject({ seq: 1, epoch: one.epoch });
    });

    it('gives every room an epoch of its own', async () => {
      const { a } = await twoPeers(harness);
      const epochs = await Promise.all(range(1, 20).map(async () => (await read(a, newRoom())).epoch));
      expect(new Set(epochs).size).toBe(20);
    });

    it('carries `except` with the stored message', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'quiet', { except: 'socket-1' });
      await append(a, room, 'loud');
      expect((await read(b, room)).entries.map((entry) => entry.except)).toEqual(['socket-1', undefined]);
    });
  });

  describe('keeping', () => {
    it('keeps at least historySize messages, not 100 more, and returns where the log begins', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 50 });
      const room = newRoom();
      for (const n of range(1, 10)) {
        await Promise.all(range(1, 50).map((i) => append(i % 2 ? a : b, room, `${n} ${i}`)));
        const { first, top } = await read(b, room, { limit: 1 });
        expect(top).toBe(n * 50);
        expect(top - first + 1).toBeGreaterThanOrEqual(50);
        expect(top - first + 1).toBeLessThanOrEqual(150);
      }
      const all = await read(a, room, { after: 0 });
      expect(seqsOf(all.entries)).toEqual(range(all.first, 500));
      expect(all.more).toBe(false);
      expect(await read(a, room, { before: all.first })).toMatchObject({ entries: [], more: false });
      expect(await read(a, room, { before: all.first + 1 })).toMatchObject({ more: false });
    });

    it('continues the numbers over a restart; a new epoch lists how far the old one is valid', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      const old = await append(a, room, '1');
      for (const text of ['2', '3']) await append(a, room, text);
      const told = new Map([[old.epoch, 3]]);
      for (const round of [1, 2]) {
        await store.restart();
        const [c, d] = [await store.open(), await store.open()];
        const next = await append(c, room, `${3 + round}`);
        expect(next).toMatchObject({ seq: 3 + round, dup: false });
        const page = await read(d, room);
        expect(page).toMatchObject({ epoch: next.epoch, top: 3 + round, first: 1 });
        expect(textsOf(page.entries)).toEqual(range(1, 3 + round).map(String));
        // A store may go on in its epoch when it knows that nothing was lost; else it links every older one.
        told.delete(next.epoch);
        expect(new Map(page.previousEpochs.map((link) => [link.epoch, link.upTo]))).toEqual(told);
        told.set(next.epoch, 3 + round);
      }
    });

    it('shows every message after a restart to the first reader', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'kept');
      await store.restart();
      const [c, d] = [await store.open(), await store.open()];
      const [one, two] = await Promise.all([read(c, room), read(d, room)]);
      expect(textsOf(one.entries)).toEqual(['kept']);
      expect(two).toEqual(one);
      expect(await append(c, room, 'next')).toMatchObject({ seq: 2 });
    });

    it('returns where many logs end, of unknown rooms too', async () => {
      const { a, b } = await twoPeers(harness);
      const [quiet, busy, unknown] = [newRoom(), newRoom(), newRoom()];
      await append(a, quiet, '1');
      for (const text of ['1', '2', '3']) await append(a, busy, text);
      const { epoch } = await read(a, busy);
      const tops = granted(await b.logs.tops([busy, unknown, quiet]));
      expect(tops[0]).toEqual({ epoch, top: 3 });
      expect(tops.map((end) => end?.top)).toEqual([3, 0, 1]);
      expect(tops[1]?.epoch).toBeUndefined();
      expect(granted(await b.logs.tops([]))).toEqual([]);
    });
  });
}
