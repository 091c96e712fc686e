import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../src/chat/room.ts';
import { MAX_BLOCKS } from '../../src/protocol/limits.ts';
import { eventually } from '../support/eventually.ts';
import { append, draftOf, granted, range, read, textsOf, twoPeers } from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const inbox = inboxOf('/', 'ann');
const refused = {
  ok: false,
  error: { code: 'forbidden', message: 'to: this user does not take it', temporary: false },
};

const send = (peer: Peer, author: string, text: string, dedupe?: { scope: string; clientMsgId: string }) =>
  peer.logs.append(inbox, { ...draftOf(inbox, text, { ...(dedupe && { dedupe }) }), author });

export function blocksContract(harness: () => Promise<Harness>): void {
  describe('a blocked user', () => {
    it('is refused at that inbox alone, on every worker, until the block is lifted, and after a restart', async () => {
      const { store, a, b } = await twoPeers(harness);
      const known = { scope: 'bob', clientMsgId: 'm' };
      const first = granted(await send(a, 'bob', 'before', known));
      for (const peer of [a, b]) granted(await peer.blocks.set(inbox, 'bob', true));
      granted(await a.blocks.set(inbox, '__proto__', true));
      for (const peer of [a, b]) {
        expect(await send(peer, 'bob', 'no')).toEqual(refused);
        expect(granted(await peer.blocks.list(inbox))).toEqual(['__proto__', 'bob']);
        expect(granted(await peer.blocks.list(inboxOf('/post', 'ann')))).toEqual([]);
        const inboxes = [inboxOf('/post', 'ann'), inbox, inboxOf('/', 'bob')];
        expect(granted(await peer.blocks.areBlocking(inboxes, 'bob'))).toEqual([false, true, false]);
        expect(granted(await peer.blocks.areBlocking([inbox], 'carol'))).toEqual([false]);
      }
      expect(granted(await send(b, 'bob', 'before', known))).toEqual({ ...first, dup: true });
      granted(await send(a, 'carol', 'of another'));
      await append(a, inboxOf('/', 'carol'), 'to another');
      granted(
        await b.logs.append(inboxOf('/post', 'ann'), { ...draftOf(inbox, 'elsewhere'), author: 'bob' }),
      );
      await append(a, inbox, 'of a back end');

      await store.restart();
      const c = await store.open();
      expect(await send(c, 'bob', 'no')).toEqual(refused);
      granted(await c.blocks.set(inbox, 'bob', false));
      granted(await c.blocks.set(inbox, 'never blocked', false));
      granted(await send(c, 'bob', 'after'));
      expect(granted(await c.blocks.list(inbox))).toEqual(['__proto__']);
      expect(textsOf((await read(c, inbox)).entries)).toEqual([
        'before',
        'of another',
        'of a back end',
        'after',
      ]);
    });

    it('is refused in whatever is stored after the block is answered, also amid other items', async () => {
      const { a, b } = await twoPeers(harness);
      const sent = range(1, 30).map((n) => send(b, 'bob', `${n}`));
      granted(await a.blocks.set(inbox, 'bob', true));
      const { top } = await read(a, inbox);
      await Promise.all(sent);
      expect(await send(b, 'bob', 'late')).toEqual(refused);
      const stored = (await Promise.all(sent)).filter(({ ok }) => ok).length;
      expect((await read(b, inbox)).top).toBe(stored);
      expect(stored).toBeGreaterThanOrEqual(top);
    });

    it('goes with the erased inbox of the one who blocked, and a guest’s block after its time', async () => {
      const { a, b } = await twoPeers(harness);
      const guest = inboxOf('/', 'guest');
      granted(await a.blocks.set(inbox, 'bob', true));
      granted(await a.blocks.set(guest, 'bob', true, 1));
      expect(granted(await b.blocks.list(guest))).toEqual(['bob']);
      granted(await b.inboxes.erase(inbox));
      expect(granted(await a.blocks.list(inbox))).toEqual([]);
      granted(await send(a, 'bob', 'again'));
      await eventually(async () => expect(granted(await b.blocks.list(guest))).toEqual([]), { interval: 50 });
      expect(granted(await a.blocks.areBlocking([guest, inbox], 'bob'))).toEqual([false, false]);
      granted(await b.logs.append(guest, { ...draftOf(guest, 'again'), author: 'bob' }));
    });

    it('is one of 1,000 at most', async () => {
      const { a, b } = await twoPeers(harness);
      const users = range(1, MAX_BLOCKS).map((n) => `user-${n}`);
      for (const one of await Promise.all(users.map((user) => a.blocks.set(inbox, user, true)))) granted(one);
      const more = await b.blocks.set(inbox, 'one more', true);
      const message = 'userId: at most 1000 users can be blocked';
      expect(more).toEqual({ ok: false, error: { code: 'limit', message, temporary: false } });
      granted(await b.blocks.set(inbox, 'user-7', true));
      granted(await b.blocks.set(inbox, 'user-8', false));
      granted(await b.blocks.set(inbox, 'one more', true));
      expect(granted(await a.blocks.list(inbox))).toHaveLength(MAX_BLOCKS);
    });
  });
}
