import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REVOKED_FOR_MS } from '../../../src/chat/exclusions.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createUserExports, type UserExportsDeps } from '../../../src/server/http/user-exports.ts';
import { eventually } from '../../support/eventually.ts';
import { type Answer, type ApiStage, openApiStage } from './api-stage.ts';
import { describedBy } from './described.ts';
import { openStreamed } from './streamed-response.ts';

type Line = Readonly<Record<string, unknown>> & { readonly type: string };

const linesOf = (given: string): Line[] =>
  given
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
const typesOf = (answer: Answer) => linesOf(answer.text).map(({ type }) => type);

describe('an export of a user', () => {
  let stage: ApiStage;
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());
  const exported = (userId: string, query = '') => stage.ask('GET', `/api/v1/users/${userId}/export${query}`);
  const say = (roomid: string, userId: string, said: string) =>
    stage.ask('POST', `/api/v1/rooms/${roomid}/messages`, {
      body: { text: said, from: { userId, username: userId } },
    });
  function subscribe(userId: string, ...roomids: string[]) {
    stage.subscribed.set(
      inboxOf('/', userId).tag,
      roomids.map((roomid) => ({ roomid, read: 1 })),
    );
  }

  it('has each line as the document describes it, those of others not, and ends with the counts', async () => {
    const { store } = stage;
    const inbox = inboxOf('/', 'Ann');
    subscribe('Ann', 'tea', 'hall');
    stage.blocked.set(inbox.tag, ['Eve']);
    await say('tea', 'Bob', 'not hers');
    await say('tea', 'Ann', 'hers');
    await stage.ask('POST', '/api/v1/rooms/tea/messages/1/reactions', {
      body: { reaction: '👍', from: { userId: 'Ann' } },
    });
    await stage.ask('PATCH', '/api/v1/rooms/tea/messages/2', { body: { text: 'hers, edited', from: 'Bot' } });
    await say('other', 'Ann', 'in a room that she has left');
    await store.moderation.restrict(roomOf('/', 'hall'), 'Ann', 'mute');
    await store.moderation.restrict(inbox, 'Ann', 'ban', 60);
    await store.moderation.revoke(inbox, { before: 900 }, 900 + REVOKED_FOR_MS);
    await stage.ask('POST', '/api/v1/push', {
      body: { users: ['Ann'], data: { n: 1 }, entityType: 'like', ttlS: 5 },
    });
    await store.inboxes.raise(inbox, { sent: 1, recv: 1 });
    const answer = await exported('Ann');
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      200,
      'application/x-ndjson; charset=utf-8',
      'no-store',
    ]);
    const at = expect.any(Number);
    const position = { epoch: 'e1', id: expect.any(String), at };
    const ann = { userId: 'Ann', username: 'Ann' };
    expect(linesOf(answer.text)).toEqual([
      {
        type: 'header',
        userId: 'Ann',
        ns: '/',
        at,
        lacks: expect.arrayContaining([expect.stringContaining('left')]),
      },
      { type: 'exclusion', ban: { until: at }, revokedBefore: 900 },
      { type: 'inbox', recvSeq: 1, readSeq: 0 },
      { type: 'block', userId: 'Eve' },
      {
        type: 'item',
        item: { id: expect.any(String), seq: 1, at, kind: 'push', entityType: 'like', data: { n: 1 } },
        expiresAt: at,
        sentAt: at,
        deliveredAt: at,
      },
      { type: 'room', roomid: 'tea', readSeq: 1 },
      {
        type: 'message',
        message: {
          ...position,
          seq: 2,
          event: 'broadcast_say',
          roomid: 'tea',
          from: 'service',
          data: { ...ann, text: 'hers, edited', type: 0 },
          edited: { at, seq: 4 },
          revision: 4,
        },
      },
      {
        type: 'message',
        message: {
          ...position,
          seq: 3,
          event: 'reacted',
          roomid: 'tea',
          ref: 1,
          data: { reaction: '👍', on: true },
          by: { userId: 'Ann', username: 'roomcast' },
        },
      },
      { type: 'room', roomid: 'hall', readSeq: 1, mute: {} },
      { type: 'end', blocks: 1, items: 1, rooms: 2, messages: 2 },
    ]);

    const document = (await stage.ask('GET', '/api/v1/openapi.json')).json as {
      paths: Record<
        string,
        { get: { responses: Record<string, { content: Record<string, { schema: object }> }> } }
      >;
      components: { schemas: Record<string, object> };
    };
    const { content } = document.paths['/api/v1/users/{id}/export']?.get.responses[200] ?? { content: {} };
    const schema = describedBy(content['application/x-ndjson']?.schema, document.components.schemas);
    for (const line of linesOf(answer.text)) expect(schema.safeParse(line).error?.issues).toBeUndefined();
    expect(schema.safeParse({ type: 'unknown' }).success).toBe(false);
  });

  it('of a user of whom nothing is stored has a beginning and an end, and needs a key', async () => {
    expect(typesOf(await exported('nobody'))).toEqual(['header', 'inbox', 'end']);
    expect(typesOf(await exported('Ann', '?ns=/post'))).toEqual(['header', 'inbox', 'end']);
    expect(
      (await stage.ask('GET', '/api/v1/users/Ann/export', { headers: { 'x-api-key': 'wrong' } })).status,
    ).toBe(401);
    expect((await exported('%20')).json).toMatchObject({ error: { code: 'bad_request' } });
    const head = await stage.ask('HEAD', '/api/v1/users/Ann/export');
    expect([head.status, head.headers['content-type'], head.text]).toEqual([
      200,
      expect.stringContaining('ndjson'),
      '',
    ]);
  });

  it('pages through logs of any length, up to where they ended when it came to them', async () => {
    const { store } = stage;
    subscribe('Carl', 'long');
    const room = roomOf('/', 'long');
    const sayOnce = (n: number) =>
      store.logs.append(room, {
        id: `m${n}`,
        members: `"event":"broadcast_say","roomid":"long","data":{"username":"Carl","userId":"Carl","text":"${n}","type":0}`,
      });
    for (let n = 1; n <= 450; n += 1) await sayOnce(n);
    const { read } = store.logs;
    let pages = 0;
    Object.assign(store.logs, {
      async read(...given: Parameters<typeof read>) {
        if (given[0].tag === room.tag) {
          pages += 1;
          // Somebody writes a page while one is read.
          if (pages > 1) for (let n = 0; n < 200; n += 1) await sayOnce(n);
        }
        return read(...given);
      },
    });
    try {
      const answer = await exported('Carl');
      const seqs = linesOf(answer.text).flatMap(({ message }) =>
        message ? [(message as { seq: number }).seq] : [],
      );
      expect(seqs).toEqual(Array.from({ length: 450 }, (_, n) => n + 1));
      expect([pages, linesOf(answer.text).at(-1)]).toEqual([
        3,
        { type: 'end', blocks: 0, items: 0, rooms: 1, messages: 450 },
      ]);
    } finally {
      Object.assign(store.logs, { read });
    }
  });

  it('is refused if the store is away at the beginning, and ends with the error if it goes away later', async () => {
    subscribe('Dora', 'one', 'two');
    stage.store.fail(() => true);
    expect((await exported('Dora')).status).toBe(503);
    const two = roomOf('/', 'two').tag;
    stage.store.fail((what, room) => what === 'read' && room?.tag === two);
    const answer = await exported('Dora');
    stage.store.fail(() => false);
    expect(answer.status).toBe(200);
    expect(linesOf(answer.text).slice(2)).toEqual([
      { type: 'room', roomid: 'one', readSeq: 1 },
      { type: 'room', roomid: 'two', readSeq: 1 },
      { type: 'error', error: { code: 'unavailable', message: 'away', temporary: true, retryAfterMs: 1 } },
    ]);
    expect(typesOf(await exported('Dora')).at(-1)).toBe('end');
  });
});

