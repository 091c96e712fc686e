import { describe, expect, it } from 'vitest';
import { LISTING_PLACE } from '../../src/chat/logged-rooms.ts';
import { announcementsOf, inboxOf, roomOf } from '../../src/chat/room.ts';
import { append, granted, read, replace, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

/** All pages of the listing, each asked of the next of these workers. */
async function pagesOf(peers: readonly Pick<StorePeer, 'loggedRooms'>[], nsp: string, limit: number) {
  const pages: (readonly string[])[] = [];
  let after: string | undefined;
  do {
    const peer = peers[pages.length % peers.length] as Pick<StorePeer, 'loggedRooms'>;
    const { roomids, next } = granted(await peer.loggedRooms.list(nsp, { after, limit }));
    pages.push(roomids);
    if (next !== undefined) expect(next).toMatch(LISTING_PLACE);
    after = next;
  } while (after !== undefined);
  return pages;
}

const sortedOnce = (pages: readonly (readonly string[])[]) => [...new Set(pages.flat())].sort();

/** The promises of the listing of rooms with an entry. */
export function loggedRoomsContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('the rooms with an entry', () => {
    it('are those of the namespace, also if the entry was replaced, and after a restart; no inboxes', async () => {
      const { store, a, b } = await twoPeers(harness);
      expect(await pagesOf([a], '/', 10)).toEqual([[]]);
      const [tea, both, gone] = [roomOf('/', 'tea é'), roomOf('/', 'both'), roomOf('/', 'gone')];
      for (const room of [tea, both, gone]) await append(a, room, 'hello');
      await replace(a, gone, 1, 'other');
      await append(b, roomOf('/post', 'both'), 'elsewhere');
      await append(b, roomOf('/post', 'post'), 'elsewhere');
      await read(a, roomOf('/', 'only read'));
      await append(a, inboxOf('/', 'tea'), 'an item that names a room');
      await append(a, announcementsOf('/'), 'news');
      const all = ['both', 'gone', tea.roomid];
      for (const peer of [a, b]) expect(sortedOnce(await pagesOf([peer], '/', 10))).toEqual(all);
      expect(sortedOnce(await pagesOf([b], '/post', 10))).toEqual(['both', 'post']);
      await store.restart();
      const c = await store.open();
      expect(sortedOnce(await pagesOf([c], '/', 10))).toEqual(all);
    });

    it('come in bounded pages from any worker, none is left out, also over a restart between two pages', async () => {
      const { store, a, b } = await twoPeers(harness);
      const names = Array.from({ length: 60 }, (_, n) => `room ${n}`).sort();
      for (const name of names) {
        await append(a, roomOf('/', name), 'hello');
        await append(a, inboxOf('/', name), 'an item');
      }
      const pages = await pagesOf([a, b], '/', 10);
      expect(sortedOnce(pages)).toEqual(names);
      expect(pages.length).toBeGreaterThan(5);
      // Redis looks at whole hash buckets.
      expect(Math.max(...pages.map(({ length }) => length))).toBeLessThan(20);

      const first = granted(await a.loggedRooms.list('/', { limit: 10 }));
      await store.restart();
      const c = await store.open();
      const found = [...first.roomids];
      for (let after = first.next; after !== undefined; ) {
        const page = granted(await c.loggedRooms.list('/', { after, limit: 10 }));
        found.push(...page.roomids);
        after = page.next;
      }
      expect(sortedOnce([found])).toEqual(names);
    });
  });
}
