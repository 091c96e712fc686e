import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Appended, Draft } from '../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import {
  append,
  counted,
  draftOf,
  granted,
  listen,
  newRoom,
  read,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, Peer } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann' };
const bob = { userId: 'bob', username: 'Bob' };

const banned = (retryAfterMs?: number) => refused('roomid: banned from this room', retryAfterMs);
const muted = (retryAfterMs?: number) => refused('roomid: muted in this room', retryAfterMs);

/** As refused for good, or with the time that is left at most. */
function refused(message: string, atMostMs?: number) {
  if (atMostMs === undefined) return { ok: false, error: { code: 'forbidden', message, temporary: false } };
  return {
    ok: false,
    error: {
      code: 'forbidden',
      message,
      temporary: false,
      retryAfterMs: expect.toSatisfy((left: number) => left > atMostMs - 20_000 && left <= atMostMs),
    },
  };
}

function say(
  peer: Peer,
  room: Room,
  author: string,
  text: string,
  more: Pick<Draft, 'dedupe'> = {},
): Promise<Outcome<Appended>> {
  return peer.logs.append(room, { ...draftOf(room, text, more), author });
}

/** An inbox of that user that no test has used. */
const newInbox = (userId: string) => inboxOf(`/${randomUUID()}`, userId);

/** A later answer than this one is stamped later. */
async function endOf(until: number | undefined): Promise<void> {
  await eventually(() => expect(Date.now()).toBeGreaterThan((until ?? 0) + 5), { interval: 20 });
}

