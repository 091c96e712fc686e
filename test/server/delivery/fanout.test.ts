import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import type { Entry } from '../../../src/chat/log-store.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { createFanout } from '../../../src/server/delivery/fanout.ts';
import { markOlder } from '../../../src/server/delivery/older-clients.ts';
import { createRecipients, type RecipientsDeps } from '../../../src/server/delivery/recipients.ts';
import { createTurnEnd } from '../../../src/server/transport/turn-end.ts';

const TURN_MS = 0;

/** Every member with what it was written: by one write `[…]` of frames, or behind what waits, as a packet each. */
function setUp(firstWindowMs = 0, nsp = '/', writeMs = 0) {
  let windowMs = firstWindowMs;
  let wroteMs = 0;
  const room = roomOf(nsp, 'tea');
  const other = roomOf(nsp, 'coffee');
  const writes = new Map<string, (string[] | string)[]>();
  const waiting = new Set<string>();
  const rooms = new Map<string, Set<string>>();
  const adapter = Object.assign(new EventEmitter(), { rooms });
  const sockets = new Map<string, unknown>();
  const spared: number[] = [];
  const flushed: number[] = [];
  function writesOf(id: string) {
    const made = writes.get(id) ?? [];
    writes.set(id, made);
    return made;
  }
  const fanout = createFanout({
    recipientsOf: createRecipients({
      of: () => ({ adapter, sockets }) as unknown as ReturnType<RecipientsDeps['of']>,
      internals: {
        pathTo: (connection) => ({
          write(frames) {
            const { id } = connection as unknown as { id: string };
            if (waiting.has(id)) return false;
            wroteMs += writeMs;
            writesOf(id).push(textsIn(frames));
            return true;
          },
        }),
      },
    }).of,
    windowMs: () => windowMs,
    onSpared: (ms) => void spared.push(ms),
    turnEnd: createTurnEnd(),
    now: () => performance.now() + wroteMs,
    onFlush: (messages) => void flushed.push(messages),
  });
  return {
    flushed,
    fanout,
    room,
    other,
    writesOf,
    waiting,
    spared,
    shrinkWindows(ms: number) {
      windowMs = ms;
    },
    enter(id: string, into = room, { older = false } = {}) {
      const socket = { data: {}, conn: { id, write: (packet: string) => writesOf(id).push(packet) } };
      if (older) markOlder(socket);
      sockets.set(id, socket);
      rooms.set(socketRoom(into), (rooms.get(socketRoom(into)) ?? new Set()).add(id));
      adapter.emit('join-room', socketRoom(into), id);
    },
    leave(id: string, from = room) {
      rooms.get(socketRoom(from))?.delete(id);
      adapter.emit('leave-room', socketRoom(from), id);
    },
    hand: (seq: number, into = room, except?: string) => fanout.enqueue(into, entry(seq, except)),
  };
}

function entry(seq: number, except?: string): Entry {
  return { epoch: 'e', seq, json: `{"seq":${seq}}`, ...(except === undefined ? {} : { except }) };
}

const said = (seq: number) => `42["message",{"seq":${seq}}]`;

/** The texts of complete, unmasked text frames. */
function textsIn(frames: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < frames.length; ) {
    expect(frames[at]).toBe(0x81);
    let length = frames[at + 1] ?? 0;
    let start = at + 2;
    if (length === 126) {
      length = frames.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      length = Number(frames.readBigUInt64BE(start));
      start += 8;
    }
    texts.push(frames.toString('utf8', start, start + length));
    at = start + length;
  }
  return texts;
}

