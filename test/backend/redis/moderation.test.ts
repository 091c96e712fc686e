import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { restrictionHash } from '../../../src/backend/restriction-hash.ts';
import { entryDigest } from '../../../src/chat/entry-digest.ts';
import { createMessageChanges } from '../../../src/chat/message-changes.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { deletion, edit } from '../../../src/server/message-decisions.ts';
import { append, draftOf, granted, newRoom, range, read, seqsOf, textsOf } from '../../contract/peers.ts';
import { dataKeysIn, peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';

const keys = redisKeys('rc');
const ANN = { userId: 'ann', username: 'Ann' };
const BOB = { userId: 'bob', username: 'Bob' };
const UNAVAILABLE = { ok: false, error: { code: 'unavailable' } };

type Asked = { ask(command: string): Promise<string> };

async function ttlMs(redis: Asked, key: string): Promise<number> {
  return Number(/:(-?\d+)/.exec(await redis.ask(`PTTL ${key}`))?.[1]);
}

async function replace(peer: Peer, room: ReturnType<typeof newRoom>, seq: number, text: string) {
  return granted(await peer.logs.replace(room, seq, draftOf(room, text).members));
}

/** The text of a dump, and of the rewritten append-only file. */
async function dumpsOf(redis: Asked): Promise<string[]> {
  const [, dir = ''] = /dir\r\n\$\d+\r\n(.*)\r\n/.exec(await redis.ask('CONFIG GET dir')) ?? [];
  await redis.ask('SAVE');
  await redis.ask('BGREWRITEAOF');
  await eventually(async () =>
    expect(await redis.ask('INFO persistence')).toMatch(
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0[\s\S]*aof_last_bgrewrite_status:ok/,
    ),
  );
  const rewritten = readdirSync(join(dir, 'appendonlydir')).map((file) => join(dir, 'appendonlydir', file));
  return [[join(dir, 'dump.rdb')], rewritten].map((files) =>
    files.map((file) => readFileSync(file, 'latin1')).join(''),
  );
}

describe('restrictions in Redis', () => {
  it('cost a message one lookup of a missing key', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    granted(await peer.logs.append(room, draftOf(room, 'first')));
    const callsOf = async (author?: string) => {
      await redis.ask('CONFIG RESETSTAT');
      granted(await peer.logs.append(room, { ...draftOf(room, 'x'), ...(author ? { author } : {}) }));
      const stats = (await redis.ask('INFO commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g);
      return Object.fromEntries(Array.from(stats, ([, name = '', calls]) => [name, Number(calls)]));
    };
    const { zmscore, ...rest } = await callsOf('ann');
    expect(zmscore).toBe(1);
    expect(rest).toEqual(await callsOf());
  });

  it('hold if an embedded store named the user by a hash, and are lifted and replaced like others', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    const key = keys.restrictions(room);
    const until = Date.now() + 100_000;
    const [ann, bob, carol] = ['ann', 'bob', 'carol'].map(restrictionHash);
    await redis.ask(`ZADD ${key} inf ban#${ann} ${until} mute#${ann} ${until} mute#${bob} inf ban#${carol}`);
    const { moderation, roster } = peer;
    expect(granted(await moderation.restrictions(room, 'ann'))).toEqual({ ban: {}, mute: { until } });

    expect(await roster.enter(room, ANN, 1, 1)).toMatchObject({ error: { code: 'forbidden' } });
    expect(granted(await moderation.lift(room, 'ann', 'ban'))).toBe(true);
    granted(await roster.enter(room, ANN, 1, 1));
    expect(granted(await moderation.restrictions(room, 'ann'))).toEqual({ mute: { until } });
    expect(await peer.logs.append(room, { ...draftOf(room, 'x'), author: 'ann' })).toMatchObject({
      error: { code: 'forbidden' },
    });

    // Bob was never asked about: his own restriction is found when he enters.
    granted(await roster.enter(room, BOB, 1, 1));
    expect(await peer.logs.append(room, { ...draftOf(room, 'x'), author: 'bob' })).toMatchObject({
      error: { code: 'forbidden' },
    });

    const { until: sooner = 0 } = granted(await moderation.restrict(room, 'carol', 'ban', 1_000));
    expect(granted(await moderation.restrictions(room, 'carol'))).toEqual({ ban: { until: sooner } });
    expect(await redis.ask(`ZCARD ${key}`)).toBe(':3\r\n');
  });

  it('end with the last of them, and those without an end hold the key', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    const { moderation } = peer;
    const key = keys.restrictions(room);
    granted(await moderation.restrict(room, 'ann', 'ban', 100));
    granted(await moderation.restrict(room, 'bob', 'mute', 50));
    expect(Math.abs((await ttlMs(redis, key)) - 100_000)).toBeLessThan(5_000);
    granted(await moderation.restrict(room, 'bob', 'ban'));
    expect(await ttlMs(redis, key)).toBe(-1);
    granted(await moderation.lift(room, 'bob', 'ban'));
    expect(Math.abs((await ttlMs(redis, key)) - 100_000)).toBeLessThan(5_000);
    granted(await moderation.lift(room, 'ann', 'ban'));
    expect(Math.abs((await ttlMs(redis, key)) - 50_000)).toBeLessThan(5_000);
    granted(await moderation.lift(room, 'bob', 'mute'));
    expect(await redis.ask(`EXISTS ${key}`)).toBe(':0\r\n');
    // One that is over goes when the list changes next, though another holds the key.
    granted(await moderation.restrict(room, 'ann', 'ban'));
    await redis.ask(`ZADD ${key} 1 mute:carol`);
    expect(granted(await moderation.restrictions(room, 'carol'))).toEqual({});
    granted(await moderation.restrict(room, 'bob', 'mute'));
    expect(await redis.ask(`ZCARD ${key}`)).toBe(':2\r\n');
  });

  it('have no text of a user in a key, nor do room subscriptions', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const odd = { ...newRoom(), roomid: 'lobby{x}:*' };
    granted(await peer.moderation.restrict(odd, 'ann{x}:*', 'ban', 60));
    granted(await peer.logs.append(odd, { ...draftOf(odd, 'x'), reader: inboxOf('/', 'ann{x}:*').tag }));
    await replace(peer, odd, 1, 'y');
    granted(await peer.roomSubscriptions.set(inboxOf('/', 'ann{x}:*'), 'lobby{x}:*', true));
    const names = await dataKeysIn(redis);
    expect(names).toHaveLength(8);
    for (const name of names) expect(name).toMatch(/^rc:\{[\w-]{16}\}:\w+$/);
    for (const name of names) expect(await ttlMs(redis, name)).toBeGreaterThan(0);
  });

  it('are refused by a full Redis and change nothing then, and still hold', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    await append(peer, room, 'kept');
    granted(await peer.moderation.restrict(room, 'ann', 'ban'));
    await redis.ask('CONFIG SET maxmemory 1');
    expect(await peer.moderation.restrict(room, 'bob', 'ban')).toMatchObject(UNAVAILABLE);
    const draft = { ...draftOf(room, 'x'), author: 'ann' };
    expect(await peer.logs.append(room, draft)).toMatchObject({ error: { code: 'forbidden' } });
    expect(await peer.logs.replace(room, 1, '"x":1')).toMatchObject(UNAVAILABLE);
    expect(textsOf((await read(peer, room)).entries)).toEqual(['kept']);
    expect(granted(await peer.moderation.restrictions(room, 'bob'))).toEqual({});
    expect(granted(await peer.moderation.lift(room, 'ann', 'ban'))).toBe(true);
  });
});

