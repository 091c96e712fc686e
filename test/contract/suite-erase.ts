import { describe, expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import {
  append,
  draftOf,
  granted,
  newRoom,
  range,
  read,
  replace,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness } from './suite.ts';

export function eraseContract(harness: () => Promise<Harness>): void {
  describe('an erased inbox', () => {
    it('has forgotten items, markers, their times, subscriptions and clientMsgIds, and begins again with seq 1', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const dedupe = { scope: 'bob', clientMsgId: 'm' };
      const first = await append(a, inbox, 'once', { dedupe });
      for (const n of range(2, 5)) await append(b, inbox, `${n}`);
      await replace(a, inbox, 3, 'replaced');
      const news = { was: undefined, becomes: { epoch: 'e', seq: 1 } };
      granted(await a.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'news'), news));
      granted(await a.inboxes.raise(inbox, { sent: 5, recv: 4, read: 3 }));
      granted(await a.roomSubscriptions.set(inbox, 'lobby', true));
      granted(await a.roomSubscriptions.raiseReadMarker(inbox, 'lobby', 7));

      granted(await b.inboxes.erase(inbox));
      for (const peer of [a, b]) {
        expect(granted(await peer.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0 });
        expect(granted(await peer.roomSubscriptions.list(inbox))).toEqual([]);
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
      expect(granted(await b.roomSubscriptions.raiseReadMarker(inbox, 'lobby', 2))).toBe(2);
    });

    it('says nothing of a position of before, although its own items have the same numbers', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = inboxOf('/', 'ann');
      const { epoch: before } = await append(a, inbox, 'before');
      granted(await a.inboxes.erase(inbox));
      const { epoch: now } = await append(a, inbox, 'anew');
      const positions = () => b.inboxes.progress([before, now].map((epoch) => ({ inbox, epoch, seq: 1 })));
      expect(granted(await positions())).toEqual([{}, {}]);
      granted(await a.inboxes.raise(inbox, { sent: 1, read: 1 }));
      const at = expect.any(Number);
      expect(granted(await positions())).toEqual([{}, { sentAt: at, recvAt: at, readAt: at }]);
    });

    it('has forgotten how far its owner has read the rooms not left', async () => {
      const { a, b } = await twoPeers(harness);
      const rooms = [newRoom(), newRoom()] as const;
      const inbox = inboxOf('/', 'ann');
      const bob = inboxOf('/', 'bob').tag;
      for (const each of rooms) {
        for (const n of range(1, 3)) await append(a, each, `${n}`);
        granted(await a.roomSubscriptions.set(inbox, each.roomid, true));
        granted(await a.roomReaders.raise(each, inbox.tag, 2));
      }
      granted(await a.roomReaders.raise(rooms[0], bob, 1));
      granted(await b.inboxes.erase(inbox));
      for (const each of rooms) {
        expect(granted(await a.roomReaders.marks(each, [inbox.tag]))).toEqual([undefined]);
      }
      expect(granted(await a.roomReaders.marks(rooms[0], [bob]))).toEqual([1]);
    });

    it('leaves a room of the same id, other inboxes and the user’s connections unchanged', async () => {
      const { store, a, b } = await twoPeers(harness);
      const [inbox, there, room] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann'), roomOf('/', 'ann')];
      for (const log of [inbox, there, room, inboxOf('/', 'bob')]) await append(a, log, 'said');
      granted(await a.moderation.restrict(room, 'bob', 'mute'));
      granted(await a.roomSubscriptions.set(there, 'lobby', true));
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
      expect(granted(await b.roomSubscriptions.list(there))).toEqual([{ roomid: 'lobby', read: 0 }]);
      await store.restart();
      const c = await store.open();
      expect(await read(c, inbox)).toMatchObject({ top: 0, entries: [] });
      expect(textsOf((await read(c, room)).entries)).toEqual(['said']);
    });

    it('keeps items stored after the erasure, whichever was asked first', async () => {
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
