import { describe, expect, it } from 'vitest';
import type { Room } from '../../src/chat/room.ts';
import { inboxOf } from '../../src/chat/room.ts';
import { append, draftOf, granted, newRoom, range, read, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const ann = inboxOf('/', 'ann').tag;
const bob = inboxOf('/', 'bob').tag;

async function say(peer: StorePeer, room: Room, text: string, reader: string, id = text): Promise<number> {
  const dedupe = { scope: reader, clientMsgId: id };
  return granted(await peer.logs.append(room, { ...draftOf(room, text, { dedupe }), reader })).seq;
}

async function remove(peer: StorePeer, room: Room, seq: number): Promise<void> {
  const { members } = draftOf(room, '');
  const notice = { id: `notice ${seq}`, members: `"event":"deleted","ref":${seq}` };
  granted(await peer.logs.replace(room, seq, members, notice));
}

async function unread(peer: StorePeer, room: Room, upTo: number, reader?: string) {
  const [found] = granted(await peer.logs.unread([{ room, reader, read: upTo }]));
  return found;
}

export function unreadContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('what is unread', () => {
    it('are the messages above the marker, in each of many logs', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other, empty] = [newRoom(), newRoom(), newRoom()];
      for (const n of range(1, 5)) await append(a, room, `${n}`);
      await append(a, other, 'said');
      const asked = [
        { room, read: 2 },
        { room: empty, reader: ann, read: 0 },
        { room: other, reader: ann, read: 1 },
        { room, reader: ann, read: 0 },
        { room, reader: ann, read: 9 },
      ];
      for (const peer of [a, b]) {
        expect(granted(await peer.logs.unread(asked))).toEqual([
          { top: 5, read: 2, unread: 3 },
          { top: 0, read: 0, unread: 0 },
          { top: 1, read: 1, unread: 0 },
          { top: 5, read: 0, unread: 5 },
          { top: 5, read: 9, unread: 0 },
        ]);
      }
      expect(granted(await a.logs.unread([]))).toEqual([]);
    });

    it('exclude those below the reader’s newest own message', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 3)) await append(a, room, `${n}`);
      expect(await say(b, room, 'hello', ann)).toBe(4);
      await say(a, room, 'hi', bob);
      for (const peer of [a, b]) {
        expect(await unread(peer, room, 1, ann)).toEqual({ top: 5, read: 4, unread: 1 });
        expect(await unread(peer, room, 1, bob)).toEqual({ top: 5, read: 5, unread: 0 });
        expect(await unread(peer, room, 1)).toEqual({ top: 5, read: 1, unread: 4 });
      }
      // The same again says nothing new.
      expect(await say(a, room, 'hello', ann)).toBe(4);
      expect(await unread(b, room, 1, ann)).toEqual({ top: 5, read: 4, unread: 1 });
      expect(await unread(b, room, 5, ann)).toEqual({ top: 5, read: 5, unread: 0 });
      expect(await unread(b, newRoom(), 0, ann)).toEqual({ top: 0, read: 0, unread: 0 });
      await store.restart();
      const c = await store.open();
      expect(await unread(c, room, 1, ann)).toEqual({ top: 5, read: 4, unread: 1 });
      expect(await unread(c, room, 0, bob)).toEqual({ top: 5, read: 5, unread: 0 });
    });

    it('excludes deleted messages and deletion entries', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const n of range(1, 6)) await append(a, room, `${n}`);
      for (const seq of [2, 5, 5]) await remove(b, room, seq);
      const left = [6 - 2, 5 - 2, 4 - 1, 3 - 1, 2 - 1, 1, 0, 0, 0];
      for (const [upTo, count] of left.entries()) {
        expect(await unread(a, room, upTo, ann)).toEqual({ top: 8, read: upTo, unread: count });
      }
      await append(a, room, 'after');
      await store.restart();
      const c = await store.open();
      expect(await unread(c, room, 1, ann)).toEqual({ top: 9, read: 1, unread: 4 });
      for (const seq of [1, 3, 4, 6, 9]) await remove(c, room, seq);
      expect(await unread(c, room, 0, ann)).toEqual({ top: 14, read: 0, unread: 0 });
    });

    it('is at most what the log holds', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 20 });
      const room = newRoom();
      await say(a, room, 'first', ann);
      await append(a, room, 'secret');
      await remove(a, room, 2);
      for (const round of range(1, 40)) {
        await Promise.all(range(1, 10).map((n) => append(a, room, `${round} ${n}`)));
        if (round % 4 === 0) await remove(b, room, (await read(b, room, { limit: 1 })).top - 3);
        const page = await read(b, room, { after: 0, limit: 1_000 });
        const texts = page.entries.map(({ json }) => json);
        const counted = texts.filter((json) => !/"event":"deleted"|"text":""/.test(json));
        expect(await unread(b, room, 0)).toEqual({ top: page.top, read: 0, unread: counted.length });
        expect(await unread(a, room, 0, ann)).toEqual({
          top: page.top,
          read: 1,
          unread: counted.filter((json) => !json.includes('"text":"first"')).length,
        });
      }
    });
  });
}
