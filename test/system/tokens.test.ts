import { once } from 'node:events';
import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WireError } from '../../src/protocol/codes.ts';
import { type Host, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { type KeyServer, openKeyServer } from '../support/key-server.ts';
import { connect, connectRaw, enter, type Member, type MemberOptions } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const SECRET = 'a-secret-that-is-long-enough-for-HS256';
const ENV = { AUTH_SECRET: SECRET, HOST: '127.0.0.1', LOG_LEVEL: 'trace' };
const INVALID = { code: 'unauthorized', message: 'token: not valid', temporary: false };
const MISSING = { code: 'unauthorized', message: 'token: must be given', temporary: false };

/** Every token of these tests: none may be found in a log. */
const made = new Set<string>();

async function sign(claims: JWTPayload, ttlS = 3_600, secret = SECRET): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + ttlS;
  const token = await new SignJWT({ exp, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
  made.add(token);
  return token;
}

const withToken = (token: unknown, options: MemberOptions = {}): MemberOptions => ({
  ...options,
  auth: { token },
});

async function connectAs(url: string, claims: JWTPayload, options?: MemberOptions): Promise<Member> {
  return connect(url, withToken(await sign(claims), options));
}

async function enterAs(url: string, roomid: string, claims: JWTPayload): Promise<Member> {
  return enter(url, roomid, 'said', withToken(await sign(claims)));
}

/** What a connection that is not let in is told. */
function refusal(url: string, options: MemberOptions): Promise<WireError | string> {
  const socket = connectRaw(url, options);
  return new Promise((resolve, reject) => {
    socket.once('hello', () => {
      socket.disconnect();
      reject(new Error('was let in'));
    });
    socket.once('connect_error', (error) => {
      socket.disconnect();
      resolve('data' in error ? (error.data as WireError) : error.message);
    });
  });
}

async function errorOf(asked: Promise<{ ok: boolean }>): Promise<unknown> {
  const ack = await asked;
  return 'error' in ack ? ack.error : ack;
}

const forbidden = (message: string) => ({ code: 'forbidden', message, temporary: false });
const heardOf = (member: Member, event: string) =>
  member.heard.filter((heard) => heard.event === event).map(({ data }) => data);

function expectNoSecrets(hosts: readonly Host[]): void {
  const logs = hosts.map((host) => Object.values(host.output()).join('')).join('');
  expect(logs).toContain('"level"');
  for (const secret of [SECRET, ...made].filter((token) => token.length > 10)) {
    expect(logs.includes(secret)).toBe(false);
    // Nor its claims alone.
    const [, claims = secret] = secret.split('.');
    expect(logs.includes(claims)).toBe(false);
  }
}

describe.each(MODES)('token mode, %s', (mode) => {
  const stage = systemFixture(mode, ENV, { workersEach: 1 });
  let url: string;
  let other: string;
  beforeAll(() => {
    [url, other] = [stage.at(0), stage.at(1)];
  });

  it('admits the user of the token, and returns the id', async () => {
    const ann = await connectAs(url, { sub: 'ann', name: 'Ann', avatar: '1.jpg' });
    expect(ann.hello).toMatchObject({ auth: 'token', user: { id: 'ann', name: 'Ann', avatar: '1.jpg' } });
    expect(ann.hello.guestToken).toBeUndefined();
    ann.close();
  });

  it('refuses an invalid token, without details', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const claims = { sub: 'ann' };
    const none = new UnsecuredJWT(claims).encode();
    const foreign = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    for (const token of [none, foreign]) made.add(token);
    const early = await sign({ ...claims, nbf: Math.floor(Date.now() / 1_000) + 60 });
    const bad = [none, foreign, early, await sign(claims, 60, `${SECRET}x`), await sign({}), 'x', 7];
    for (const token of ['', null]) expect(await refusal(url, withToken(token))).toEqual(MISSING);
    for (const token of bad) expect(await refusal(url, withToken(token))).toEqual(INVALID);
    const expired = { code: 'unauthorized', message: 'token: expired', temporary: false };
    expect(await refusal(url, withToken(await sign(claims, -60)))).toEqual(expired);
    for (const options of [{}, { auth: { userId: 'ann', username: 'Ann', guestToken: 'x' } }]) {
      expect(await refusal(url, options)).toEqual(MISSING);
    }
    expect(await refusal(url, { transports: ['polling'] })).toEqual(MISSING);
  });

  it('changes no user at a client’s claim', async () => {
    const token = await sign({ sub: 'ann' });
    expect(await refusal(url, { auth: { token, userId: 'bob' } })).toEqual(
      forbidden('auth.userId: is not the user of the token'),
    );
    const bob = await connectAs(other, { sub: 'bob' });
    const ann = await connect(url, withToken(token));
    for (const login of [
      { userId: 'bob' },
      { userId: 'ann', tokenId: 'bob' },
      { userId: 'bob', socketId: bob.socket.id },
    ]) {
      expect(await errorOf(ann.ask('user_login', login))).toEqual(
        forbidden('userId: is not the user of the token'),
      );
    }
    expect((await ann.do('user_login', { userId: 'ann' })).user.id).toBe('ann');
    const carl = await connectAs(url, { sub: 'carl' });
    for (const to of ['bob', 'ann']) await carl.do('private', { to, text: `for ${to}` });
    await eventually(() => expect(heardOf(ann, 'private')).toMatchObject([{ to: 'ann', text: 'for ann' }]));
    for (const member of [ann, bob, carl]) member.close();
  });

  it('keeps a token’s name, whatever a join gives', async () => {
    const [ann, bob] = [
      await enterAs(url, 'names', { sub: 'ann', name: 'Ann', avatar: '1.jpg' }),
      await enterAs(other, 'names', { sub: 'bob' }),
    ];
    await ann.do('join', { username: 'Bob', avatar: '2.jpg' });
    await ann.do('say', { text: 'who am I' });
    await bob.do('join', { username: 'Bob' });
    await bob.do('say', { text: 'and I' });
    await eventually(() =>
      expect(bob.said.map(({ data }) => [data.userId, data.username, data.avatar])).toEqual([
        ['ann', 'Ann', '1.jpg'],
        ['bob', 'Bob', undefined],
      ]),
    );
    for (const member of [ann, bob]) member.close();
  });

  it('allows only the rooms of the token, and does not reveal others', async () => {
    const bob = await enterAs(url, 'secret', { sub: 'bob' });
    const ann = await connectAs(url, { sub: 'ann', rooms: ['own', 'team-*'] });
    for (const roomid of ['secret', 'no such room', 'team', 'lobby']) {
      const lacks = (right: string) => forbidden(`roomid: the right ${right} is missing in ${roomid}`);
      expect(await errorOf(ann.ask('join', { roomid }))).toEqual(lacks('read'));
      expect(await errorOf(ann.ask('say', { roomid, text: 'x' }))).toEqual(lacks('say'));
      expect(await errorOf(ann.ask('room:history', { roomid }))).toEqual(lacks('read'));
      expect(await errorOf(ann.ask('private', { roomid, toName: 'said', text: 'x' }))).toEqual(lacks('say'));
    }
    expect(await errorOf(ann.ask('join'))).toMatchObject({ code: 'forbidden' });
    expect(await errorOf(ann.ask('textmsg', 'x'))).toMatchObject({ code: 'forbidden' });
    expect(await errorOf(ann.ask('leave', { roomid: 'secret' }))).toMatchObject({ code: 'not_joined' });
    for (const roomid of ['own', 'team-1']) {
      await ann.do('join', { roomid });
      await ann.do('say', { roomid, text: 'x' });
    }
    await bob.do('say', { text: 'for members' });
    expect(ann.messages.filter(({ roomid }) => roomid === 'secret')).toEqual([]);
    for (const member of [ann, bob]) member.close();
  });

  it('refuses a forbidden room in the address', async () => {
    const token = await sign({ sub: 'ann', name: 'Ann', rooms: ['own'] });
    const ann = await connect(url, withToken(token, { query: { roomid: 'secret' } }));
    await eventually(() =>
      expect(heardOf(ann, 'refused')).toEqual([
        { event: 'join', error: forbidden('roomid: the right read is missing in secret') },
      ]),
    );
    expect(heardOf(ann, 'joined')).toEqual([]);
    ann.close();
  });

  it('does not deliver the lobby to a client without the right to it', async () => {
    const ann = await connectAs(url, { sub: 'ann', rooms: ['own'] });
    const bob = await connectAs(other, { sub: 'bob' });
    const carl = await connectAs(url, { sub: 'carl' });
    await bob.do('textmsg', 'to the lobby');
    await eventually(() => expect(heardOf(carl, 'textmsg')).toEqual(['to the lobby']));
    await ann.do('token:refresh', { token: await sign({ sub: 'ann', rooms: ['lobby'] }) });
    await carl.do('token:refresh', { token: await sign({ sub: 'carl', rooms: ['own'] }) });
    await bob.do('textmsg', 'again');
    await eventually(() => expect(heardOf(ann, 'textmsg')).toEqual(['again']));
    await bob.do('private', { to: 'carl', text: 'the last' });
    await eventually(() => expect(heardOf(carl, 'private')).toHaveLength(1));
    expect(heardOf(carl, 'textmsg')).toEqual(['to the lobby']);
    for (const member of [ann, bob, carl]) member.close();
  });

  it.concurrent.each([['websocket'], ['polling']])(
    'ends a connection with its token, over %s, unless the token was refreshed before',
    async (transport) => {
      const short = { sub: 'ann', name: 'Ann' };
      const options = { transports: [transport] };
      const [ann, bob] = [
        // By a clock that may be 5 s off it has just ended.
        await connect(url, withToken(await sign(short, 0), options)),
        await connect(url, withToken(await sign({ sub: 'bob' }, 0), options)),
      ];
      for (const { socket, heard } of [ann, bob]) {
        await eventually(() =>
          expect(heard.find(({ event }) => event === 'token:expiring')?.data).toEqual({ inMs: 0 }),
        );
        expect(socket.connected).toBe(true);
      }
      const token = await sign(short, 600);
      const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      expect(await ann.do('token:refresh', { token })).toMatchObject({ expiresAt: exp * 1_000, left: [] });
      await eventually(() => expect(bob.socket.connected).toBe(false));
      expect(heardOf(bob, 'bye')).toEqual([
        { code: 3500, reason: 'the token has expired', reconnect: true, afterMs: 0 },
      ]);
      expect((await ann.do('join', { roomid: 'still here' })).roomid).toBe('still here');
      expect(heardOf(ann, 'bye')).toEqual([]);
      ann.close();
    },
  );

  it('lets a stock client reconnect by itself with its next token', async () => {
    // Signed when they are sent: the first holds 3 s.
    const leftS = [-2, 600];
    const ann = await connect(url, {
      auth: async (give) => give({ token: await sign({ sub: 'ann' }, leftS.shift()) }),
      reconnection: true,
      reconnectionDelay: 50,
    });
    await eventually(() => expect(heardOf(ann, 'hello')).toHaveLength(2));
    expect(heardOf(ann, 'bye')).toHaveLength(1);
    ann.close();
  });

  it('keeps a connection unchanged if a refresh is refused', async () => {
    const ann = await enterAs(url, 'refused', { sub: 'ann' });
    const refused: [string, object][] = [
      [await sign({ sub: 'bob' }), forbidden('token: belongs to another user')],
      [
        await sign({ sub: 'ann' }, -60),
        { code: 'unauthorized', message: 'token: expired', temporary: false },
      ],
      [await sign({ sub: 'ann' }, 60, `${SECRET}x`), INVALID],
      ['x', INVALID],
    ];
    for (const [token, error] of refused) {
      expect(await errorOf(ann.ask('token:refresh', { token }))).toEqual(error);
    }
    expect((await ann.do('say', { text: 'still here' })).roomid).toBe('refused');
    ann.close();
  });

  it('removes rooms and gives a new name with the next token', async () => {
    const ann = await connectAs(url, { sub: 'ann', name: 'Ann' });
    for (const roomid of ['kept', 'lost']) await ann.do('join', { roomid });
    const bob = await connectAs(other, { sub: 'bob', name: 'Bob' });
    for (const roomid of ['kept', 'lost']) await bob.do('join', { roomid });
    await ann.do('say', { roomid: 'lost', text: 'goodbye' });
    const token = await sign({ sub: 'ann', name: 'Anna', rooms: ['kept'] });
    expect(await ann.do('token:refresh', { token })).toMatchObject({ left: ['lost'] });
    expect(ann.said.map(({ data }) => data.text)).toEqual(['goodbye']);
    for (const event of ['say', 'join', 'room:history'] as const) {
      const payload = event === 'say' ? { roomid: 'lost', text: 'x' } : { roomid: 'lost' };
      expect(await errorOf(ann.ask(event, payload))).toEqual(
        forbidden(`roomid: the right ${event === 'say' ? 'say' : 'read'} is missing in lost`),
      );
    }
    await eventually(() =>
      expect(bob.messages).toContainEqual(
        expect.objectContaining({ event: 'broadcast_quit', roomid: 'lost', data: expect.anything() }),
      ),
    );
    await bob.do('say', { roomid: 'lost', text: 'not for her' });
    await ann.do('say', { roomid: 'kept', text: 'my new name' });
    await eventually(() => expect(bob.said.at(-1)?.data).toMatchObject({ username: 'Anna', userId: 'ann' }));
    expect(ann.said.map(({ data }) => data.text)).not.toContain('not for her');
    for (const member of [ann, bob]) member.close();
  });

  it('accepts the token of the Authorization header', async () => {
    const token = await sign({ sub: 'ann' });
    const ann = await connect(url, { extraHeaders: { authorization: `Bearer ${token}` } });
    expect(ann.hello.user.id).toBe('ann');
    ann.close();
    expect(await refusal(url, { extraHeaders: { authorization: 'Bearer x' } })).toEqual(INVALID);
  });

  it('accepts the token of a cookie from pages of its own host only', async () => {
    const cookie = `token=${await sign({ sub: 'ann' })}`;
    const own: Record<string, string>[] = [
      { cookie },
      { cookie, origin: 'http://127.0.0.1' },
      { cookie, 'sec-fetch-site': 'same-origin' },
    ];
    for (const extraHeaders of own) {
      const ann = await connect(url, { extraHeaders });
      expect(ann.hello.user.id).toBe('ann');
      ann.close();
    }
    const crossSite = { cookie, 'sec-fetch-site': 'cross-site' };
    expect(await refusal(url, { extraHeaders: crossSite })).toEqual(MISSING);
    // The engine refuses a foreign page before it is looked at for a token.
    const foreign = { cookie, origin: 'https://evil.example' };
    for (const transport of ['websocket', 'polling']) {
      expect(await refusal(url, { extraHeaders: foreign, transports: [transport] })).toEqual(
        expect.stringContaining('error'),
      );
    }
    const asked = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers: foreign });
    expect(asked.status).toBe(403);
  });

  it('accepts the token that roomcast token prints', async () => {
    const args = ['token', 'ann', '--name', 'Ann', '--rooms', 'a', '--ttl', '1m'];
    const { child, output } = runRoomcast(args, { AUTH_SECRET: SECRET });
    expect(await once(child, 'close')).toEqual([0, null]);
    const { stdout, stderr } = output();
    expect(stderr).toBe('');
    const token = stdout.trim();
    made.add(token);
    const ann = await connect(url, withToken(token));
    expect(ann.hello.user).toEqual({ id: 'ann', name: 'Ann' });
    expect(await errorOf(ann.ask('join', { roomid: 'b' }))).toMatchObject({ code: 'forbidden' });
    ann.close();
  });

  it('writes no token, and nothing of one, into its logs', () => expectNoSecrets(stage.system.hosts));
});

