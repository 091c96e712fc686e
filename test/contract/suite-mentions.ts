import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseItem } from '../../src/chat/inbox/items.ts';
import { createMentions } from '../../src/chat/inbox/mentions.ts';
import type { Appended } from '../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { granted, newRoom, range, read, twoPeers } from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const USERS = ['ann', 'bob', 'carol', 'dave', 'erin', 'stranger'];
const from = { userId: 'ann', username: 'Ann' };
const ann = { from, author: 'ann' };

interface Dying {
  /** The worker dies before it appends the items of these users. */
  readonly before?: readonly string[];
  /** Not even the note is removed. */
  readonly keepsNote?: boolean;
}

const never = new Promise<never>(() => undefined);

/** The part of a worker that sends mentions. */
function worker(peer: Peer, { before = [], keepsNote = before.length > 0 }: Dying = {}) {
  const put: string[] = [];
  const mentions = createMentions({
    ...peer,
    logs: {
      read: (log, query) => peer.logs.read(log, query),
      known: (log, key) => peer.logs.known(log, key),
      append: (log, draft) => (before.includes(log.roomid) ? never : peer.logs.append(log, draft)),
    },
    notes: {
      add: peer.mentionNotes.add,
      remove: (note) => (keepsNote ? never : peer.mentionNotes.remove(note)),
      due: peer.mentionNotes.due,
    },
    newId: randomUUID,
    onAppended: (_nsp, userId) => void put.push(userId),
  });
  return { mentions, put };
}

function say(peer: Peer, room: Room, id: string, named: readonly string[], clientMsgId?: string) {
  const entry = {
    event: 'broadcast_say',
    roomid: room.roomid,
    mentions: named,
    data: { ...from, text: 'hi', type: 0 },
  };
  const dedupe = clientMsgId === undefined ? {} : { dedupe: { scope: 'ann', clientMsgId } };
  return peer.logs.append(room, {
    id,
    members: JSON.stringify(entry).slice(1, -1),
    author: 'ann',
    ...dedupe,
  });
}

/** Erin blocks Ann between the question for blocks and the message. */
async function sayWhileErinBlocks(peer: Peer, room: Room, id: string, clientMsgId?: string) {
  granted(await peer.blocks.set(inboxOf('/', 'erin'), 'ann', true));
  return say(peer, room, id, USERS, clientMsgId);
}

async function itemsOf(peer: Peer, userId: string) {
  return (await read(peer, inboxOf('/', userId))).entries.map(parseItem);
}

/** Bob, Carol and Erin have joined the room, Dave has but is banned. */
async function roomOfFour(peer: Peer): Promise<Room> {
  const room = newRoom();
  for (const userId of USERS.filter((one) => one !== 'stranger'))
    granted(await peer.roomSubscriptions.set(inboxOf('/', userId), room.roomid, true));
  granted(await peer.moderation.restrict(room, 'dave', 'ban'));
  return room;
}

