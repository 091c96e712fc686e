import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../src/chat/room.ts';
import { append, draftOf, granted, newRoom, range, read, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const [ann, bob, cleo] = ['ann', 'bob', 'cleo'].map((userId) => inboxOf('/', userId).tag) as [
  string,
  string,
  string,
];

export function readersContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('what readers have read', () => {
    it('only rises, and is counted by number', async () => {
      const { store, a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      for (const n of range(1, 9)) await append(a, room, `${n}`);
      await append(a, other, 'said');
      expect((await read(b, room)).hasMarks).toBeUndefined();
      const marksBy = async (peer: StorePeer) =>
        granted(await peer.roomReaders.marks(room, [cleo, ann, bob, ann]));
      const countsBy = (peer: StorePeer) =>
        Promise.all(range(3, 8).map(async (seq) => granted(await peer.roomReaders.count(room, seq))));

      expect(await marksBy(a)).toEqual([undefined, undefined, undefined, undefined]);
      for (const seq of [4, 6, 5]) granted(await a.roomReaders.raise(room, ann, seq));
      granted(await b.roomReaders.raise(room, bob, 4));
      for (const peer of [a, b]) {
        expect(await marksBy(peer)).toEqual([undefined, 6, 4, 6]);
        expect(await countsBy(peer)).toEqual([2, 2, 1, 1, 0, 0]);
        expect(granted(await peer.roomReaders.marks(other, [ann]))).toEqual([undefined]);
        expect(granted(await peer.roomReaders.count(other, 1))).toBe(0);
        expect(granted(await peer.roomReaders.marks(room, []))).toEqual([]);
      }
      expect((await read(b, room)).hasMarks).toBe(true);
      expect((await read(b, other)).hasMarks).toBeUndefined();
      // It counts for the reader, too, as an own message does.
      expect(granted(await b.logs.unread([{ room, reader: ann, read: 5 }]))).toEqual([
        { top: 9, read: 6, unread: 3 },
      ]);

      await store.restart();
      const c = await store.open();
      expect(await marksBy(c)).toEqual([undefined, 6, 4, 6]);
      expect((await read(c, room)).hasMarks).toBe(true);
    });

    it('is up to the newest own message at least', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      await append(a, room, 'first');
      granted(await b.roomReaders.raise(room, bob, 1));
      granted(await a.logs.append(room, { ...draftOf(room, 'second'), reader: cleo }));
      granted(await a.logs.append(room, { ...draftOf(room, 'third'), reader: bob }));
      granted(await b.roomReaders.raise(room, bob, 2));
      for (const peer of [a, b]) {
        expect(granted(await peer.roomReaders.marks(room, [bob, cleo]))).toEqual([3, 2]);
        expect(granted(await peer.roomReaders.count(room, 2))).toBe(2);
        expect(granted(await peer.roomReaders.count(room, 3))).toBe(1);
      }
    });

    it('is kept for about as many readers as the log keeps entries, the furthest of them', async () => {
      const { a, b } = await twoPeers(harness, { historySize: 4 });
      const room = newRoom();
      for (const n of range(1, 20)) await append(a, room, `${n}`);
      for (const seq of range(1, 20)) granted(await b.roomReaders.raise(room, `reader ${seq}`, seq));
      const counted = granted(await b.roomReaders.count(room, 1));
      expect(counted).toBeGreaterThanOrEqual(4);
      expect(counted).toBeLessThanOrEqual(8);
      expect(granted(await a.roomReaders.count(room, 17))).toBe(4);
    });

    it('is kept for a room with a log only', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.roomReaders.raise(room, ann, 1));
      expect(granted(await b.roomReaders.marks(room, [ann]))).toEqual([undefined]);
      expect(granted(await b.roomReaders.count(room, 1))).toBe(0);
      expect((await read(b, room)).hasMarks).toBeUndefined();
    });
  });
}