describe('token mode with CORS_ORIGIN', () => {
  async function withHost(corsOrigin: string, test: (url: string) => Promise<void>): Promise<void> {
    const host = await startHost({ workers: 1, env: { ...ENV, CORS_ORIGIN: corsOrigin } });
    try {
      await test(host.url);
    } finally {
      await host.stop();
      await host.remove();
    }
  }

  it('* accepts no token from a cookie', () =>
    withHost('*', async (url) => {
      const token = await sign({ sub: 'ann' });
      const cookie = `token=${token}`;
      const senders: Record<string, string>[] = [
        {},
        { origin: 'http://127.0.0.1' },
        { origin: 'https://any.example' },
      ];
      for (const sender of senders) {
        expect(await refusal(url, { extraHeaders: { ...sender, cookie } })).toEqual(MISSING);
      }
      const ann = await connect(url, withToken(token, { extraHeaders: { origin: 'https://any.example' } }));
      expect(ann.hello.user.id).toBe('ann');
      ann.close();
    }));

  it('that names pages and applications accepts cookies from them and from no other', () =>
    withHost('https://app.example,https://*.team.example,capacitor://localhost', async (url) => {
      const cookie = `token=${await sign({ sub: 'ann' })}`;
      for (const origin of ['https://app.example', 'https://a.team.example', 'capacitor://localhost']) {
        const ann = await connect(url, { extraHeaders: { cookie, origin } });
        expect(ann.hello.user.id).toBe('ann');
        ann.close();
        const polling = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
        expect(polling.headers.get('access-control-allow-origin')).toBe(origin);
      }
      for (const origin of ['http://127.0.0.1', 'https://team.example', 'ionic://localhost', 'null']) {
        const refused = await refusal(url, { extraHeaders: { cookie, origin } });
        expect([origin, refused]).toEqual([origin, expect.stringContaining('error')]);
      }
    }));
});

