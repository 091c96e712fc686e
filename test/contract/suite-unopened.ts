import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Draft } from '../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import { refuseUnopened, UNOPENED_BYTES, UNOPENED_ITEMS } from '../../src/chat/unopened-inbox.ts';
import { append, draftOf, granted, range, read, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const newInbox = (): Room => inboxOf('/', `user ${randomUUID()}`);

/** A draft as a person writes it to another. */
function writeTo(peer: Pick<StorePeer, 'logs'>, inbox: Room, text: string, more: Pick<Draft, 'dedupe'> = {}) {
  return peer.logs.append(inbox, draftOf(inbox, text, { bounded: true, ...more }));
}

/** People may put this much into an inbox that nobody has opened. */
export function unopenedContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('an inbox that nobody has opened', () => {
    let store: Harness<StorePeer>;
    let peer: StorePeer;
    beforeAll(async () => {
      store = await harness();
      peer = await store.open();
      return () => store.close();
    });

    const write = (inbox: Room, text: string, more?: Pick<Draft, 'dedupe'>) =>
      writeTo(peer, inbox, text, more);
    const fill = async (inbox: Room) => {
      const items = await Promise.all(range(1, UNOPENED_ITEMS).map((n) => write(inbox, `item ${n}`)));
      items.forEach(granted);
    };
    /** Refused as what is beyond the bounds. */
    const expectFull = async (inbox: Room) =>
      expect(await write(inbox, 'more')).toEqual(refuseUnopened(inbox));

    it('takes items up to a number, keeps those, and refuses the next', async () => {
      const inbox = newInbox();
      await fill(inbox);
      await expectFull(inbox);
      await expectFull(inbox);
      expect(await read(peer, inbox)).toMatchObject({ top: UNOPENED_ITEMS, first: 1 });
    });

    it('takes items up to their bytes, the first one whatever its size', async () => {
      const inbox = newInbox();
      granted(await write(inbox, 'x'.repeat(UNOPENED_BYTES + 1)));
      await expectFull(inbox);
      const other = newInbox();
      const half = 'x'.repeat(UNOPENED_BYTES / 2);
      granted(await write(other, half));
      expect(await write(other, half)).toEqual(refuseUnopened(other));
      granted(await write(other, 'x'));
    });

    it('gives a repeated item its first answer, also beyond the bounds', async () => {
      const inbox = newInbox();
      const dedupe = { scope: 'user ann', clientMsgId: 'm1' };
      const first = granted(await write(inbox, 'once', { dedupe }));
      await Promise.all(range(2, UNOPENED_ITEMS).map((n) => write(inbox, `item ${n}`)));
      await expectFull(inbox);
      expect(granted(await write(inbox, 'once', { dedupe }))).toEqual({ ...first, dup: true });
    });

    it.each(['lastingly', 'ifStored'] as const)(
      'has no such bounds once its user opens it %s',
      async (opens) => {
        const inbox = newInbox();
        await fill(inbox);
        granted(await peer.inboxes.markers(inbox, { opens }));
        await fill(inbox);
        granted(await write(inbox, 'more'));
        expect(await read(peer, inbox)).toMatchObject({ top: 2 * UNOPENED_ITEMS + 1, first: 1 });
      },
    );

    it('remembers a user who was there before the first item, but not a guest', async () => {
      const [user, guest] = [newInbox(), newInbox()];
      granted(await peer.inboxes.markers(user, { opens: 'lastingly' }));
      granted(await peer.inboxes.markers(guest, { opens: 'ifStored' }));
      for (const inbox of [user, guest]) await fill(inbox);
      granted(await write(user, 'more'));
      await expectFull(guest);
    });

    it('is opened by an item of a back end, which knows the user', async () => {
      const inbox = newInbox();
      await fill(inbox);
      await append(peer, inbox, 'push');
      granted(await write(inbox, 'more'));
      const pushedFirst = newInbox();
      await append(peer, pushedFirst, 'push');
      await fill(pushedFirst);
      granted(await write(pushedFirst, 'more'));
    });

    it('is not opened by those who ask for its markers without being its user', async () => {
      const inbox = newInbox();
      await fill(inbox);
      granted(await peer.inboxes.markers(inbox));
      granted(await peer.inboxes.markers(inbox, { jti: 'other' }));
      await expectFull(inbox);
    });
  });
}

/** The bounds beside presence, which not every store knows. */
export function unopenedPresenceContract(harness: () => Promise<Harness>): void {
  it('an inbox is opened when an item comes while its user is connected, or has joined a room', async () => {
    const { a, b } = await twoPeers(harness);
    const [connected, joined] = [newInbox(), newInbox()];
    granted(await a.roster.setConnections(connected, 1));
    granted(await a.roomSubscriptions.set(joined, 'tea', true));
    for (const inbox of [connected, joined]) {
      const texts = range(1, UNOPENED_ITEMS + 1).map(String);
      (await Promise.all(texts.map((text) => writeTo(b, inbox, text)))).forEach(granted);
    }
    granted(await a.roster.setConnections(connected, 0));
    granted(await writeTo(b, connected, 'after'));
  });
}