describe('the exports of a worker', () => {
  const closing: (() => void)[] = [];
  afterAll(() => {
    for (const close of closing) close();
  });

  /** One room, of which every page is 200 KB, without an end. */
  function setUp(given: Partial<UserExportsDeps> = {}) {
    let pages = 0;
    const entry = (seq: number) => ({
      epoch: 'e1',
      seq,
      json: JSON.stringify({
        seq,
        event: 'broadcast_say',
        data: { userId: 'Ann', text: 'x'.repeat(200_000) },
      }),
    });
    const exports = createUserExports({
      inboxes: {
        markers: async () => succeed({ recv: 0, read: 0 }),
        progress: async () => succeed([]),
      },
      blocks: { list: async () => succeed([]) },
      roomSubscriptions: { list: async () => succeed([{ roomid: 'tea', read: 0 }]) },
      moderation: { restrictions: async () => succeed({}) },
      logs: {
        unread: async () => succeed([]),
        async read({ kind }) {
          const page = { epoch: 'e1', top: 1_000_000, previousEpochs: [], first: 1 };
          if (kind === 'inbox') return succeed({ ...page, entries: [], more: false });
          pages += 1;
          return succeed({ ...page, entries: [entry(pages)], more: true });
        },
      },
      // A store with too much to do refuses whoever does not wait.
      admission: {
        run: async (_caller, task, patient) => (patient ? task() : refuse('rate_limited', 'too much', 1)),
      },
      now: () => 1_000,
      log: pino({ level: 'silent' }),
      ...given,
    });
    async function open() {
      const start = await exports.open('/', 'Ann');
      if (!start.ok) throw new Error(start.error.code);
      const { response, close } = await openStreamed(start.value);
      closing.push(close);
      return response;
    }
    return { exports, open, pages: () => pages };
  }

  it('read no further page for a reader that takes nothing, and stop when it goes', async () => {
    const { open, pages, exports } = setUp();
    const reader = await open();
    // The others are opened and never started.
    for (let n = 0; n < 7; n += 1) expect((await exports.open('/', 'Ann')).ok).toBe(true);
    let before = -1;
    await eventually(
      () => {
        const now = pages();
        const isStill = now > 0 && now === before;
        before = now;
        expect(isStill).toBe(true);
      },
      { interval: 200 },
    );
    // Those in the buffers of the sockets: the log has a million.
    expect(pages()).toBeLessThan(60);
    expect(await exports.open('/', 'Ann')).toEqual(
      refuse('rate_limited', 'too many exports are under way', 1_000),
    );
    reader.destroy();
    await eventually(async () => expect((await exports.open('/', 'Ann')).ok).toBe(true));
  });

  it('cut off a reader that does not take a page in its time', async () => {
    const { open, exports } = setUp({ pageMs: 50 });
    await open();
    for (let n = 0; n < 7; n += 1) expect((await exports.open('/', 'Ann')).ok).toBe(true);
    expect((await exports.open('/', 'Ann')).ok).toBe(false);
    await eventually(async () => expect((await exports.open('/', 'Ann')).ok).toBe(true));
  });

  it('end with an error when the worker drains, and new ones are refused', async () => {
    const { open, exports } = setUp();
    const reader = await open();
    await once(reader, 'readable');
    exports.drain();
    expect(linesOf(await text(reader)).at(-1)).toEqual({
      type: 'error',
      error: {
        code: 'unavailable',
        message: 'this server is going away',
        temporary: true,
        retryAfterMs: 1_000,
      },
    });
    expect(await exports.open('/', 'Ann')).toEqual(refuse('unavailable', 'this server is going away', 1_000));
  });

  it('end with an error after a bug, which is logged', async () => {
    const lines: string[] = [];
    const { open } = setUp({
      moderation: {
        restrictions: async () => {
          throw new Error('a bug');
        },
      },
      log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }),
    });
    const reader = await open();
    expect(linesOf(await text(reader)).at(-1)).toEqual({
      type: 'error',
      error: { code: 'internal', message: 'internal error', temporary: true },
    });
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['an export failed']);
  });
});