describe.each(MODES)('token mode with a key set, %s', (mode) => {
  let issuer: KeyServer;
  beforeAll(async () => {
    issuer = await openKeyServer();
  });
  afterAll(() => issuer?.close());
  const stage = systemFixture(mode, () => ({ ...ENV, AUTH_JWKS_URL: issuer.url }), { workersEach: 1 });

  async function tokenOf(key: Awaited<ReturnType<KeyServer['turn']>>, claims: JWTPayload): Promise<string> {
    const token = await key.sign({ ...claims, exp: Math.floor(Date.now() / 1_000) + 600 });
    made.add(token);
    return token;
  }

  it('follows the issuer from one key to the next', async () => {
    const first = await issuer.turn('add', 'RS256');
    const old = await tokenOf(first, { sub: 'ann' });
    const before = await connect(stage.at(0), withToken(old));
    const next = await issuer.turn('replace', 'RS256');
    const token = await tokenOf(next, { sub: 'ann' });
    // A set that was read less than 5 s ago is not read again for a name it does not have.
    const after = await eventually(() => connect(stage.at(0), withToken(token)), { interval: 200 });
    expect(after.hello.user.id).toBe('ann');
    // Now this worker has read the set that no longer has the old key.
    expect(await refusal(stage.at(0), withToken(old))).toEqual(INVALID);
    expect(before.socket.connected).toBe(true);
    await before.do('token:refresh', { token });
    for (const member of [before, after]) member.close();
  });

  it('accepts tokens of the secret too, but none signed with the public keys', async () => {
    const key = await issuer.turn('replace', 'RS256', 'shown');
    const ann = await connectAs(stage.at(0), { sub: 'ann' });
    ann.close();
    const forged = await new SignJWT({ sub: 'ann' })
      .setProtectedHeader({ alg: 'HS256', kid: 'shown' })
      .sign(new TextEncoder().encode(key.pem));
    made.add(forged);
    expect(await refusal(stage.at(0), withToken(forged))).toEqual(INVALID);
  });

  it('answers unavailable for a while if the set cannot be read', async () => {
    const key = await issuer.turn('replace', 'RS256');
    const token = await tokenOf(key, { sub: 'ann' });
    issuer.answer('error');
    const worker = stage.system.workerUrls.at(-1) as string;
    expect(await refusal(worker, withToken(token))).toEqual({
      code: 'unavailable',
      message: 'token: cannot be checked now',
      temporary: true,
      retryAfterMs: 1_000,
    });
    issuer.answer('keys');
    const ann = await eventually(() => connect(worker, withToken(token)), { interval: 200 });
    ann.close();
  });

  it('writes no token, and nothing of one, into its logs', () => expectNoSecrets(stage.system.hosts));
});