export function mentionsContract(harness: () => Promise<Harness>): void {
  describe('a mention', () => {
    it('is one item for each other user who has joined the room, is not banned there and has not blocked the author meanwhile', async () => {
      const { a, b } = await twoPeers(harness);
      const room = await roomOfFour(a);
      const { mentions, put } = worker(a);
      const message = { ...ann, room, mentions: USERS, dedupe: { scope: 'ann', clientMsgId: 'm' } };
      const first = granted(await mentions.storing(message, (id) => sayWhileErinBlocks(a, room, id, 'm')));
      // The ack was lost.
      const again = await worker(b).mentions.storing(message, (id) => say(b, room, id, USERS, 'm'));
      expect(again).toEqual({ ok: true, value: { ...first, dup: true } });
      const { id, epoch, seq } = first;
      for (const userId of ['bob', 'carol']) {
        expect(await itemsOf(b, userId)).toEqual([
          {
            id,
            seq: 1,
            epoch: expect.any(String),
            at: expect.any(Number),
            kind: 'mention',
            from: { id: 'ann', name: 'Ann' },
            data: { roomid: room.roomid, epoch, seq },
            copied: false,
          },
        ]);
      }
      for (const userId of ['ann', 'dave', 'erin', 'stranger']) expect(await itemsOf(b, userId)).toEqual([]);
      expect(put.sort()).toEqual(['bob', 'carol']);
    });

    it('reaches a guest who is in the room, and nobody who has left it', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      for (const peer of [a, b]) granted(await peer.roster.heartbeat(1));
      granted(await b.roster.enter(room, { userId: 'guest', username: 'Guest' }, 1, 1));
      granted(await a.roomSubscriptions.set(inboxOf('/', 'left'), room.roomid, true));
      granted(await a.roomSubscriptions.set(inboxOf('/', 'left'), room.roomid, false));
      const named = ['guest', 'left'];
      await worker(a).mentions.storing({ ...ann, room, mentions: named }, (id) => say(a, room, id, named));
      expect(await itemsOf(a, 'guest')).toMatchObject([{ kind: 'mention', data: { seq: 1 } }]);
      expect(await itemsOf(a, 'left')).toEqual([]);
    });

    it('of users who have blocked the author refuses the message, which nothing is stored of', async () => {
      const { a, b } = await twoPeers(harness);
      const room = await roomOfFour(a);
      for (const userId of ['erin', 'stranger'])
        granted(await b.blocks.set(inboxOf('/', userId), 'ann', true));
      const storing = (mentions: readonly string[], author: string | undefined) =>
        worker(a).mentions.storing({ room, from, mentions, author }, (id) => say(a, room, id, mentions));
      const message = 'mentions: not taken by erin, stranger';
      const refused = { ok: false, error: { code: 'forbidden', message, temporary: false } };
      expect(await storing(USERS, 'ann')).toEqual(refused);
      const twenty = range(1, 18).map((n) => `user-${n}`);
      expect(await storing([...twenty, 'erin', 'stranger'], 'ann')).toEqual(refused);
      expect((await read(a, room)).top).toBe(0);
      expect(await itemsOf(a, 'bob')).toEqual([]);
      expect(granted(await a.mentionNotes.due(0, 10))).toEqual([]);
      granted(await storing(['bob', 'ann'], 'ann'));
      // A service has no user whom anybody could have blocked.
      granted(await storing(['erin'], undefined));
      for (const userId of ['bob', 'erin']) expect(await itemsOf(a, userId)).toHaveLength(1);
    });

    it('is completed once by another worker after its worker died between message and items', async () => {
      const { store, a, b } = await twoPeers(harness);
      const room = await roomOfFour(a);
      const { mentions } = worker(a, { before: ['carol'] });
      let stored: Outcome<Appended> | undefined;
      const appended = new Promise<void>((resolve) => {
        void mentions.storing({ ...ann, room, mentions: USERS }, async (id) => {
          stored = await sayWhileErinBlocks(a, room, id);
          setTimeout(resolve, 0);
          return stored;
        });
      });
      await appended;
      // Another message behind it, and an item of another kind for Carol.
      await say(b, room, 'later', []);
      await b.logs.append(inboxOf('/', 'carol'), { id: 'other', members: '"kind":"push","data":1' });
      await store.restart();
      const [c, d] = [await store.open(), await store.open()];
      await worker(c).mentions.sweep('nobody');
      expect(await itemsOf(c, 'carol')).toHaveLength(1);
      await Promise.all([c, d].map((peer) => worker(peer).mentions.sweep(a.instanceId)));
      await worker(d).mentions.sweep(a.instanceId);
      const id = stored?.ok && stored.value.id;
      expect((await itemsOf(d, 'carol')).map((item) => item.id)).toEqual(['other', id]);
      expect((await itemsOf(d, 'bob')).map((item) => item.id)).toEqual([id]);
      for (const userId of ['ann', 'dave', 'erin', 'stranger']) expect(await itemsOf(d, userId)).toEqual([]);
      expect(granted(await d.mentionNotes.due(0, 10))).toEqual([]);
    });

    it('of a message that was not stored, or is deleted meanwhile, leaves nothing behind', async () => {
      const { a, b } = await twoPeers(harness);
      const room = await roomOfFour(a);
      granted(await a.moderation.restrict(room, 'ann', 'mute'));
      const refused = await worker(a).mentions.storing({ ...ann, room, mentions: ['bob'] }, (id) =>
        say(a, room, id, ['bob']),
      );
      expect(refused).toMatchObject({ ok: false, error: { code: 'forbidden' } });
      granted(await a.moderation.lift(room, 'ann', 'mute'));
      void worker(a, { before: ['bob'] }).mentions.storing(
        { ...ann, room, mentions: ['bob'] },
        async (id) => {
          const said = await say(a, room, id, ['bob']);
          await a.logs.replace(room, 1, '"event":"broadcast_say","deleted":true');
          return said;
        },
      );
      const due = async () => granted(await b.mentionNotes.due(0, 10));
      const first = async () => (await read(b, room)).entries[0]?.json;
      await eventually(async () => expect(await first()).toContain('deleted'), { interval: 5 });
      expect(await due()).toHaveLength(1);
      await worker(b).mentions.sweep(a.instanceId);
      expect(await due()).toEqual([]);
      expect(await itemsOf(b, 'bob')).toEqual([]);
    });
  });
}
