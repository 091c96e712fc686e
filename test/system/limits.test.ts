import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  JSON_BYTES_PER_TEXT_BYTE,
  MAX_AVATAR_URL_CHARS,
  MAX_CLIENT_MSG_ID_CHARS,
  MAX_HISTORY,
  MAX_ID_BYTES,
  MAX_INBOX_PAGE,
  MAX_JSON_DEPTH,
  MAX_MEMBERS,
  MAX_MENTIONS,
  MAX_PAGE_BYTES,
  MAX_REACTION_CHARS,
  MAX_REACTIONS,
  MAX_SIGNAL_BYTES,
  MAX_SIGNAL_NAME_CHARS,
  MAX_USERNAME_CHARS,
} from '../../src/protocol/limits.ts';
import { LIMITS } from '../repository/limits-table.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';

const MAX_TEXT_BYTES = 1_024;
const MAX_ROOMS_PER_CLIENT = 4;
const MAX_ROOM_CLIENTS = 2;
const MAX_WORKER_CLIENTS = 30;
const SIGNALS = 8;
const NEW_ROOMS = 12;

type Event = readonly [event: string, payload: object];

/** An event as large as its limit is taken, and one larger by one is refused with the code of the limit. */
interface Edge {
  readonly limit: { readonly what: string; readonly answer: string };
  readonly most: number;
  readonly of: (size: number) => Event;
}

const chars = (count: number) => 'x'.repeat(count);
const names = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

