import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { type ApiStage, KEYS, openApiStage } from './api-stage.ts';

describe('rooms', () => {
  let stage: ApiStage;
  let path = '';
  let roomid = '';
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    ({ roomid, path } = stage.newRoom());
  });
  const said = () =>
    stage.store.entries(roomOf('/', roomid)).map(({ json }) => JSON.parse(json) as Record<string, unknown>);

  it('get a back end’s messages like any other, marked as from a service', async () => {
    const body = { text: ' Hi ', type: 2, from: { userId: 'Ann', username: ' Ann B ', avatar: '1.jpg' } };
    const { status, json } = await stage.ask('POST', `${path}/messages`, { body });
    const [stored] = stage.store.entries(roomOf('/', roomid));
    expect([status, json]).toEqual([
      200,
      { roomid, epoch: 'e1', seq: 1, id: expect.any(String), at: expect.any(Number) },
    ]);
    // To the letter, as events of clients are stored.
    expect(stored?.json).toBe(
      `{"seq":1,"epoch":"e1","id":"${json.id}","at":${json.at},"event":"broadcast_say","roomid":"${roomid}",` +
        '"from":"service","data":{"username":"Ann B","userId":"Ann","avatar":"1.jpg","text":" Hi ","type":2}}',
    );
  });

  it.each([
    [undefined, { userId: 'roomcast', username: 'roomcast' }],
    ['Bot', { userId: 'roomcast', username: 'Bot' }],
    [{}, { userId: 'roomcast', username: 'roomcast' }],
    [null, { userId: 'roomcast', username: 'roomcast' }],
    ['', { userId: 'roomcast', username: 'roomcast' }],
    [
      { userId: null, username: '', avatar: null },
      { userId: 'roomcast', username: 'roomcast' },
    ],
    [{ userId: 12 }, { userId: '12', username: 'roomcast' }],
    [
      { username: 'Bot', avatar: '2.jpg' },
      { userId: 'roomcast', username: 'Bot', avatar: '2.jpg' },
    ],
  ])('are told who says it: %j', async (from, person) => {
    await stage.ask('POST', `${path}/messages`, { body: { text: 'Hi', from } });
    expect(said()).toMatchObject([{ from: 'service', data: { ...person, text: 'Hi', type: 0 } }]);
  });

  it('get each back end’s message under an id that another one used, and no other under its own', async () => {
    const keyed = await openApiStage({ keys: KEYS });
    const say = (key: string, text: string, more: object = {}) =>
      keyed.ask('POST', `${path}/messages`, {
        headers: { 'x-api-key': key },
        body: { text, clientMsgId: 'c1', ...more },
      });
    const first = await say(KEYS[0], 'one');
    const ofOther = await say(KEYS[1], 'other');
    expect([first, ofOther].map(({ status, json }) => [status, json.dup, json.seq])).toEqual([
      [200, undefined, 1],
      [200, undefined, 2],
    ]);
    for (const answer of [await say(KEYS[0], 'other'), await say(KEYS[0], 'one', { type: 1 })]) {
      expect(answer).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^clientMsgId: /) } },
      });
    }
    expect((await say(KEYS[0], 'one')).json).toEqual({ ...first.json, dup: true });
    const stored = keyed.store.entries(roomOf('/', roomid));
    expect(stored.map(({ json }) => (JSON.parse(json) as { data: { text: string } }).data.text)).toEqual([
      'one',
      'other',
    ]);
    await keyed.close();
  });

  it('get it once for each clientMsgId in the back ends’ own scope', async () => {
    const body = { text: 'Hi', clientMsgId: 'c1' };
    const first = await stage.ask('POST', `${path}/messages`, { body });
    const again = await stage.ask('POST', `${path}/messages`, { body });
    expect(again.json).toEqual({ ...first.json, dup: true });
    const dedupe = { scope: 'user Ann', clientMsgId: 'c1' };
    await stage.store.logs.append(roomOf('/', roomid), { id: 'x', members: '"by":"Ann"', dedupe });
    expect(said()).toMatchObject([{ clientMsgId: 'c1' }, { by: 'Ann' }]);
  });

  it.each([
    [400, 'text:', { text: ' \n ' }],
    [400, 'text:', {}],
    [400, 'text:', { text: '\u200b\u2060' }],
    [400, 'text:', { text: 'half \udc00' }],
    [400, 'from:', { text: 'x', from: 'A\u200bnn' }],
    [413, 'text:', { text: 'é'.repeat(501) }],
    [400, 'type:', { text: 'x', type: -1 }],
    [400, 'from:', { text: 'x', from: 7 }],
    [400, 'from.username:', { text: 'x', from: { username: ' ' } }],
    [400, 'clientMsgId:', { text: 'x', clientMsgId: 'é' }],
  ])('hear nothing that is refused: %s %s', async (wanted, field, body) => {
    const { status, json } = await stage.ask('POST', `${path}/messages`, { body });
    expect([status, (json.error as { message: string }).message]).toEqual([
      wanted,
      expect.stringMatching(new RegExp(`^${field} `)),
    ]);
    expect(said()).toEqual([]);
  });

  it('are read page by page, in both directions', async () => {
    for (let n = 1; n <= 5; n += 1) await stage.ask('POST', `${path}/messages`, { body: { text: `${n}` } });
    const page = async (query: string) => {
      const { status, json } = await stage.ask('GET', `${path}/messages${query}`);
      const messages = json.messages as { data: { text: string } }[] | undefined;
      return [status, messages?.map(({ data }) => data.text).join(''), json.more];
    };
    expect(await page('')).toEqual([200, '12345', false]);
    expect(await page('?limit=2')).toEqual([200, '45', true]);
    expect(await page('?before=4&limit=2')).toEqual([200, '23', true]);
    expect(await page('?after=2&limit=2')).toEqual([200, '34', true]);
    expect(await page('?after=0')).toEqual([200, '12345', false]);
    expect(await page('?before=&after=2&limit=&ns=')).toEqual([200, '345', false]);
    for (const query of [
      '?before=1&after=1',
      '?limit=0',
      '?limit=201',
      '?limit=1e1',
      '?after=-1',
      '?limit=1&limit=2',
    ]) {
      expect([query, (await page(query))[0]]).toEqual([query, 400]);
    }
  });

  it('are listed with their members, page by page', async () => {
    const room = roomOf('/', roomid);
    for (const userId of ['Ann', 'Bob', '__proto__']) {
      stage.roster.enter(room, { userId, username: `${userId}!` }, 2);
    }
    await stage.ask('POST', `${path}/messages`, { body: { text: 'x' } });
    expect((await stage.ask('GET', path)).json).toEqual({
      roomid,
      users: 3,
      clients: 6,
      epoch: 'e1',
      top: 1,
    });
    const one = await stage.ask('GET', `${path}/members?limit=2`);
    expect(one.json).toEqual({
      users: 3,
      clients: 6,
      members: ['Ann', 'Bob'].map((userId) => ({
        userId,
        username: `${userId}!`,
        clients: 2,
        state: 'online',
        seenAt: expect.any(Number),
      })),
      next: 'Bob',
    });
    const two = await stage.ask('GET', `${path}/members?limit=2&after=${one.json.next}`);
    expect(two.json).toMatchObject({ members: [{ userId: '__proto__' }] });
    expect(two.json).not.toHaveProperty('next');
    stage.roster.enter(roomOf('/', 'ZZ'), { userId: 'Ann', username: 'Ann' });
    stage.roster.enter(roomOf('/post', 'elsewhere'), { userId: 'Ann', username: 'Ann' });
    const listed = await stage.ask('GET', '/api/v1/rooms?limit=1');
    expect(listed.json).toEqual({ rooms: [{ roomid, users: 3, clients: 6 }], next: roomid });
    const rest = await stage.ask('GET', `/api/v1/rooms?after=${encodeURIComponent(roomid)}`);
    expect(rest.json).toEqual({ rooms: [{ roomid: 'ZZ', users: 1, clients: 1 }] });
  });

  it('with messages and nobody in them follow those with members, if all are asked for', async () => {
    const own = await openApiStage();
    try {
      for (const name of ['tea', 'hall'])
        await own.ask('POST', `/api/v1/rooms/${name}/messages`, { body: { text: 'Hi' } });
      for (const name of ['hall', 'silent'])
        own.roster.enter(roomOf('/', name), { userId: 'Ann', username: 'Ann' });
      const occupied = { users: 1, clients: 1 };
      const pages: unknown[] = [];
      let after = '';
      do {
        const { json } = await own.ask('GET', `/api/v1/rooms?all=1&limit=1${after}`);
        pages.push(json);
        after = json.next === undefined ? '' : `&after=${encodeURIComponent(String(json.next))}`;
      } while (after !== '');
      expect(pages.slice(0, 2)).toEqual([
        { rooms: [{ roomid: 'hall', ...occupied }], next: 'hall' },
        { rooms: [{ roomid: 'silent', ...occupied }], next: '!' },
      ]);
      const following = pages.slice(2) as { rooms: unknown[] }[];
      expect(following.flatMap(({ rooms }) => rooms)).toHaveLength(2);
      expect(following.flatMap(({ rooms }) => rooms)).toEqual(
        expect.arrayContaining([
          { roomid: 'tea', users: 0, clients: 0 },
          { roomid: 'hall', ...occupied },
        ]),
      );
      own.store.fail((what) => what === 'loggedRooms');
      expect((await own.ask('GET', '/api/v1/rooms?all=1&after=!')).status).toBe(503);
    } finally {
      await own.close();
    }
  });

  it.each([
    ['all=2', 'all: must be 0 or 1'],
    ['after=!', 'after: this one needs all=1'],
    ['all=0&after=!x', 'after: this one needs all=1'],
    ['all=1&after=!a%20b', 'after: must be'],
    ['all=1&after=%2F', 'after: must be'],
    ['after=a&after=b', 'after: must be'],
  ])('are not listed with %s', async (query, message) => {
    expect(await stage.ask('GET', `/api/v1/rooms?${query}`)).toMatchObject({
      status: 400,
      json: { error: { code: 'bad_request', message: expect.stringContaining(message) } },
    });
  });

  it('that were never used are empty', async () => {
    expect((await stage.ask('GET', path)).json).toEqual({ roomid, users: 0, clients: 0, top: 0 });
    expect((await stage.ask('GET', `${path}/members`)).json).toEqual({ users: 0, clients: 0, members: [] });
  });

  it.each([
    ['a slash', '%2F'],
    ['a NUL', '.%00'],
    ['a space in front', '%20x'],
    ['129 bytes', 'a'.repeat(129)],
    ['43 characters of 3 bytes', '%E4%B8%9C'.repeat(43)],
  ])('whose name is none are refused: %s', async (_what, name) => {
    for (const [method, rest, body] of [
      ['GET', ''],
      ['GET', '/members'],
      ['GET', '/messages'],
      ['POST', '/messages', { text: 'x' }],
    ] as const) {
      expect(await stage.ask(method, `/api/v1/rooms/${name}${rest}`, { body })).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^roomid: must/) } },
      });
    }
  });

  it('of the longest name are found, however it is spelled', async () => {
    const escaped = Array.from({ length: 128 }, () => '%40').join('');
    expect((await stage.ask('GET', `/api/v1/rooms/${escaped}`)).json).toMatchObject({
      roomid: '@'.repeat(128),
    });
    const decomposed = encodeURIComponent('e\u0301');
    expect((await stage.ask('GET', `/api/v1/rooms/${decomposed}`)).json).toMatchObject({ roomid: 'é' });
  });
});
