import { describe, expect, it } from 'vitest';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { isHeld, PREVIOUS_EPOCHS_KEPT } from '../../../src/chat/held-positions.ts';
import { CLAIM_LEASE_MS } from '../../../src/chat/idempotency.ts';
import { announcementsOf, inboxOf, type Room } from '../../../src/chat/room.ts';
import { append, draftOf, granted, range, read } from '../../contract/peers.ts';
import { dataKeysIn, peerForTest, redisForTest } from '../../contract/redis-harness.ts';

const keys = redisKeys('rc');
const inbox = inboxOf('/', 'ann');
const becomes = { epoch: 'e', seq: 1 };

type Asked = { ask(command: string): Promise<string> };

async function ttlS(redis: Asked, key: string): Promise<number> {
  return Number(/:(-?\d+)/.exec(await redis.ask(`TTL ${key}`))?.[1]);
}

describe('inboxes in Redis', () => {
  it('store nothing of an inbox that is only looked at', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    for (const log of [inbox, announcementsOf('/')]) {
      await read(peer, log);
      granted(await peer.logs.tops([log]));
      granted(await peer.inboxes.markers(log));
      granted(await peer.inboxes.raise(log, { sent: 1, recv: 1, read: 1 }));
      granted(await peer.inboxes.progress([{ inbox: log, seq: 1 }]));
      const news = { was: becomes, becomes: { epoch: 'e', seq: 2 } };
      expect(granted(await peer.inboxes.appendAnnouncement(log, draftOf(log, ''), news))).toBe(false);
    }
    expect(await dataKeysIn(redis)).toEqual([]);
  });

  it('store a user’s rooms for INBOX_TTL_S from the last join or read', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { inboxTtlS: 100 });
    granted(await peer.roomSubscriptions.set(inbox, 'tea', true));
    for (const key of keys.roomSubscriptions(inbox)) {
      expect(await ttlS(redis, key)).toBeGreaterThan(0);
      expect(await ttlS(redis, key)).toBeLessThanOrEqual(100);
    }
  });

  it('store the items of an inbox that nobody has opened for a week, and from its opening on for INBOX_TTL_S', async () => {
    const [week, inboxTtlS] = [604_800, 2_592_000];
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { inboxTtlS });
    const lives = async (of: Room) =>
      Promise.all(
        keys
          .log(of)
          .slice(0, 2)
          .map((key) => ttlS(redis, key)),
      );
    granted(await peer.logs.append(inbox, draftOf(inbox, 'x', { bounded: true })));
    const [log = 0, meta = 0] = await lives(inbox);
    expect(log).toBeLessThan(week * 1.02);
    expect(meta).toBeLessThan(week + 86_401);
    expect(meta).toBeGreaterThan(log);
    granted(await peer.inboxes.markers(inbox, { opens: 'ifStored' }));
    const isNormal = ([ofLog = 0, ofMeta = 0]: number[]) =>
      ofLog > inboxTtlS - 100 && ofMeta > 2 * inboxTtlS && ofMeta <= 2 * inboxTtlS + 86_400;
    expect(await lives(inbox)).toSatisfy(isNormal);
    // An item from a back end does the same.
    const other = inboxOf('/', 'bob');
    granted(await peer.logs.append(other, draftOf(other, 'x', { bounded: true })));
    await append(peer, other, 'push');
    expect(await lives(other)).toSatisfy(isNormal);
  });

  it('remember that a user without items was there, as long as they would keep an item', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { inboxTtlS: 100_000 });
    granted(await peer.inboxes.markers(inbox, { opens: 'lastingly' }));
    await read(peer, inbox);
    expect(await ttlS(redis, keys.log(inbox)[1])).toBeGreaterThan(100_000);
    const before = await redis.ask(`HGET ${keys.log(inbox)[1]} opened`);
    granted(await peer.inboxes.markers(inbox, { opens: 'lastingly' }));
    await read(peer, inbox);
    expect(await redis.ask(`HGET ${keys.log(inbox)[1]} opened`)).toBe(before);
  });

  it('give every key an end and no text of a user, the marks and their times the end of the numbers', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { historyTtlS: 1, inboxTtlS: 100, dedupeTtlS: 50 });
    const odd = inboxOf('/post', 'ann{x}:*');
    await append(peer, odd, 'x', { dedupe: { scope: 'ann', clientMsgId: 'm' } });
    granted(await peer.inboxes.raise(odd, { sent: 1, read: 1 }));
    granted(await peer.idempotency.claim('ann{x}:*', 'print', 'id {y}'));
    granted(await peer.idempotency.complete('ann{x}:*', 'another try', '1'));
    granted(
      await peer.pushes.save('id {y}', { nsp: '/', positions: [{ userId: 'ann{x}:*', seq: 1, at: 1 }] }),
    );
    const names = await dataKeysIn(redis);
    expect(names).toHaveLength(9);
    for (const name of names) expect(name).toMatch(/^rc:\{[\w-]{16,22}\}:\w+$/);
    for (const name of names) expect(await ttlS(redis, name)).toBeGreaterThan(0);
    const [log, meta] = keys.log(odd);
    expect(await ttlS(redis, log)).toBeGreaterThan(95);
    for (const steps of keys.steps(odd)) {
      expect(Math.abs((await ttlS(redis, steps)) - (await ttlS(redis, meta)))).toBeLessThan(3);
    }
    expect(await ttlS(redis, meta)).toBeGreaterThan(200);
    expect(await ttlS(redis, keys.pushPositions('id {y}'))).toBeGreaterThan(95);
    const [claim, running] = keys.claim('ann{x}:*');
    expect(await ttlS(redis, claim)).toBeLessThanOrEqual(50);
    expect(await ttlS(redis, running)).toBeLessThanOrEqual(CLAIM_LEASE_MS / 1_000);
  });

  it('keep the times of the newest 200 steps', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    await Promise.all(range(1, 230).map((n) => append(peer, inbox, `${n}`)));
    for (const n of range(1, 230)) granted(await peer.inboxes.raise(inbox, { recv: n }));
    expect(await redis.ask(`ZCARD ${keys.steps(inbox)[1]}`)).toBe(':200\r\n');
    const [first, oldest] = granted(
      await peer.inboxes.progress([
        { inbox, seq: 1 },
        { inbox, seq: 31 },
      ]),
    );
    expect(first).toEqual(oldest);
    expect(first?.recvAt).toBeTypeOf('number');
  });

  it('know the epochs of an inbox, up to where each holds, as held-positions.ts does', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    for (const n of range(1, 30)) await append(peer, inbox, `${n}`);
    granted(await peer.inboxes.raise(inbox, { read: 30 }));
    const [, meta] = keys.log(inbox);
    const { epoch } = await read(peer, inbox);
    for (const count of [0, 1, PREVIOUS_EPOCHS_KEPT]) {
      const previousEpochs = range(1, count).map((n) => ({ epoch: `e${n}`, upTo: 10 + n }));
      await redis.ask(
        `HSET ${meta} links "${previousEpochs.map(({ epoch: name, upTo }) => `${name}:${upTo}`).join(' ')}"`,
      );
      const noted = [epoch, 'e1', 'e8', 'forgotten'].flatMap((name) =>
        [11, 12, 18, 19].map((seq) => ({ epoch: name, seq })),
      );
      const found = granted(await peer.inboxes.progress(noted.map((one) => ({ inbox, ...one }))));
      expect(found.map(({ readAt }) => readAt !== undefined)).toEqual(
        noted.map((one) => isHeld({ epoch, previousEpochs }, one)),
      );
    }
  });

  it('return nothing of an earlier inbox after a new numbering', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    for (const n of range(1, 3)) await append(peer, inbox, `${n}`);
    granted(await peer.inboxes.raise(inbox, { sent: 3, read: 3 }));
    await redis.ask(`DEL ${keys.log(inbox).join(' ')}`);
    await append(peer, inbox, 'anew');
    await append(peer, inbox, 'anew');
    expect(granted(await peer.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0 });
    const progress = async () =>
      granted(await peer.inboxes.progress([1, 2, 3].map((seq) => ({ inbox, seq }))));
    expect(await progress()).toEqual([{}, {}, {}]);
    granted(await peer.inboxes.raise(inbox, { sent: 1 }));
    const [one, ...others] = await progress();
    expect(Object.keys(one ?? {})).toEqual(['sentAt']);
    expect(others).toEqual([{}, {}]);
    expect(await redis.ask(`ZCARD ${keys.steps(inbox)[0]}`)).toBe(':1\r\n');
  });

  it('keep their marks through a new epoch', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    granted(await peer.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), { was: undefined, becomes }));
    granted(await peer.inboxes.raise(inbox, { read: 1 }));
    const { epoch } = await read(peer, inbox);
    await redis.ask(`HSET ${keys.log(inbox)[1]} run another`);
    expect((await append(peer, inbox, 'y')).epoch).not.toBe(epoch);
    expect(granted(await peer.inboxes.markers(inbox))).toEqual({ recv: 1, read: 1, announcements: becomes });
  });

  it('neither append nor move the mark when Redis is full', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    await append(peer, inbox, 'before');
    await redis.ask('CONFIG SET maxmemory 1');
    const fold = () =>
      peer.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), { was: undefined, becomes });
    const refused = { ok: false, error: { code: 'unavailable' } };
    expect(await fold()).toMatchObject(refused);
    expect(await peer.inboxes.raise(inbox, { read: 1 })).toMatchObject(refused);
    await redis.ask('CONFIG SET maxmemory 0');
    expect(granted(await peer.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0 });
    expect(granted(await fold())).toBe(true);
    expect((await read(peer, inbox)).top).toBe(2);
  });

  it('move the marker for a known clientMsgId without storing the announcement again', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const dedupe = { scope: 'news', clientMsgId: '1' };
    await append(peer, inbox, 'x', { dedupe });
    const fold = () =>
      peer.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x', { dedupe }), { was: undefined, becomes });
    expect(granted(await fold())).toBe(true);
    expect(granted(await fold())).toBe(false);
    expect(await read(peer, inbox)).toMatchObject({ top: 1 });
    expect(granted(await peer.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0, announcements: becomes });
  });

  it('grant a claim again after its lease, and accept the key for another write after its TTL', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const [claim, running] = keys.claim('key');
    granted(await peer.idempotency.claim('key', 'print', 'one'));
    await redis.ask(`PEXPIRE ${running} 0`);
    const second = granted(await peer.idempotency.claim('key', 'print', 'two'));
    expect(second).toEqual({ state: 'granted', id: 'one' });
    await redis.ask(`PEXPIRE ${claim} 0`);
    const other = granted(await peer.idempotency.claim('key', 'other', 'three'));
    expect(other).toEqual({ state: 'granted', id: 'three' });
  });
});
