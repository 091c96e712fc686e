import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  JSON_BYTES_PER_TEXT_BYTE,
  MAX_BLOCKS,
  MAX_PAGE_BYTES,
  MAX_REACTIONS,
  MAX_RESUME_BYTES,
} from '../../src/protocol/limits.ts';
import type { Fixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';

export const MAX_TEXT_BYTES = 1_024;
const MAX_ROOMS_PER_CLIENT = 4;
const MAX_ROOM_CLIENTS = 2;
/** More than a resume of the largest data has. */
const HISTORY_SIZE = 140;
const INBOX_SIZE = 120;
/** Both stores trim some entries at a time, Redis whole nodes of so many. */
const TRIMMED_TOGETHER = 100;
/** Events of one client that are under way at a time. */
const AT_ONCE = 40;

/** The settings that the limits below count on. */
export const STORE_LIMITS = {
  MAX_TEXT_BYTES: String(MAX_TEXT_BYTES),
  MAX_ROOMS_PER_CLIENT: String(MAX_ROOMS_PER_CLIENT),
  MAX_ROOM_CLIENTS: String(MAX_ROOM_CLIENTS),
  HISTORY_SIZE: String(HISTORY_SIZE),
  INBOX_SIZE: String(INBOX_SIZE),
};

interface Answered {
  readonly code: string;
  readonly retryAfterMs: number | undefined;
}

/** Sends an event past the types. */
export async function ask({ socket }: Member, event: string, payload: object): Promise<Answered> {
  const send = socket.timeout(30_000) as unknown as {
    emitWithAck(
      event: string,
      payload: object,
    ): Promise<{ ok: boolean; error?: { code: string; retryAfterMs?: number } }>;
  };
  const { ok, error } = await send.emitWithAck(event, payload);
  return { code: ok ? 'ok' : String(error?.code), retryAfterMs: error?.retryAfterMs };
}

/** The same again for as long as the server is busy. */
async function askUntilTaken(member: Member, event: string, payload: object): Promise<string> {
  for (;;) {
    const { code, retryAfterMs } = await ask(member, event, payload);
    if (retryAfterMs === undefined) return code;
    await pause(retryAfterMs);
  }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Sends so many events, some at a time, and returns the codes. */
async function askMany(
  member: Member,
  event: string,
  count: number,
  payloadOf: (n: number) => object,
): Promise<string[]> {
  const codes: string[] = [];
  while (codes.length < count) {
    const portion = range(Math.min(AT_ONCE, count - codes.length)).map((n) => payloadOf(codes.length + n));
    codes.push(...(await Promise.all(portion.map((payload) => askUntilTaken(member, event, payload)))));
  }
  return codes;
}

const largestData = 'x'.repeat(JSON_BYTES_PER_TEXT_BYTE * MAX_TEXT_BYTES - 2);

/** The limits of what a store counts and reads, to be declared for each of them. */
export function pageLimits(
  { at, fresh, enter, connect }: Fixture,
  transports: ('websocket' | 'polling')[],
): void {
  const inRoom = (index: number, roomid: string, name: string) =>
    enter(at(index), roomid, name, { transports });

  it('of a client’s rooms, of a room’s clients and of reactions are answered limit', async () => {
    const roomid = fresh('counts');
    const [ann, bob] = [await inRoom(0, roomid, 'Ann'), await inRoom(1, roomid, 'Bob')];
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
    const member = await inRoom(0, fresh('page'), 'Ann');
    const count = Math.ceil(MAX_PAGE_BYTES / largestData.length) + 1;
    for (let said = 0; said < count; said += 1) await member.do('say', { data: largestData });
    const { messages, more } = await member.do('room:history', { limit: count });
    const bytes = Buffer.byteLength(JSON.stringify(messages));
    const each = bytes / messages.length;
    expect([more, messages.at(-1)?.seq]).toEqual([true, count]);
    expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    expect(bytes + each).toBeGreaterThan(MAX_PAGE_BYTES);
  });

  it('of a room’s log let a client resume over all of it, and over no message more', async () => {
    const member = await inRoom(0, fresh('log'), 'Ann');
    await askMany(member, 'say', HISTORY_SIZE + 1, (n) => ({ text: `${n}` }));
    const { epoch } = member.joined;
    const over = async (count: number) => {
      const resume = { epoch, seq: HISTORY_SIZE + 1 - count };
      const { recovered, messages } = await member.do('join', { resume, history: 1 });
      return [recovered, messages.length];
    };
    expect([await over(HISTORY_SIZE), await over(HISTORY_SIZE + 1)]).toEqual([
      [true, HISTORY_SIZE],
      [false, 1],
    ]);
  });

  it('of the bytes of a resume bring the latest page instead', async () => {
    const member = await inRoom(0, fresh('bytes'), 'Ann');
    const count = Math.ceil(MAX_RESUME_BYTES / largestData.length) + 1;
    await askMany(member, 'say', count, () => ({ data: largestData }));
    const { epoch } = member.joined;
    const over = (messages: number) =>
      member.do('join', { resume: { epoch, seq: count - messages }, history: 1 });
    let most = count;
    let page = await over(most);
    while (!page.recovered && most > 0) {
      most -= 1;
      page = await over(most);
    }
    const bytes = Buffer.byteLength(JSON.stringify(page.messages));
    expect([most < count, page.messages.length]).toEqual([true, most]);
    // The log counts an entry without what the page adds to it, the name of the room.
    expect(bytes + bytes / most).toBeGreaterThan(MAX_RESUME_BYTES);
    expect(bytes * 0.99).toBeLessThanOrEqual(MAX_RESUME_BYTES);
  });
}

/** The limits that take hundreds of events to reach. Over polling each takes a request. */
export function fullLimits(
  { at, fresh, connect, device }: Fixture,
  transports: ('websocket' | 'polling')[],
): void {
  it('of an inbox let the oldest items go', async () => {
    const [ann, bob] = [
      await connect(at(0), { transports }),
      await device(at(1), fresh('Bob'), { transports }),
    ];
    const write = (count: number) =>
      askMany(ann, 'private', count, () => ({ to: bob.hello.user.id, text: 'x' }));
    async function seqs(): Promise<number[]> {
      const found: number[] = [];
      for (let more = true; more; ) {
        const page = await bob.do('inbox:list', { limit: 100, ...(found[0] && { before: found[0] }) });
        found.unshift(...page.items.map(({ seq }) => seq));
        more = page.more;
      }
      return found;
    }
    await write(INBOX_SIZE);
    expect(await seqs()).toEqual(range(INBOX_SIZE).map((index) => index + 1));
    await write(2 * TRIMMED_TOGETHER);
    const kept = await seqs();
    expect(kept.at(-1)).toBe(INBOX_SIZE + 2 * TRIMMED_TOGETHER);
    expect(kept.length).toBeGreaterThanOrEqual(INBOX_SIZE);
    expect(kept.length).toBeLessThanOrEqual(INBOX_SIZE + TRIMMED_TOGETHER);
  });

  it('of the users that one blocks are answered limit', async () => {
    const ann = await device(at(0), fresh('Ann'), { transports });
    const blocked = (n: number) => ({ userId: `nobody ${n}` });
    const codes = await askMany(ann, 'block', MAX_BLOCKS, blocked);
    expect(codes).toEqual(Array(MAX_BLOCKS).fill('ok'));
    const beyond = [MAX_BLOCKS, 0].map((n) => askUntilTaken(ann, 'block', blocked(n)));
    expect(await Promise.all(beyond)).toEqual(['limit', 'ok']);
  });
}
