import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { announcementsOf, inboxOf, roomOf } from '../../../src/chat/room.ts';
import { type ApiStage, KEYS, openApiStage } from './api-stage.ts';

describe('Idempotency-Key', () => {
  let stage: ApiStage;
  let keys = 0;
  beforeAll(async () => {
    stage = await openApiStage({ keys: KEYS });
    await stage.store.logs.append(roomOf('/', 'room'), {
      id: 'x',
      members: '"event":"broadcast_say","data":{}',
    });
  });
  afterAll(() => stage.close());

  async function write(method: string, path: string, body: unknown, key: string, apiKey: string = KEYS[0]) {
    const headers = { 'x-api-key': apiKey, 'idempotency-key': key };
    const { status, json } = await stage.ask(method, path, {
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return { status, json };
  }
  function newKey(): string {
    keys += 1;
    return `key ${keys}`;
  }

  it('remembers what it refused, and a repetition, by the clientMsgId and by the key', async () => {
    const path = '/api/v1/rooms/room/messages';
    const [key, clientMsgId] = [newKey(), 'a-client-msg-id'];
    const answered = [
      await write('POST', path, { text: 'Hi', clientMsgId }, key),
      // The key was used for another text.
      await write('POST', path, { text: 'Ho', clientMsgId }, key),
      await write('POST', path, { text: '' }, newKey()),
      await write('POST', path, { text: 'Hi', clientMsgId }, newKey()),
      await write('POST', path, { text: 'Ho', clientMsgId }, newKey()),
      // Nobody can ask for a key of this length.
      await write('POST', path, { text: '' }, 'k'.repeat(65)),
    ];
    const about = { event: `POST /api/v1/rooms/:roomid/messages`, nsp: '/', roomid: 'room' };
    const refused = { ...about, code: 'bad_request' };
    const repeated = { ...about, seq: answered[0]?.json.seq };
    expect(answered.map(({ status }) => status)).toEqual([200, 400, 400, 200, 400, 400]);
    expect(stage.remembered).toEqual([
      { ...refused, clientMsgId },
      { ...refused, clientMsgId: key },
      { ...refused, clientMsgId: `key ${keys - 2}` },
      { ...repeated, clientMsgId },
      { ...repeated, clientMsgId: `key ${keys - 1}` },
      { ...refused, clientMsgId },
      { ...refused, clientMsgId: `key ${keys}` },
    ]);
  });

  it('remembers the usual retry, which repeats the key', async () => {
    const [key, before] = [newKey(), stage.remembered.length];
    const say = () => write('POST', '/api/v1/rooms/retried/messages', { text: 'Hi' }, key);
    const { json } = await say();
    expect(stage.remembered.slice(before)).toEqual([]);
    expect((await say()).json).toEqual(json);
    expect(stage.remembered.slice(before)).toEqual([
      {
        event: 'POST /api/v1/rooms/:roomid/messages',
        clientMsgId: key,
        nsp: '/',
        roomid: 'retried',
        seq: json.seq,
      },
    ]);
  });

  it('remembers what it refused before it read the request, unless the caller is unknown', async () => {
    const [path, before] = ['/api/v1/rooms/unread/messages', stage.remembered.length];
    const [noJson, noType, tooLarge, nowhere, bug, unknown] = [1, 2, 3, 4, 5, 6].map(() =>
      newKey(),
    ) as string[];
    const ask = (key = '', more: Readonly<Record<string, string>> = {}, body = '{}', query = '') =>
      stage.ask('POST', `${path}${query}`, {
        body,
        headers: {
          'x-api-key': KEYS[0],
          'content-type': 'application/json',
          'idempotency-key': key,
          ...more,
        },
      });
    const answers = [
      await ask(noJson, {}, '{'),
      await ask(noType, { 'content-type': 'text/plain' }),
      // The header alone decides, so nothing is on its way when the connection ends.
      await ask(tooLarge, { 'content-length': '100000000' }),
      await ask(nowhere, {}, '{}', '?ns=/nowhere'),
    ];
    const spoiled = stage.context.logs as { append: unknown };
    const { append } = spoiled;
    spoiled.append = () => Promise.reject(new Error('a bug'));
    answers.push(await ask(bug, {}, '{"text":"Hi"}'));
    spoiled.append = append;
    answers.push(await ask(unknown, { 'x-api-key': 'another' }));
    expect(answers.map(({ status }) => status)).toEqual([400, 415, 413, 404, 500, 401]);
    const about = { event: 'POST /api/v1/rooms/:roomid/messages', nsp: '/', roomid: 'unread' };
    expect(stage.remembered.slice(before)).toEqual([
      { ...about, clientMsgId: noJson, code: 'bad_request' },
      { ...about, clientMsgId: noType, code: 'bad_request' },
      { ...about, clientMsgId: tooLarge, code: 'too_large' },
      { ...about, clientMsgId: nowhere, code: 'not_found' },
      { ...about, clientMsgId: bug, code: 'internal' },
    ]);
  });

  it.each([
    ['POST', '/api/v1/rooms/room/messages', { text: 'Hi' }, { text: 'Ho' }],
    ['POST', '/api/v1/push', { users: ['Ann'], data: 1 }, { users: ['Ann'], data: 2 }],
    ['POST', '/api', { tokens: ['Ann'], data: 1 }, { tokens: ['Bob'], data: 1 }],
    ['POST', '/api/v1/announce', { data: 1 }, { data: 2 }],
    ['POST', '/api/v1/announce', { data: 1, rooms: ['room'] }, { data: 1, rooms: ['other'] }],
    ['POST', '/api/v1/rooms/room/kick', { userId: 'Ann' }, { userId: 'Bob' }],
    ['POST', '/api/v1/rooms/room/mute', { userId: 'Ann', seconds: 60 }, { userId: 'Ann', seconds: 61 }],
    ['POST', '/api/v1/rooms/room/ban', { userId: 'Ann', seconds: 60 }, { userId: 'Ann' }],
    ['DELETE', '/api/v1/rooms/room/mute/Ann', undefined, undefined],
    ['DELETE', '/api/v1/rooms/room/ban/Ann', undefined, undefined],
    ['DELETE', '/api/v1/rooms/room/messages/1', undefined, undefined],
    ['POST', '/api/v1/users/Ann/disconnect', undefined, undefined],
    ['DELETE', '/api/v1/users/Ann', undefined, undefined],
  ])('answers %s %s again as the first time, and does it once: %j', async (method, path, body, other) => {
    const key = newKey();
    const traces = () =>
      JSON.stringify([
        stage.ordered,
        stage.disconnected,
        stage.announced,
        [roomOf('/', 'room'), inboxOf('/', 'Ann'), announcementsOf('/')].map((room) =>
          stage.store.entries(room),
        ),
      ]);
    const first = await write(method, path, body, key);
    const done = traces();
    expect(first.status).toBe(200);
    stage.store.pass(1_000);
    expect(await Promise.all([1, 2, 3].map(() => write(method, path, body, key)))).toEqual([
      first,
      first,
      first,
    ]);
    expect(traces()).toBe(done);
    if (other !== undefined) {
      expect(await write(method, path, other, key)).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^Idempotency-Key: /) } },
      });
      expect(traces()).toBe(done);
    }
    // Another back end's key of the same name is another key.
    const ofOther = await write(method, path, other ?? body, key, KEYS[1]);
    expect(ofOther.json).not.toMatchObject({ error: { code: 'bad_request' } });
  });

  it('is of one route, address and namespace', async () => {
    const key = newKey();
    const ids = new Set<unknown>();
    for (const path of ['/rooms/a/messages', '/rooms/b/messages', '/rooms/a/messages?ns=/post'])
      ids.add((await write('POST', `/api/v1${path}`, { text: 'Hi' }, key)).json.id);
    expect(ids.size).toBe(3);
    expect(ids).not.toContain(undefined);
  });

  it('stores a message once whose outcome was unknown', async () => {
    const key = newKey();
    const room = roomOf('/', 'doubtful');
    const say = () => write('POST', '/api/v1/rooms/doubtful/messages', { text: 'Hi' }, key);
    const { append } = stage.context.logs;
    const spoiled = stage.context.logs as { append: typeof append };
    spoiled.append = async (...given) => {
      await append(...given);
      throw new Error('the answer was lost');
    };
    expect((await say()).status).toBe(500);
    spoiled.append = append;
    expect((await say()).status).toBe(200);
    expect(stage.store.entries(room)).toHaveLength(1);
  });

  it('is ignored by reads, and refused if it is malformed', async () => {
    const key = newKey();
    const read = () => write('GET', '/api/v1/rooms/fresh/messages', undefined, key);
    const first = await read();
    await write('POST', '/api/v1/rooms/fresh/messages', { text: 'Hi' }, newKey());
    expect((await read()).json).not.toEqual(first.json);
    for (const bad of ['', 'x'.repeat(129), 'é', 'tab\there']) {
      expect(await write('POST', '/api/v1/users/Ann/disconnect', undefined, bad)).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^idempotency-key: must/) } },
      });
    }
    expect((await write('POST', '/api/v1/users/Ann/disconnect', undefined, `${' '.repeat(2)}x`)).status).toBe(
      200,
    );
  });
});