describe('replaced entries in Redis', () => {
  it('leave nothing of the text that any command reads', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    for (const n of range(1, 5)) await append(peer, room, `secret ${n}`);
    for (const seq of [1, 3, 5]) await replace(peer, room, seq, `gone ${seq}`);
    for (const seq of [1, 3]) await replace(peer, room, seq, 'gone again');
    const [log, , replaced] = keys.log(room);
    const raw = (await redis.ask(`XRANGE ${log} - +`)) + (await redis.ask(`ZRANGE ${replaced} 0 -1`));
    expect(raw.match(/secret \d/g)).toEqual(['secret 2', 'secret 4']);
    expect(raw.match(/gone \w+/g)).toEqual(['gone again', 'gone again', 'gone 5']);
    expect(await redis.ask(`ZCARD ${replaced}`)).toBe(':5\r\n');
  });

  it('leave nothing of the text in a dump or a rewritten append-only file', async () => {
    // Compressed, a text would not be found though it is there.
    const redis = await redisForTest(['--rdbcompression', 'no']);
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    const secretOf = (seq: number) => `secret-${seq}-`.padEnd(20 + ((seq * 37) % 400), 'x');
    for (const seq of range(1, 240)) await append(peer, room, secretOf(seq));
    await append(peer, room, `secret-241-${'x'.repeat(8_000)}`);
    for (const seq of range(242, 250)) await append(peer, room, secretOf(seq));
    const erased = [1, 2, 30, 99, 100, 101, 180, 181, 240, 241, 242, 250];
    for (const seq of erased) {
      const react = seq % 3 === 0;
      const [entry] = (await read(peer, room, { after: seq - 1, limit: 1 })).entries;
      const kept = /"event".*(?=\})/.exec(entry?.json ?? '')?.[0] ?? '';
      const reaction = {
        seq,
        members: `${kept},"x":1`,
        was: entryDigest(entry?.json ?? ''),
        counted: 'entry',
      } as const;
      const notice = (id: string) => ({ id: `${id} ${seq}`, members: '"event":"other"' });
      if (react) expect(granted(await peer.logs.amend(room, reaction, notice('react')))).toBeDefined();
      const gone = draftOf(room, 'gone').members;
      if (seq % 2) expect(granted(await peer.logs.replace(room, seq, gone, notice('delete')))).toBeDefined();
      else {
        const [now] = (await read(peer, room, { after: seq - 1, limit: 1 })).entries;
        const edit = {
          seq,
          members: gone,
          was: entryDigest(now?.json ?? ''),
          counted: 'entry',
          stamp: 'edited',
        } as const;
        expect(granted(await peer.logs.amend(room, edit, notice('edit')))).toBeDefined();
      }
    }
    for (const text of await dumpsOf(redis)) {
      const found = new Set(Array.from(text.matchAll(/secret-(\d+)-/g), ([, seq]) => Number(seq)));
      expect([...found].sort((x, y) => x - y)).toEqual(range(1, 250).filter((seq) => !erased.includes(seq)));
    }
    const { entries, top } = await read(peer, room, { after: 0, limit: 1_000 });
    expect(seqsOf(entries)).toEqual(range(1, top));
  });

  it('leave nothing of the edits of a message that was edited again or deleted', async () => {
    const redis = await redisForTest(['--rdbcompression', 'no']);
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    const { roomid } = room;
    const changes = createMessageChanges({
      logs: peer.logs,
      feeds: { expectEcho: () => undefined },
      newId: randomUUID,
    });
    for (const n of range(1, 130)) await append(peer, room, `kept ${n} ${'x'.repeat((n * 37) % 200)}`);
    const by = { roomid, by: { userId: 'Ann', username: 'Ann' } };
    const change = async (seq: number, decide: ReturnType<typeof edit>) =>
      granted(await changes.apply({ room, seq, decide }));
    const said = async (seq: number, text: string) => change(seq, edit({ ...by, text }));
    for (const seq of range(1, 130)) await said(seq, `edit-1-${seq}-`);
    for (const seq of range(1, 130)) if (seq % 3) await said(seq, `edit-2-${seq}-`);
    for (const seq of range(1, 130)) if (seq % 5 === 0) await change(seq, deletion(by));
    const left = range(1, 130).flatMap((seq) => (seq % 5 === 0 ? [] : [`edit-${seq % 3 ? 2 : 1}-${seq}-`]));
    for (const text of await dumpsOf(redis)) {
      expect([...new Set(text.match(/edit-\d-\d+-/g))].sort()).toEqual(left.sort());
    }
    const { entries, top } = await read(peer, room, { after: 0, limit: 1_000 });
    expect(seqsOf(entries)).toEqual(range(1, top));
  });

  it('live as long as the log and are forgotten with it', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { historyTtlS: 100 });
    const room = newRoom();
    const [log, meta, replaced] = keys.log(room);
    await append(peer, room, '1');
    await redis.ask(`PEXPIRE ${log} 40000`);
    await replace(peer, room, 1, 'gone');
    expect(Math.abs((await ttlMs(redis, replaced)) - (await ttlMs(redis, log)))).toBeLessThan(1_000);
    // The ends were put off last two seconds ago, more than a 64th of the log's time.
    await redis.ask(`HSET ${meta} kept "${Date.now() - 2_000} 100000"`);
    await append(peer, room, '2');
    expect(await ttlMs(redis, replaced)).toBeGreaterThan(95_000);
    await redis.ask(`PEXPIRE ${log} 0`);
    expect(await read(peer, room)).toMatchObject({ first: 3, top: 2, entries: [], more: false });
    expect(await redis.ask(`EXISTS ${replaced}`)).toBe(':0\r\n');
    expect(await redis.ask(`EXISTS ${meta}`)).toBe(':1\r\n');
  });

  it('are forgotten as messages follow, without anybody reading the room', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { historySize: 10 });
    const room = newRoom();
    for (const n of range(1, 6)) await append(peer, room, `${n}`);
    for (const seq of [1, 2, 5]) await replace(peer, room, seq, 'gone');
    const [entry] = (await read(peer, room, { after: 2, limit: 1 })).entries;
    const reaction = {
      seq: 3,
      was: entryDigest(entry?.json ?? ''),
      beside: '"n":1',
      stamp: 'revision',
      counted: 'entry',
    } as const;
    granted(await peer.logs.amend(room, reaction, draftOf(room, 'reacted')));
    expect(await ttlMs(redis, keys.beside(room))).toBeGreaterThan(0);
    // All at once, the last ones would not be answered in time on a busy machine.
    for (const lot of range(1, 8)) {
      await Promise.all(range(1, 50).map((n) => append(peer, room, `${lot} ${n}`)));
    }
    expect(await redis.ask(`EXISTS ${keys.log(room)[2]} ${keys.beside(room)}`)).toBe(':0\r\n');
  });

  it('as the newest ones do not make a restarted Redis look as if it had lost them', async () => {
    const redis = await redisForTest(['--appendfsync', 'always']);
    const peer = await peerForTest(redis.url);
    const [room, whole] = [newRoom(), newRoom()];
    const { epoch } = await append(peer, room, '1');
    for (const n of range(2, 4)) await append(peer, room, `${n}`);
    for (const seq of [3, 4]) await replace(peer, room, seq, `no ${seq}`);
    const before = await append(peer, whole, '1');
    await replace(peer, whole, 1, 'no 1');
    // The append-only file is written anew, without the entries that were taken out.
    await redis.ask('BGREWRITEAOF');
    await eventually(async () =>
      expect(await redis.ask('INFO persistence')).toContain('aof_rewrite_in_progress:0'),
    );
    await redis.kill9();
    await redis.start();
    const BACK = { interval: 50 };
    await eventually(async () => granted(await peer.check()), BACK);
    const page = await read(peer, room);
    expect(page.previousEpochs).toEqual([{ epoch, upTo: 4 }]);
    expect(textsOf(page.entries)).toEqual(['1', '2', 'no 3', 'no 4']);
    expect((await append(peer, room, '5')).seq).toBe(5);
    expect((await append(peer, whole, '2')).seq).toBe(2);
    const emptied = await read(peer, whole);
    expect(emptied.previousEpochs).toEqual([{ epoch: before.epoch, upTo: 1 }]);
    expect(seqsOf(emptied.entries)).toEqual([1, 2]);
  });
});

