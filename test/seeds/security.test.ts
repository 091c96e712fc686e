import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { MODES } from '../support/system.ts';
import { LIBRARIES, type Library, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';
import { mint, SECRET, unsigned } from './tokens.ts';

const KEY = 'a-key-of-the-back-end';
const [MODERN, LEGACY] = LIBRARIES as [Library, Library];
interface Route {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** Of every kind one. */
const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/api', body: { tokens: ['bob'] } },
  { method: 'POST', path: '/api/v1/push', body: { users: ['bob'], data: 'x' } },
  { method: 'GET', path: '/api/v1/push/00000000-0000-4000-8000-000000000000' },
  { method: 'POST', path: '/api/v1/rooms/tea/messages', body: { text: 'x' } },
  { method: 'GET', path: '/api/v1/rooms/tea/messages' },
  { method: 'POST', path: '/api/v1/announce', body: { data: 'x' } },
  { method: 'GET', path: '/api/v1/rooms' },
  { method: 'GET', path: '/api/v1/rooms/tea' },
  { method: 'GET', path: '/api/v1/rooms/tea/members' },
  { method: 'GET', path: '/api/v1/users/bob' },
  { method: 'POST', path: '/api/v1/users/bob/disconnect', body: {} },
  { method: 'GET', path: '/metrics' },
];

/** With any headers, also such as fetch does not let through. */
function call(
  url: string,
  { method, path, body }: Route,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; json: { error?: { code: string; temporary: boolean } } }> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const sent = request(url + path, { method, headers: { ...json, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.once('end', () => {
        const parsed = text.startsWith('{') ? JSON.parse(text) : {};
        resolve({ status: answer.statusCode ?? 0, json: parsed });
      });
    });
    sent.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const refusedWith = (code: string) => ({ ok: false, error: { code, temporary: false } });

describe.each(MODES)('security with tokens and keys, %s', (mode) => {
  const stage = seedStage(mode, { AUTH_SECRET: SECRET, API_KEYS: `another-key-of-it,${KEY}` });

  /** Somebody with a good token; the 4.x client could say it in `auth`, this way both can. */
  async function come(
    library: Library,
    index: number,
    claims: Readonly<Record<string, unknown>>,
    query: Record<string, string> = {},
  ): Promise<SeedClient> {
    const extraHeaders = { authorization: `Bearer ${await mint(claims)}` };
    return stage.visit(library, index, { extraHeaders, query });
  }

  describe.each(LIBRARIES)('$name', (library) => {
    it.each([
      ['none', async () => undefined],
      [
        'one of another key',
        () => mint({ sub: 'bob' }, { secret: 'a-secret-that-somebody-made-up-for-themselves' }),
      ],
      ['one nobody signed (alg none)', async () => unsigned({ sub: 'bob', exp: 4_102_444_800 })],
      ['one that has expired', () => mint({ sub: 'bob' }, { expires: 1 })],
      ['one of nobody', () => mint({})],
      [
        'another’s claims under a good signature',
        async () => {
          const [head, , signature] = (await mint({ sub: 'ann' })).split('.');
          const claims = Buffer.from(JSON.stringify({ sub: 'bob' })).toString('base64url');
          return `${head}.${claims}.${signature}`;
        },
      ],
      ['no token at all but words', async () => 'let me in'],
    ])('a token: %s -> connect_error unauthorized', async (_what, token) => {
      const given = await token();
      const headers =
        given === undefined ? [{}] : [{ authorization: `Bearer ${given}` }, { cookie: `token=${given}` }];
      for (const [index, extraHeaders] of headers.entries()) {
        expect(await stage.refusal(library, index, { extraHeaders })).toMatchObject({
          code: 'unauthorized',
          temporary: false,
        });
      }
    });

    it('defect (f): a forged userId, tokenId or socketId -> forbidden, and it stays who its token says', async () => {
      const [annId, bobId] = [stage.fresh('ann'), stage.fresh('bob')];
      const bob = await come(library, 1, { sub: bobId, name: 'Bob' });
      const ann = await come(library, 0, { sub: annId, name: 'Ann' });
      for (const forged of [{ userId: bobId }, { userId: annId, tokenId: bobId }, { tokenId: bobId }]) {
        expect(await ann.ask('user_login', forged)).toMatchObject(refusedWith('forbidden'));
      }
      const before = bob.heard.length;
      const own = await ann.do('user_login', { userId: annId, socketId: bob.hello.clientId });
      expect(own).toMatchObject({ user: { id: annId, name: 'Ann' } });
      await eventually(() => expect(ann.all('push_message')).toHaveLength(2));
      expect(await ann.ask('token:refresh', { token: await mint({ sub: bobId }) })).toMatchObject(
        refusedWith('forbidden'),
      );
      const roomid = stage.fresh('room');
      await bob.do('join', { roomid });
      await ann.do('join', { roomid, username: 'Bob' });
      await ann.do('say', { roomid, text: 'I am Bob', username: 'Bob', userId: bobId });
      await ann.do('private', { to: bobId, text: 'from Bob', from: { id: bobId, name: 'Bob' } });
      await ann.do('textmsg', { name: 'Bob', content: 'I am Bob' });
      await eventually(() => {
        // Ann's `join` may come after what she says: only messages keep an order among them.
        expect(bob.all('message').filter(({ event }) => event === 'broadcast_say')).toMatchObject([
          { data: { userId: annId, username: 'Ann' } },
        ]);
        expect(bob.all('private').at(-1)).toMatchObject({ from: { id: annId, name: 'Ann' } });
        expect(bob.all('textmsg').at(-1)).toMatchObject({ name: 'Ann' });
      });
      const unasked = bob.heard.slice(before).filter(({ event }) => event === 'push_message');
      expect(unasked).toEqual([]);
    });

    it('another’s inbox: inbox:list and inbox:ack are about the own one, whatever is said', async () => {
      const [annId, bobId, carlId] = [stage.fresh('ann'), stage.fresh('bob'), stage.fresh('carl')];
      const carl = await come(library, 0, { sub: carlId });
      for (const text of ['one', 'two']) await carl.do('private', { to: bobId, text });
      const ann = await come(library, 1, { sub: annId });
      const forged = { userId: bobId, tokenId: bobId, to: bobId, user: { id: bobId } };
      expect(await ann.do('inbox:list', forged)).toMatchObject({ items: [], top: 0 });
      expect(await ann.do('inbox:ack', { ...forged, read: 2 })).toMatchObject({ recvSeq: 0, readSeq: 0 });
      const bob = await come(library, 0, { sub: bobId });
      expect(await bob.do('inbox:list')).toMatchObject({ top: 2, recvSeq: 0, readSeq: 0 });
      await eventually(() => expect(bob.all('push_message')).toMatchObject([{ unread: [{}, {}], read: [] }]));
      expect([ann.all('private'), ann.all('push_message')]).toMatchObject([[], [{ unread: [], read: [] }]]);
    });

    it('another’s room: forbidden for a token that does not name it, in every event', async () => {
      const [tea, secret] = [stage.fresh('tea'), stage.fresh('secret')];
      const claims = { sub: stage.fresh('ann'), name: 'Ann', rooms: ['tea*'] };
      const bob = await come(library, 1, { sub: stage.fresh('bob'), name: 'Bob' }, { roomid: secret });
      await bob.do('say', { text: 'for us' });
      const ann = await come(library, 0, claims);
      await ann.do('join', { roomid: tea });
      const attempts: [string, object][] = [
        ['join', { roomid: secret }],
        ['say', { roomid: secret, text: 'x' }],
        ['room:history', { roomid: secret }],
        ['private', { roomid: secret, toName: 'Bob', text: 'x' }],
      ];
      for (const [event, payload] of attempts) {
        expect([event, await ann.ask(event, payload)]).toMatchObject([event, refusedWith('forbidden')]);
      }
      // Its default room is the lobby, which the token does not name either.
      expect(await ann.ask('join')).toMatchObject(refusedWith('forbidden'));
      expect(await ann.ask('textmsg', 'to the lobby')).toMatchObject(refusedWith('forbidden'));
      const guest = await come(library, 1, claims, { roomid: secret });
      await eventually(() =>
        expect(guest.all('refused')).toMatchObject([{ event: 'join', error: { code: 'forbidden' } }]),
      );
      await bob.do('say', { text: 'still only us' });
      await bob.do('textmsg', 'only us');
      await eventually(() => expect(bob.all('textmsg')).toHaveLength(2));
      for (const client of [ann, guest]) {
        expect(JSON.stringify(client.heard)).not.toMatch(/for us|only us/);
      }
    });
  });

  it('a handshake’s auth.userId of another -> connect_error forbidden; auth.token is a token, too', async () => {
    const sub = stage.fresh('ann');
    const token = await mint({ sub });
    expect(await stage.refusal(MODERN, 0, { auth: { token, userId: 'bob' } })).toMatchObject({
      code: 'forbidden',
      temporary: false,
    });
    expect(await stage.refusal(MODERN, 1, { auth: { token: `${token}x` } })).toMatchObject({
      code: 'unauthorized',
      temporary: false,
    });
    const client = await stage.visit(MODERN, 0, { auth: { token } });
    expect(client.hello.user.id).toBe(sub);
  });

  it.each(ROUTES)('$method $path without a key or with a wrong one -> 401 unauthorized', async (route) => {
    const unauthorized = { status: 401, json: { error: { code: 'unauthorized', temporary: false } } };
    const wrong: Record<string, string>[] = [
      {},
      { authorization: 'Bearer a-key-of-nobody-at-all' },
      { 'x-api-key': `${KEY}x` },
      { 'x-api-key': KEY.slice(0, -1) },
      { 'x-api-key': '' },
      { authorization: `Basic ${KEY}` },
      { authorization: `Bearer ${await mint({ sub: 'ann' })}` },
    ];
    for (const [index, headers] of wrong.entries()) {
      expect(await call(stage.at(index), route, headers)).toMatchObject(unauthorized);
    }
    const right: Record<string, string>[] = [{ authorization: `Bearer ${KEY}` }, { 'x-api-key': KEY }];
    for (const [index, headers] of right.entries()) {
      const { status } = await call(stage.at(index), route, { ...headers, 'x-forwarded-for': '203.0.113.1' });
      expect([200, 404]).toContain(status);
    }
  });

  it('GET /api is the probe and asks for no key', async () => {
    expect((await call(stage.at(1), { method: 'GET', path: '/api' })).status).toBe(200);
  });
});

describe.each(MODES)('security of the open mode, %s', (mode) => {
  const stage = seedStage(mode, { NAMESPACES: '/,/post' });

  it.each(ROUTES)(
    '$method $path without API_KEYS: 401 for whoever has not the key of DATA_DIR, programs of this machine too',
    async (route) => {
      const unauthorized = { status: 401, json: { error: { code: 'unauthorized', temporary: false } } };
      const said: Record<string, string>[] = [
        {},
        { host: '127.0.0.1' },
        { 'x-forwarded-for': '127.0.0.1' },
        { via: '1.1 proxy', host: 'chat.example' },
        { origin: 'https://chat.example' },
      ];
      for (const [index, headers] of said.entries()) {
        expect([headers, await call(stage.at(index), route, headers)]).toMatchObject([headers, unauthorized]);
      }
      const foreign = { host: 'chat.example', ...stage.system.keyHeader };
      expect(await call(stage.at(0), route, foreign)).toMatchObject({
        status: 403,
        json: { error: { code: 'forbidden', message: expect.stringMatching(/^Host: /) } },
      });
      expect([200, 404]).toContain((await call(stage.at(1), route, stage.system.keyHeader)).status);
    },
  );

  it('defect (f): a guest’s id is not had by saying it, neither at the handshake nor by user_login', async () => {
    const guest = await stage.visit(MODERN, 0);
    const { id } = guest.hello.user;
    expect(await stage.refusal(MODERN, 1, { auth: { userId: id } })).toMatchObject({
      code: 'forbidden',
      temporary: false,
    });
    const thief = await stage.visit(LEGACY, 1);
    expect(await thief.ask('user_login', { userId: id })).toMatchObject(refusedWith('forbidden'));
  });

  it.each(LIBRARIES)('nothing crosses from one namespace to another, $name', async (library) => {
    const [user, other, roomid] = [stage.fresh('Ann'), stage.fresh('Bob'), stage.fresh('room')];
    const sides: { text: string; ns: string; reader: SeedClient; writer: SeedClient }[] = [];
    for (const nsp of ['', '/post']) {
      const reader = await stage.login(library, 0, user, { nsp });
      const writer = await stage.login(library, 1, other, { nsp });
      for (const client of [reader, writer]) await client.do('join', { roomid });
      sides.push({ text: stage.fresh('said'), ns: `?ns=${nsp || '/'}`, reader, writer });
    }
    for (const { text, ns, writer } of sides) {
      await writer.do('say', { roomid, text });
      await writer.do('private', { to: user, text });
      await writer.do('private', { toName: 'Ann', roomid, text });
      await writer.do('todo', { receiver_id: user, text });
      await writer.do('textmsg', text);
      const path = `/api/v1/rooms/${encodeURIComponent(roomid)}/messages`;
      const calls: [string, object][] = [
        [path, { text }],
        ['/api', { tokens: [user], data: text }],
        ['/api/v1/push', { users: [user], data: text }],
        ['/api/v1/announce', { data: text }],
        ['/api/v1/announce', { data: text, rooms: [roomid] }],
      ];
      for (const [index, [route, body]] of calls.entries()) {
        const { status, json } = await stage.post(route + ns, body, index);
        expect([route, status]).toEqual([route, 200]);
        if (json.reach) expect(json.reach).toEqual({ [user]: { live: 1, stored: true } });
      }
    }
    for (const { text, reader } of sides) {
      const told = () =>
        reader.heard
          .filter(({ args }) => JSON.stringify(args).includes(`"${text}"`))
          .map(({ event }) => event);
      await eventually(() =>
        expect(told().sort()).toEqual([
          'announcement',
          'announcement',
          'message',
          'message',
          'private',
          'private',
          'receive_message',
          'receive_message',
          'textmsg',
          'todo_message',
        ]),
      );
      const foreign = sides.find((side) => side.text !== text)?.text as string;
      expect(JSON.stringify(reader.heard)).not.toContain(foreign);
      expect(JSON.stringify(await reader.do('inbox:list'))).not.toContain(foreign);
      expect(JSON.stringify(await reader.do('room:history', { roomid }))).not.toContain(foreign);
    }
  });

  it('an unknown namespace of the API -> 404 not_found, and nothing is sent', async () => {
    const answer = await call(
      stage.at(0),
      {
        method: 'POST',
        path: '/api/v1/announce?ns=/other',
        body: { data: 'x' },
      },
      stage.system.keyHeader,
    );
    expect(answer).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } });
  });
});
