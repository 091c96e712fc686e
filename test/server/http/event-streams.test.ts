import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAdmission } from '../../../src/chat/admission.ts';
import type { Exclusion } from '../../../src/chat/exclusions.ts';
import { createFeeds } from '../../../src/chat/feeds.ts';
import type { Position } from '../../../src/chat/log-store.ts';
import type { ActiveRestriction } from '../../../src/chat/moderation.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { createRoomFollowers } from '../../../src/chat/room-followers.ts';
import { type Refusal, refuse, succeed } from '../../../src/protocol/codes.ts';
import { createEventStreams, type StreamReader } from '../../../src/server/http/event-streams.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryRoom } from '../../support/memory-room.ts';
import { openStreamed } from './streamed-response.ts';

const room = roomOf('/', 'tea');
const log = pino({ level: 'silent' });
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.useRealTimers();
});

function setUp({ maxBufferedBytes = 1_000_000 } = {}) {
  const memory = createMemoryRoom();
  const followers = createRoomFollowers();
  const feeds = createFeeds({
    ...memory,
    deliver: followers.deliver,
    onGap: followers.deliverGap,
    onPresence: () => undefined,
    log,
  });
  const admission = createAdmission({ now: () => performance.now(), random: () => 0.5 });
  let now = 1_000;
  let elapsedMs = 0;
  let ban: ActiveRestriction | undefined;
  let failing = false;
  let exclusion: Exclusion | undefined;
  let refused: Refusal | undefined;
  const streams = createEventStreams({
    feeds,
    followers,
    logs: memory.logs,
    newRooms: { admitReader: async () => refused },
    moderation: {
      async restrictions() {
        if (failing) throw new Error('the store is away');
        return succeed(ban ? { ban } : {});
      },
    },
    inboxes: { markers: async () => succeed({ recv: 0, read: 0, ...(exclusion && { exclusion }) }) },
    admission,
    maxBufferedBytes,
    now: () => now,
    elapsedMs: () => elapsedMs,
    random: () => 0.5,
    log,
  });
  closing.push(feeds.close, admission.close, streams.close);

  async function open(after?: Position, reader?: StreamReader) {
    const start = await streams.open(room, after, reader, 'key');
    if (!start.ok) throw new Error(start.error.code);
    const { response, close } = await openStreamed(start.value);
    closing.push(close);
    let text = '';
    let ended = false;
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('close', () => (ended = true));
    return {
      response,
      text: () => text,
      ended: () => ended,
      /** The ids in order, a gap with its reason. */
      ids: () =>
        text
          .split('\n\n')
          .filter((block) => block.includes('data: '))
          .map((block) => {
            const id = /^id: (.*)$/m.exec(block)?.[1];
            return block.includes('event: gap') ? `${/"reason":"(\w+)"/.exec(block)?.[1]} ${id}` : id;
          }),
    };
  }
  return {
    memory,
    feeds,
    streams,
    open,
    say() {
      const entry = memory.store();
      memory.publish(entry);
      return entry;
    },
    setTime: (ms: number) => (now = ms),
    pass: (ms: number) => (elapsedMs += ms),
    ban: (given: ActiveRestriction) => (ban = given),
    exclude: (given: Exclusion) => (exclusion = given),
    refuse: (given: Refusal) => (refused = given),
    fail: () => (failing = true),
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `e1:${from + n}`);

describe('an event stream', () => {
  it('begins at the newest message, and sends that position', async () => {
    const { open, say } = setUp();
    say();
    const reader = await open();
    say();
    say();
    await eventually(() => expect(reader.ids()).toEqual(['e1:2', 'e1:3']));
    expect(reader.text()).toMatch(
      /^id: e1:1\n\nid: e1:2\nevent: message\ndata: \{"seq":2,"epoch":"e1",[^\n]*\}\n\n/,
    );
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
  });

  it('catches up page by page and joins the live feed without a hole or a repeat', async () => {
    const { open, say } = setUp();
    for (let n = 0; n < 1_100; n += 1) say();
    const opening = open({ epoch: 'e1', seq: 3 });
    for (let n = 0; n < 50; n += 1) {
      say();
      await new Promise(setImmediate);
    }
    const reader = await opening;
    say();
    await eventually(() => expect(reader.ids()).toHaveLength(1_148));
    expect(reader.ids()).toEqual(range(4, 1_151));
  });

  it('fills what the bus lost from the log', async () => {
    const { open, say, memory } = setUp();
    const reader = await open();
    say();
    memory.store();
    say();
    await eventually(() => expect(reader.ids()).toEqual(range(1, 3)));
  });

  it('sends gaps for trimmed entries and for those that the store lost while it was open', async () => {
    const { open, say, memory } = setUp();
    for (let n = 0; n < 10; n += 1) say();
    memory.trim(6);
    const reader = await open({ epoch: 'e1', seq: 2 });
    await eventually(() => expect(reader.ids()).toEqual(['trimmed e1:6', ...range(7, 10)]));
    memory.restart('e2', 8);
    memory.resync();
    await eventually(() => expect(reader.ids().at(-1)).toBe('epoch e2:8'));
    say();
    await eventually(() => expect(reader.ids().at(-1)).toBe('e2:9'));
  });

  it('goes on after an id of an earlier epoch: behind what the log kept of it, or with a gap for what it lost', async () => {
    const { open, say, memory } = setUp();
    for (let n = 0; n < 5; n += 1) say();
    memory.restart('e2', 3);
    say();
    say();
    const kept = await open({ epoch: 'e1', seq: 2 });
    await eventually(() => expect(kept.ids()).toEqual(['e1:3', 'e2:4', 'e2:5']));
    const lost = await open({ epoch: 'e1', seq: 5 });
    await eventually(() => expect(lost.ids()).toEqual(['epoch e2:3', 'e2:4', 'e2:5']));
    expect(lost.text()).toContain(
      'event: gap\ndata: {"roomid":"tea","epoch":"e2","from":4,"to":5,"reason":"epoch"}\n\n',
    );
    const unknown = await open({ epoch: 'e0', seq: 2 });
    await eventually(() =>
      expect(unknown.ids()).toEqual(['epoch e2:0', 'e1:1', 'e1:2', 'e1:3', 'e2:4', 'e2:5']),
    );
  });

  it('sends a comment every 15 s to a reader of a quiet room', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { open, say } = setUp();
    say();
    const reader = await open();
    vi.advanceTimersByTime(14_999);
    say();
    await eventually(() => expect(reader.ids()).toEqual(['e1:2']));
    expect(reader.text()).not.toContain('\n:');
    vi.advanceTimersByTime(1);
    await eventually(() => expect(reader.text()).toMatch(/\n\n:\n\n$/));
    vi.advanceTimersByTime(15_000);
    await eventually(() => expect(reader.text()).toMatch(/\n\n:\n\n:\n\n$/));
  });

  it('cuts a reader that takes nothing once too much waits, and lets go of the room', async () => {
    const { open, say, streams, feeds } = setUp({ maxBufferedBytes: 16_384 });
    const reader = await open();
    reader.response.pause();
    await eventually(
      () => {
        for (let n = 0; n < 2_000; n += 1) say();
        expect(feeds.rooms()).toEqual([]);
      },
      { interval: 1 },
    );
    reader.response.resume();
    await eventually(() => expect(reader.ended()).toBe(true));
    expect((await streams.open(room, undefined, undefined, 'key')).ok).toBe(true);
  });

  it('lets go of the room and the slot when the store fails while it opens', async () => {
    const { streams, feeds, fail, pass } = setUp();
    fail();
    for (let n = 0; n < 60; n += 1, pass(1_000))
      await expect(streams.open(room, undefined, { userId: 'ann' }, '')).rejects.toThrow('the store is away');
    expect(feeds.rooms()).toEqual([]);
  });

  it('takes no reader that catches up for a slow one where little may wait', async () => {
    const { open, say } = setUp({ maxBufferedBytes: 16_384 });
    for (let n = 0; n < 600; n += 1) say();
    const reader = await open({ epoch: 'e1', seq: 0 });
    await eventually(() => expect(reader.ids()).toHaveLength(600));
    expect(reader.ended()).toBe(false);
  });

  it('reads no further page for a reader that has not taken the last', async () => {
    const { open, say, memory } = setUp();
    for (let n = 0; n < 1_000; n += 1) say();
    const before = memory.reads();
    const opened = await open({ epoch: 'e1', seq: 0 });
    await eventually(() => expect(opened.ids()).toHaveLength(1_000));
    expect(memory.reads() - before).toBe(5);
  });

  it('releases the room when its reader goes away', async () => {
    const { open, feeds } = setUp();
    const [one, other] = [await open(), await open()];
    one.response.destroy();
    other.response.destroy();
    await eventually(() => expect(feeds.rooms()).toEqual([]));
  });

  it('ends with a time to come back when the worker drains, and opens no other', async () => {
    const { open, streams } = setUp();
    const reader = await open();
    streams.drain();
    await eventually(() => expect(reader.ended()).toBe(true));
    expect(reader.text()).toMatch(/\nretry: 2000\n: this server is going away\n\n$/);
    expect(await streams.open(room, undefined, undefined, 'key')).toMatchObject({
      error: { code: 'unavailable' },
    });
  });

  it('is opened only so often by one user, who learns when to come back, and by one key', async () => {
    const { streams, fail, pass } = setUp();
    fail();
    const open = (userId: string | undefined, scope = '') =>
      streams
        .open(room, undefined, userId === undefined ? undefined : { userId }, scope)
        .catch(() => 'tried');
    for (let n = 0; n < 50; n += 1) expect(await open('ann')).toBe('tried');
    expect(await open('ann')).toMatchObject({ error: { code: 'rate_limited', retryAfterMs: 500 } });
    expect(await open('bob')).toBe('tried');
    pass(500);
    expect(await open('ann')).toBe('tried');
  });

  it('of a room that the store does not know costs a user a new room, and a back end nothing', async () => {
    const { streams, open, refuse: refuseNew } = setUp();
    refuseNew(refuse('rate_limited', 'roomid: too many new rooms', 700));
    expect(await streams.open(room, undefined, { userId: 'ann' }, '')).toMatchObject({
      error: { code: 'rate_limited', retryAfterMs: 700 },
    });
    expect((await open()).response.statusCode).toBe(200);
  });

  it('brings an entry to every reader in the same bytes', async () => {
    const { open, say } = setUp();
    const readers = [await open(), await open()];
    say();
    for (const reader of readers) await eventually(() => expect(reader.ids()).toEqual(['e1:1']));
    expect(readers[0]?.text()).toBe(readers[1]?.text());
  });

  it('ends with the token that reads it, before the next message', async () => {
    const { open, say, setTime } = setUp();
    const reader = await open(undefined, { userId: 'ann', expiresAt: 2_000 });
    setTime(6_999);
    say();
    setTime(7_000);
    say();
    await eventually(() => expect(reader.ended()).toBe(true));
    expect(reader.ids()).toEqual(['e1:1']);
  });

  it('is refused to a banned user, and ends with a ban that this worker receives or finds', async () => {
    const { open, streams, ban } = setUp();
    const [told, found, service] = [
      await open(undefined, { userId: 'ann' }),
      await open(undefined, { userId: 'bob' }),
      await open(),
    ];
    streams.endOf('ann', { nsp: '/', roomid: 'tea' });
    await eventually(() => expect(told.ended()).toBe(true));
    ban({ until: 5_000 });
    await streams.review();
    await eventually(() => expect(found.ended()).toBe(true));
    expect(service.ended()).toBe(false);
    expect(await streams.open(room, undefined, { userId: 'bob' }, '')).toMatchObject({
      error: { code: 'forbidden', retryAfterMs: 4_000 },
    });
  });

  it('is refused with a revoked token, and ends when this worker finds the revocation', async () => {
    const { open, streams, exclude } = setUp();
    const bob = { userId: 'bob', token: { issuedAt: 900 } };
    const [old, young] = [
      await open(undefined, bob),
      await open(undefined, { ...bob, token: { issuedAt: 950 } }),
    ];
    exclude({ issuedBefore: 950 });
    await streams.review();
    await eventually(() => expect(old.ended()).toBe(true));
    expect(young.ended()).toBe(false);
    expect(await streams.open(room, undefined, bob, '')).toMatchObject({ error: { code: 'unauthorized' } });
  });
});