function nested(levels: number): object {
  let value: object = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

const EDGES: readonly Edge[] = [
  { limit: LIMITS.text, most: MAX_TEXT_BYTES, of: (size) => ['say', { text: `ä${chars(size - 2)}` }] },
  {
    limit: LIMITS.data,
    most: JSON_BYTES_PER_TEXT_BYTE * MAX_TEXT_BYTES,
    of: (size) => ['say', { data: chars(size - 2) }],
  },
  { limit: LIMITS.depth, most: MAX_JSON_DEPTH, of: (size) => ['say', { data: nested(size) }] },
  { limit: LIMITS.mentions, most: MAX_MENTIONS, of: (size) => ['say', { text: 'x', mentions: names(size) }] },
  {
    limit: LIMITS.clientMsgId,
    most: MAX_CLIENT_MSG_ID_CHARS,
    of: (size) => ['say', { text: 'x', clientMsgId: chars(size) }],
  },
  { limit: LIMITS.id, most: MAX_ID_BYTES, of: (size) => ['join', { roomid: chars(size) }] },
  { limit: LIMITS.id, most: MAX_ID_BYTES, of: (size) => ['block', { userId: `ä${chars(size - 2)}` }] },
  {
    limit: LIMITS.username,
    most: MAX_USERNAME_CHARS,
    of: (size) => ['join', { username: '东'.repeat(size) }],
  },
  {
    limit: LIMITS.avatar,
    most: MAX_AVATAR_URL_CHARS,
    of: (size) => ['join', { avatar: `https://x.example/${chars(size - 18)}` }],
  },
  {
    limit: LIMITS.reaction,
    most: MAX_REACTION_CHARS,
    of: (size) => ['react', { seq: 1, reaction: chars(size) }],
  },
  { limit: LIMITS.signalName, most: MAX_SIGNAL_NAME_CHARS, of: (size) => ['signal', { name: chars(size) }] },
  {
    limit: LIMITS.signalData,
    most: MAX_SIGNAL_BYTES,
    of: (size) => ['signal', { name: 'x', data: chars(size - 2) }],
  },
  { limit: LIMITS.history, most: MAX_HISTORY, of: (size) => ['room:history', { limit: size }] },
  { limit: LIMITS.members, most: MAX_MEMBERS, of: (size) => ['room:members', { limit: size }] },
  { limit: LIMITS.inboxPage, most: MAX_INBOX_PAGE, of: (size) => ['inbox:list', { limit: size }] },
];

interface Answered {
  readonly code: string;
  readonly retryAfterMs: number | undefined;
}

/** Sends an event past the types. */
async function ask({ socket }: Member, event: string, payload: object): Promise<Answered> {
  const send = socket.timeout(30_000) as unknown as {
    emitWithAck(
      event: string,
      payload: object,
    ): Promise<{ ok: boolean; error?: { code: string; retryAfterMs?: number } }>;
  };
  const { ok, error } = await send.emitWithAck(event, payload);
  return { code: ok ? 'ok' : String(error?.code), retryAfterMs: error?.retryAfterMs };
}

describe('limits', () => {
  const { at, worker, fresh, enter, connect } = systemFixture('embedded', {
    MAX_TEXT_BYTES: String(MAX_TEXT_BYTES),
    MAX_ROOMS_PER_CLIENT: String(MAX_ROOMS_PER_CLIENT),
    MAX_ROOM_CLIENTS: String(MAX_ROOM_CLIENTS),
    MAX_WORKER_CLIENTS: String(MAX_WORKER_CLIENTS),
    RATE_SAY: '1000/1s',
    RATE_SIGNAL: `4/1s burst ${SIGNALS}`,
    RATE_ROOMS: `4/1s burst ${NEW_ROOMS}`,
  });

  describe.each(['websocket', 'polling'] as const)('over %s', (transport) => {
    const transports = [transport];

    it('take an event of the largest size, and refuse one larger by one', async () => {
      const member = await enter(at(0), fresh('sizes'), 'Ann', { transports });
      await member.do('say', { text: 'the first' });
      const answers: (readonly string[])[] = [];
      for (const { limit, most, of } of EDGES) {
        const [edge, beyond] = [await ask(member, ...of(most)), await ask(member, ...of(most + 1))];
        answers.push([limit.what, edge.code, beyond.code]);
      }
      expect(answers).toEqual(EDGES.map(({ limit }) => [limit.what, 'ok', limit.answer]));
    });

    it('of a client’s rooms, of a room’s clients and of reactions are answered limit', async () => {
      const roomid = fresh('counts');
      const [ann, bob] = [
        await enter(at(0), roomid, 'Ann', { transports }),
        await enter(at(1), roomid, 'Bob', { transports }),
      ];
      const carol = await connect(at(0), { transports });
      expect((await ask(carol, 'join', { roomid })).code).toBe('limit');
      const rooms = [];
      for (let n = 1; n <= MAX_ROOMS_PER_CLIENT; n += 1)
        rooms.push((await ask(ann, 'join', { roomid: fresh('room') })).code);
      expect(rooms).toEqual([...Array(MAX_ROOMS_PER_CLIENT - 1).fill('ok'), 'limit']);
      const { seq } = await bob.do('say', { text: 'x' });
      const reactions = [];
      for (let n = 0; n <= MAX_REACTIONS; n += 1)
        reactions.push((await ask(bob, 'react', { seq, reaction: `r${n}` })).code);
      expect(reactions).toEqual([...Array(MAX_REACTIONS).fill('ok'), 'limit']);
    });

    it('of the bytes of a page end it before its count, with more', async () => {
      const member = await enter(at(0), fresh('page'), 'Ann', { transports });
      const data = chars(JSON_BYTES_PER_TEXT_BYTE * MAX_TEXT_BYTES - 2);
      const count = Math.ceil(MAX_PAGE_BYTES / data.length) + 1;
      for (let said = 0; said < count; said += 1) await member.do('say', { data });
      const { messages, more } = await member.do('room:history', { limit: count });
      const bytes = Buffer.byteLength(JSON.stringify(messages));
      const each = bytes / messages.length;
      expect([more, messages.at(-1)?.seq]).toEqual([true, count]);
      expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
      expect(bytes + each).toBeGreaterThan(MAX_PAGE_BYTES);
    });

    it.each([
      ['signals', SIGNALS, () => ['signal', { name: 'x' }] as const, undefined],
      ['new rooms', NEW_ROOMS, () => ['join', { roomid: fresh('new') }] as const, 'leave'],
    ])('of %s let through whoever waits for retryAfterMs', async (_what, burst, next, after) => {
      const member = await enter(at(0), fresh('rates'), 'Ann', { transports });
      let taken = 0;
      for (;;) {
        const [event, payload] = next();
        const { code, retryAfterMs } = await ask(member, event, payload);
        if (code !== 'ok') {
          expect(code).toBe('rate_limited');
          expect(taken).toBeGreaterThanOrEqual(burst - 1);
          // The server says how long: no condition but the time tells that it is over.
          await pause(retryAfterMs);
          expect((await ask(member, event, payload)).code).toBe('ok');
          return;
        }
        taken += 1;
        if (after) await ask(member, after, payload);
      }
    });
  });

  it('of a connection are those of one socket in a namespace: it is closed if it asks for more at once', async () => {
    const link = new WebSocket(`${at(0).replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const entered: string[] = [];
    link.on('message', (data) => {
      const packet = data.toString();
      if (packet.startsWith('0')) for (let n = 0; n < 5; n += 1) link.send('40');
      if (packet.startsWith('40')) entered.push(packet);
    });
    await once(link, 'close');
    expect(entered.length).toBeLessThanOrEqual(1);
  });

  it('of a worker refuse further connections with 503, which other workers take', async () => {
    const open = () => fetch(`${worker(0)}/socket.io/?EIO=4&transport=polling`);
    const statuses: number[] = [];
    while (statuses.at(-1) !== 503) statuses.push((await open()).status);
    expect(statuses.length).toBeLessThanOrEqual(MAX_WORKER_CLIENTS + 1);
    expect(statuses.slice(0, -1)).toEqual(Array(statuses.length - 1).fill(200));
    expect((await fetch(`${worker(1)}/socket.io/?EIO=4&transport=polling`)).status).toBe(200);
  });

  it('of all workers refuse further connections at the front door, too', async () => {
    const open = async (url: string) => (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).status;
    async function fill(url: string): Promise<void> {
      let status = 200;
      while (status === 200) status = await open(url);
    }
    // Some of them may end before the front door is asked, as they enter no namespace.
    const openAtFull = async () => {
      await Promise.all([fill(worker(0)), fill(worker(1))]);
      return open(at(1));
    };
    await expect.poll(openAtFull).toBe(503);
  });
});