describe('what is unread in Redis', () => {
  it('is kept in as little as the log holds, and as long as the log', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { historySize: 10, historyTtlS: 100 });
    const room = newRoom();
    const [log, meta] = keys.log(room);
    const [readers, uncounted] = keys.unread(room);
    const say = async (reader: string) =>
      granted(await peer.logs.append(room, { ...draftOf(room, 'x'), reader })).seq;
    const notice = { id: 'n', members: '"event":"deleted","ref":1' };
    const first = await say('ann');
    granted(await peer.logs.replace(room, first, draftOf(room, '').members, notice));
    await redis.ask(`PEXPIRE ${log} 40000`);
    granted(await peer.logs.replace(room, await say('ann'), draftOf(room, '').members, notice));
    expect(await redis.ask(`ZCARD ${uncounted}`)).toBe(':4\r\n');
    await redis.ask(`HSET ${meta} kept "${Date.now() - 2_000} 100000"`);
    for (const n of range(1, 400)) await say(`user ${n % 50}`);
    for (const key of [readers, uncounted]) expect(await ttlMs(redis, key)).not.toBe(-1);
    expect(await ttlMs(redis, readers)).toBeGreaterThan(90_000);
    expect(await redis.ask(`EXISTS ${uncounted}`)).toBe(':0\r\n');
    expect(Number(/:(\d+)/.exec(await redis.ask(`ZCARD ${readers}`))?.[1])).toBeLessThan(50);
    expect(granted(await peer.logs.unread([{ room, reader: 'user 0', read: 0 }]))).toEqual([
      { top: 404, read: 404, unread: 0 },
    ]);
  });
});