export function moderationContract(harness: () => Promise<Harness>): void {
  describe('a ban', () => {
    it('refuses the user in that room, on every worker, and no one else', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      expect(granted(await a.moderation.restrict(room, 'ann', 'ban'))).toEqual({});
      for (const peer of [a, b]) expect(await peer.roster.enter(room, ann, 1, 1)).toEqual(banned());
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 0, clients: 0 });
      expect(granted(await b.roster.members(room, { limit: 9 }))).toMatchObject({ members: [] });
      granted(await a.roster.enter(room, bob, 1, 1));
      granted(await a.roster.enter(other, ann, 1, 1));
      granted(await a.roster.enter({ ...newRoom('/post'), roomid: room.roomid }, ann, 1, 1));
    });

    it('refuses another connection of a user who is in the room, without changing anything', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      const renamed = { userId: 'ann', username: 'Anna' };
      expect(await a.roster.enter(room, renamed, 2, 2)).toEqual(banned());
      expect(await b.roster.enter(room, renamed, 1, 1)).toEqual(banned());
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 1, clients: 1 });
      expect(granted(await b.roster.findByUsername(room, 'Anna', 9))).toEqual([]);
      expect(granted(await b.roster.exit(room, 'ann', 0))).toMatchObject({ changed: false });
      expect(counted(await a.roster.exit(room, 'ann', 0))).toEqual({ users: 0, clients: 0, changed: true });
    });

    it('admits the user again once it is lifted', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      expect(granted(await b.moderation.lift(room, 'bob', 'ban'))).toBe(false);
      expect(granted(await b.moderation.lift(room, 'ann', 'mute'))).toBe(false);
      expect(await a.roster.enter(room, ann, 1, 1)).toEqual(banned());
      expect(granted(await b.moderation.lift(room, 'ann', 'ban'))).toBe(true);
      expect(granted(await b.moderation.lift(room, 'ann', 'ban'))).toBe(false);
      expect(granted(await a.roster.enter(room, ann, 1, 1))).toMatchObject({ changed: true });
    });

    it('for a time refuses with the time left, and ends', async () => {
      const { a, b } = await twoPeers(harness);
      const [long, short] = [newRoom(), newRoom()];
      const before = Date.now();
      const { until } = granted(await a.moderation.restrict(long, 'ann', 'ban', 3_600));
      expect(Math.abs((until ?? 0) - before - 3_600_000)).toBeLessThan(20_000);
      expect(await b.roster.enter(long, ann, 1, 1)).toEqual(banned(3_600_000));
      expect(await say(b, long, 'ann', 'let me in')).toEqual(banned(3_600_000));

      const restricted = granted(await a.moderation.restrict(short, 'ann', 'ban', 1));
      expect(await b.roster.enter(short, ann, 1, 1)).toEqual(banned(1_000));
      await endOf(restricted.until);
      expect(granted(await b.moderation.restrictions(short, 'ann'))).toEqual({});
      expect(granted(await a.moderation.lift(short, 'ann', 'ban'))).toBe(false);
      granted(await b.roster.enter(short, ann, 1, 1));
      granted(await say(b, short, 'ann', 'here again'));
    });

    it('replaces an earlier one, shorter or longer', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      const { until } = granted(await b.moderation.restrict(room, 'ann', 'ban', 1));
      await endOf(until);
      granted(await a.roster.enter(room, ann, 1, 1));
      granted(await b.moderation.restrict(room, 'ann', 'ban', 60));
      granted(await b.moderation.restrict(room, 'ann', 'ban'));
      expect(await a.roster.enter(room, ann, 2, 2)).toEqual(banned());
    });

    it('ends for one user and holds for another', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'bob', 'ban', 3_600));
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'ban', 1));
      await endOf(until);
      granted(await a.moderation.restrict(room, 'carol', 'mute', 1));
      granted(await b.roster.enter(room, ann, 1, 1));
      expect(await b.roster.enter(room, bob, 1, 1)).toEqual(banned(3_600_000));
    });

    it('beyond the most of a room is refused, unless the user has one already or another is lifted', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const ban = (peer: Peer, userId: string) => peer.moderation.restrict(room, userId, 'ban', undefined, 2);
      const most = 'userId: a room has at most 2 bans and mutes by moderators';
      const tooMany = { ok: false, error: { code: 'limit', message: most, temporary: false } };
      granted(await ban(a, 'ann'));
      granted(await ban(b, 'bob'));
      for (const peer of [a, b]) expect(await ban(peer, 'carol')).toEqual(tooMany);
      expect(granted(await a.moderation.restrictions(room, 'carol'))).toEqual({});
      granted(await ban(b, 'ann'));
      granted(await a.moderation.restrict(room, 'dan', 'ban'));
      granted(await b.moderation.lift(room, 'dan', 'ban'));
      granted(await b.moderation.lift(room, 'bob', 'ban'));
      granted(await ban(a, 'carol'));
    });

    it('and an enter at the same moment leave the user either counted or refused, and refused from then on', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [entered] = await Promise.all([
        a.roster.enter(room, ann, 1, 1),
        b.moderation.restrict(room, 'ann', 'ban'),
      ]);
      expect(granted(await b.roster.count(room)).users).toBe(entered.ok ? 1 : 0);
      expect(await a.roster.enter(room, ann, 2, 2)).toEqual(banned());
    });
  });

  describe('a mute', () => {
    it('refuses that author’s messages in that room, and nothing else', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      await append(a, room, 'before');
      const heard = await listen(b, room);
      granted(await a.moderation.restrict(room, 'ann', 'mute'));
      for (const peer of [a, b]) expect(await say(peer, room, 'ann', 'psst')).toEqual(muted());
      granted(await say(b, room, 'bob', 'bob speaks'));
      granted(await say(b, other, 'ann', 'elsewhere'));
      await append(a, room, 'of nobody');
      granted(await a.roster.enter(room, ann, 1, 1));
      const page = await read(b, room);
      expect(textsOf(page.entries)).toEqual(['before', 'bob speaks', 'of nobody']);
      expect(seqsOf(page.entries)).toEqual([1, 2, 3]);
      await eventually(() => expect(textsOf(heard.entries)).toEqual(['bob speaks', 'of nobody']));
      expect(granted(await b.moderation.lift(room, 'ann', 'mute'))).toBe(true);
      expect(granted(await say(b, room, 'ann', 'again')).seq).toBe(4);
    });

    it('for a time refuses with the time left, and ends', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(60_000));
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'mute', 1));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(1_000));
      await endOf(until);
      expect(granted(await say(b, room, 'ann', 'x')).seq).toBe(1);
    });

    it('of a banned user is reported as the ban', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      granted(await a.moderation.restrict(room, 'ann', 'ban'));
      expect(await say(b, room, 'ann', 'x')).toEqual(banned());
      granted(await b.moderation.lift(room, 'ann', 'ban'));
      expect(await say(b, room, 'ann', 'x')).toEqual(muted(60_000));
    });

    it('does not withhold the answer to a message that was stored before', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const dedupe = { scope: 'ann', clientMsgId: 'm' };
      const first = granted(await say(a, room, 'ann', 'once', { dedupe }));
      granted(await a.moderation.restrict(room, 'ann', 'mute'));
      expect(granted(await say(b, room, 'ann', 'once', { dedupe }))).toEqual({ ...first, dup: true });
      const refusedId = { scope: 'ann', clientMsgId: 'n' };
      expect(await say(b, room, 'ann', 'twice', { dedupe: refusedId })).toEqual(muted());
      granted(await a.moderation.lift(room, 'ann', 'mute'));
      // A refusal is not remembered.
      expect(granted(await say(b, room, 'ann', 'twice', { dedupe: refusedId }))).toMatchObject({
        seq: 2,
        dup: false,
      });
    });
  });

  describe('restrictions', () => {
    it('of a user are listed with their ends', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, other] = [newRoom(), newRoom()];
      expect(granted(await a.moderation.restrictions(room, 'ann'))).toEqual({});
      const mute = granted(await a.moderation.restrict(room, 'ann', 'mute', 60));
      expect(granted(await b.moderation.restrictions(room, 'ann'))).toEqual({ mute });
      granted(await b.moderation.restrict(room, 'ann', 'ban'));
      for (const peer of [a, b]) {
        expect(granted(await peer.moderation.restrictions(room, 'ann'))).toEqual({ ban: {}, mute });
        expect(granted(await peer.moderation.restrictions(room, 'bob'))).toEqual({});
        expect(granted(await peer.moderation.restrictions(other, 'ann'))).toEqual({});
      }
      granted(await a.moderation.lift(room, 'ann', 'mute'));
      expect(granted(await b.moderation.restrictions(room, 'ann'))).toEqual({ ban: {} });
    });

    it.each(['__proto__', 'constructor', 'ann lee', 'Ён日本語', 'a:b', '0', 'ban:ann'])(
      'distinguish the user %s from others',
      async (userId) => {
        const { a, b } = await twoPeers(harness);
        const room = newRoom();
        granted(await a.moderation.restrict(room, userId, 'mute'));
        expect(await say(b, room, userId, 'x')).toEqual(muted());
        granted(await say(b, room, 'ann', 'x'));
        granted(await b.roster.enter(room, { userId, username: 'x' }, 1, 1));
        expect(granted(await b.moderation.restrictions(room, userId))).toEqual({ mute: {} });
      },
    );

    it('survive a restart of the store, with the same end', async () => {
      const { store, a } = await twoPeers(harness);
      const room = newRoom();
      const { until } = granted(await a.moderation.restrict(room, 'ann', 'ban', 3_600));
      granted(await a.moderation.restrict(room, 'bob', 'mute'));
      granted(await a.moderation.restrict(room, 'carol', 'ban'));
      granted(await a.moderation.lift(room, 'carol', 'ban'));
      await store.restart();
      const c = await store.open();
      expect(granted(await c.moderation.restrictions(room, 'ann'))).toEqual({ ban: { until } });
      expect(await c.roster.enter(room, ann, 1, 1)).toEqual(banned(3_600_000));
      expect(await say(c, room, 'bob', 'x')).toEqual(muted());
      granted(await c.roster.enter(room, { userId: 'carol', username: 'Carol' }, 1, 1));
    });
  });

  describe('an exclusion', () => {
    const at = Date.now();
    const asked = async (peer: Peer, inbox: Room, jti?: string) =>
      granted(await peer.inboxes.markers(inbox, { jti })).exclusion;

    it('is told with the markers, on every worker, and only where it was asked for', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox('ann');
      expect(await asked(b, inbox, 'x')).toBeUndefined();
      granted(await a.moderation.restrict(inbox, 'ann', 'ban'));
      for (const peer of [a, b]) expect(await asked(peer, inbox)).toEqual({ ban: {} });
      expect(await asked(b, newInbox('ann'))).toBeUndefined();
      expect(granted(await b.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0 });
      expect(granted(await b.moderation.lift(inbox, 'ann', 'ban'))).toBe(true);
      expect(await asked(a, inbox, 'x')).toBeUndefined();
    });

    it('by a ban for a time ends', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox('ann');
      const { until } = granted(await a.moderation.restrict(inbox, 'ann', 'ban', 1));
      expect(await asked(b, inbox)).toEqual({ ban: { until } });
      await endOf(until);
      expect(await asked(b, inbox)).toBeUndefined();
    });

    it('of tokens names the latest time, in whatever order they come, and the one token', async () => {
      const { a, b } = await twoPeers(harness);
      const inbox = newInbox('ann');
      granted(await a.moderation.revoke(inbox, { before: at }, at));
      granted(await b.moderation.revoke(inbox, { before: at - 5_000 }, at));
      granted(await b.moderation.revoke(inbox, { jti: 'one' }, at));
      expect(await asked(a, inbox)).toEqual({ issuedBefore: at });
      expect(await asked(a, inbox, 'one')).toEqual({ issuedBefore: at, token: true });
      expect(await asked(b, inbox, 'other')).toEqual({ issuedBefore: at });
      granted(await a.moderation.revoke(inbox, { before: at + 1 }, at));
      expect(await asked(b, inbox)).toEqual({ issuedBefore: at + 1 });
      granted(await a.moderation.restrict(inbox, 'ann', 'ban'));
      expect(await asked(b, inbox, 'one')).toEqual({ ban: {}, issuedBefore: at + 1, token: true });
    });

    it('outlives the erasure of the inbox and a restart of the store', async () => {
      const { store, a, b } = await twoPeers(harness);
      const inbox = newInbox('ann');
      granted(await a.moderation.restrict(inbox, 'ann', 'ban'));
      granted(await a.moderation.revoke(inbox, { before: at }, at));
      granted(await a.moderation.revoke(inbox, { jti: 'one' }, at));
      granted(await b.inboxes.erase(inbox));
      await store.restart();
      expect(await asked(await store.open(), inbox, 'one')).toEqual({
        ban: {},
        issuedBefore: at,
        token: true,
      });
    });
  });
}