describe('fan-out of a room’s messages', () => {
  beforeEach(() =>
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }),
  );
  afterEach(() => vi.useRealTimers());

  it('writes the messages of one turn to every member in one write', async () => {
    const { enter, hand, writesOf } = setUp();
    enter('a');
    enter('b');
    hand(1);
    hand(2);
    expect(writesOf('a')).toEqual([]);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    for (const id of ['a', 'b']) expect(writesOf(id)).toEqual([[said(1), said(2)]]);
  });

  it('writes another entry in the place of a change to clients from before it, and the rest as to everybody', async () => {
    const { enter, fanout, room, writesOf } = setUp();
    enter('young');
    enter('old', room, { older: true });
    enter('excepted', room, { older: true });
    const place = { roomid: 'tea', epoch: 'e', seq: 2, id: 'x', at: 5 };
    const edited = JSON.stringify({ event: 'edited', ...place, ref: 1, data: { text: 'é' }, by: {} });
    const lookalike = JSON.stringify({ event: 'broadcast_say', seq: 3, data: { data: { event: 'edited' } } });
    const written = (json: string) => `42["message",${json}]`;
    fanout.enqueue(room, { json: edited, utf8: Buffer.from(edited) });
    fanout.enqueue(room, { json: lookalike, except: 'excepted' });
    await vi.advanceTimersByTimeAsync(TURN_MS);
    const harmless = JSON.stringify({ event: 'deleted', ...place, ref: 2 });
    expect(writesOf('young')).toEqual([[written(edited), written(lookalike)]]);
    expect(writesOf('old')).toEqual([[written(harmless), written(lookalike)]]);
    expect(writesOf('excepted')).toEqual([[written(harmless)]]);
    const frames = [edited, lookalike, harmless, lookalike, harmless].map((json) =>
      Buffer.byteLength(written(json)),
    );
    const sent = frames.reduce((sum, length) => sum + length + (length > 125 ? 4 : 2), 0);
    expect(fanout.delivered).toMatchObject({ messages: 5, bytes: sent });
  });

  it('delays a quiet room by no more than the turn, also while busy rooms are gathered', async () => {
    const { enter, hand, writesOf, other } = setUp(20);
    enter('a');
    enter('b', other);
    hand(1);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    hand(2);
    hand(1, other);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toEqual([[said(1)]]);
    expect(writesOf('b')).toEqual([[said(1)]]);
    hand(3);
    await vi.advanceTimersByTimeAsync(21);
    expect(writesOf('a')).toEqual([[said(1)], [said(2), said(3)]]);
  });

  it.each([10, 0])(
    'delays no room by a longer window once windows have shrunk to %d ms',
    async (shrunkMs) => {
      const { enter, hand, writesOf, other, shrinkWindows } = setUp(100);
      enter('a');
      enter('b', other);
      hand(1);
      await vi.advanceTimersByTimeAsync(TURN_MS);
      hand(2);
      shrinkWindows(shrunkMs);
      hand(1, other);
      await vi.advanceTimersByTimeAsync(TURN_MS);
      hand(2, other);
      await vi.advanceTimersByTimeAsync(12);
      expect(writesOf('b').flat()).toEqual([said(1), said(2)]);
      expect(writesOf('a').flat()).toEqual([said(1), said(2)]);
    },
  );

  it('shows what is gathered until it is written', async () => {
    const { fanout, enter, hand, room, other } = setUp();
    enter('a');
    hand(1);
    hand(2);
    expect(fanout.gathered(room).map(({ json }) => json)).toEqual(['{"seq":1}', '{"seq":2}']);
    expect(fanout.gathered(other)).toEqual([]);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(fanout.gathered(room)).toEqual([]);
  });

  it('counts what it wrote to each member, and how many messages a write had', async () => {
    const { fanout, enter, hand, writesOf, flushed } = setUp();
    enter('a');
    enter('b');
    hand(1, undefined, 'a');
    hand(2);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toEqual([[said(2)]]);
    expect(writesOf('b')).toEqual([[said(1), said(2)]]);
    const frameBytes = said(1).length + 2;
    expect(fanout.delivered).toEqual({ messages: 3, presence: 0, bytes: 3 * frameBytes });
    expect(flushed).toEqual([2]);
  });

  it('counts changes of presence among what it wrote', async () => {
    const { fanout, room, enter, hand } = setUp();
    enter('a');
    enter('b');
    hand(1);
    fanout.enqueue(room, { json: '{"event":"join"}', isPresence: true });
    fanout.flush(room);
    hand(2);
    fanout.flush(room);
    expect(fanout.delivered).toMatchObject({ messages: 6, presence: 2 });
  });

  it('writes at once again after a window without messages', async () => {
    const { enter, hand, writesOf } = setUp(20);
    enter('a');
    hand(1);
    await vi.advanceTimersByTimeAsync(45);
    hand(2);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toEqual([[said(1)], [said(2)]]);
  });

  it('flushes before a membership change, and writes nothing twice', async () => {
    const { enter, hand, writesOf, fanout, room } = setUp(20);
    enter('a');
    hand(1);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    hand(2);
    fanout.flush(room);
    enter('late');
    hand(3);
    await vi.advanceTimersByTimeAsync(100);
    expect(writesOf('a')).toEqual([[said(1)], [said(2)], [said(3)]]);
    expect(writesOf('late')).toEqual([[said(3)]]);
  });

  it('is written to the members at that time, and to no one who left', async () => {
    const { enter, leave, hand, writesOf } = setUp();
    enter('a');
    enter('b');
    hand(1);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    leave('a');
    enter('c');
    hand(2);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(['a', 'b', 'c'].map((id) => writesOf(id).flat())).toEqual([
      [said(1)],
      [said(1), said(2)],
      [said(2)],
    ]);
  });

  it('puts each message behind those that wait for a member', async () => {
    const { enter, hand, writesOf, waiting } = setUp();
    enter('a');
    enter('polling');
    waiting.add('polling');
    hand(1);
    hand(2);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toEqual([[said(1), said(2)]]);
    expect(writesOf('polling')).toEqual([said(1).slice(1), said(2).slice(1)]);
  });

  it('leaves excluded messages out of a gathered write', async () => {
    const { enter, hand, writesOf, room } = setUp();
    for (const id of ['a', 'b', 'c']) enter(id);
    hand(1, room, 'b');
    hand(2);
    hand(3, room, 'c');
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toEqual([[said(1), said(2), said(3)]]);
    expect(writesOf('b')).toEqual([[said(2), said(3)]]);
    expect(writesOf('c')).toEqual([[said(1), said(2)]]);
    hand(4, room, 'a');
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a')).toHaveLength(1);
  });

  it('names the namespace, and takes bytes as they came, however long', async () => {
    const { enter, fanout, writesOf, room } = setUp(0, '/post');
    enter('a');
    const texts = ['{"t":"ä😀"}', `{"t":"${'x'.repeat(200)}"}`, `{"t":"${'ö'.repeat(40_000)}"}`];
    for (const [index, json] of texts.entries()) {
      fanout.enqueue(room, { json: index === 0 ? json : '', utf8: Buffer.from(json) });
    }
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(writesOf('a').flat()).toEqual(texts.map((json) => `42/post,["message",${json}]`));
  });

  it('gathers presence and counts with messages, in order', async () => {
    const { enter, fanout, hand, writesOf, room, waiting } = setUp();
    enter('a');
    enter('polling');
    waiting.add('polling');
    hand(1);
    fanout.enqueue(room, { event: 'presence:diff', json: '{"rev":1}' });
    fanout.enqueue(room, { event: 'presence:count', json: '{"rev":2}' });
    hand(2);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    const heard = [said(1), '42["presence:diff",{"rev":1}]', '42["presence:count",{"rev":2}]', said(2)];
    expect(writesOf('a')).toEqual([heard]);
    expect(writesOf('polling')).toEqual(heard.map((packet) => packet.slice(1)));
  });

  it('does not delay small rooms for large ones', async () => {
    const { enter, hand, writesOf, other } = setUp();
    for (let n = 0; n < 20; n += 1) enter(`many${n}`);
    enter('few', other);
    const order: number[] = [];
    writesOf('many0').push = (...write) => order.push(1, write.length);
    writesOf('few').push = (...write) => order.push(2, write.length);
    hand(1);
    hand(1, other);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(order).toEqual([2, 1, 1, 1]);
  });

  it('does not gather without bound', async () => {
    const { enter, fanout, writesOf, room } = setUp(1_000);
    enter('a');
    const json = JSON.stringify({ text: 'x'.repeat(30_000) });
    for (let n = 0; n < 9; n += 1) fanout.enqueue(room, { json });
    expect(writesOf('a').map((write) => write.length)).toEqual([3, 3, 3]);
  });

  it('reports the time of the writes that a window saves', async () => {
    const { enter, hand, spared } = setUp(20, '/', 1);
    enter('a');
    enter('b');
    hand(1);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    for (const seq of [2, 4, 6]) {
      hand(seq);
      hand(seq + 1);
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(20);
    // Three turns in one write of 2 ms.
    expect(spared).toEqual([4]);
  });

  it('reports nothing saved for the messages of one turn', async () => {
    const { enter, hand, spared } = setUp(0, '/', 1);
    enter('a');
    for (let seq = 1; seq < 20; seq += 1) hand(seq);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    expect(spared).toEqual([]);
  });
});