describe('own-message and uncounted sets in Redis', () => {
  it('live at least as long as the log, whenever they begin', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { historyTtlS: 86_400 });
    const room = newRoom();
    const [log] = keys.log(room);
    for (const text of ['1', '2']) granted(await peer.logs.append(room, draftOf(room, text)));
    granted(await peer.logs.append(room, { ...draftOf(room, '3'), reader: 'ann' }));
    const notice = { id: 'n', members: '"event":"deleted","ref":1' };
    granted(await peer.logs.replace(room, 1, draftOf(room, '').members, notice));
    for (const key of keys.unread(room)) {
      const ends = Number(/:(\d+)/.exec(await redis.ask(`PEXPIRETIME ${key}`))?.[1]);
      const logEnds = Number(/:(\d+)/.exec(await redis.ask(`PEXPIRETIME ${log}`))?.[1]);
      expect(ends).toBeGreaterThanOrEqual(logEnds);
    }
  });
});

describe('room subscriptions in Redis', () => {
  it('are a thousand at most, the oldest forgotten first, and expire INBOX_TTL_S after the last change', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { inboxTtlS: 100 });
    const inbox = inboxOf('/', 'ann');
    const [marks, order] = keys.roomSubscriptions(inbox);
    await Promise.all(range(1, 1_000).map((n) => peer.roomSubscriptions.set(inbox, `${n}`, true)));
    granted(await peer.roomSubscriptions.raiseReadMarker(inbox, '1', 5));
    granted(await peer.roomSubscriptions.set(inbox, 'one more', true));
    const rooms = granted(await peer.roomSubscriptions.list(inbox));
    expect(rooms.slice(0, 2)).toEqual([
      { roomid: 'one more', read: 0 },
      { roomid: '1', read: 5 },
    ]);
    expect(rooms.map(({ roomid }) => roomid)).not.toContain('2');
    expect(rooms).toHaveLength(1_000);
    expect(await redis.ask(`HLEN ${marks}`)).toBe(':1000\r\n');
    for (const key of [marks, order]) {
      const leftMs = await ttlMs(redis, key);
      expect(leftMs).toBeGreaterThan(50_000);
      expect(leftMs).toBeLessThanOrEqual(100_000);
    }
  });

  it('and all else of an erased inbox leave no key, but its connections stay', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const inbox = inboxOf('/', 'ann');
    await append(peer, inbox, 'x', { dedupe: { scope: 'bob', clientMsgId: 'm' } });
    await append(peer, inbox, 'y');
    await replace(peer, inbox, 1, 'z');
    granted(await peer.inboxes.raise(inbox, { sent: 1, recv: 1, read: 1 }));
    granted(await peer.roomSubscriptions.set(inbox, 'lobby', true));
    granted(await peer.roster.setConnections(inbox, 1));
    granted(await peer.inboxes.erase(inbox));
    const names = (await redis.ask(`KEYS rc:{${inbox.tag}}*`))
      .split('\r\n')
      .filter((line) => line.startsWith('rc'));
    expect(names).toEqual([keys.connections(inbox)]);
  });
});
