import type { IncomingHttpHeaders } from 'node:http';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createIdentities } from '../../../src/chat/identity.ts';
import { createReservedNames } from '../../../src/chat/reserved-names.ts';
import { authenticate } from '../../../src/server/auth/handshake.ts';
import { createTokenIdentities } from '../../../src/server/auth/tokens.ts';
import type { AllowedOrigins } from '../../../src/server/transport/origins.ts';
import { silentLog } from '../../cluster/silent-log.ts';

const SECRET = 'a secret that is long enough for HS256';

function handshake(query: string, auth?: unknown) {
  const url = `/socket.io/?EIO=4&${query}`;
  const parsed = Object.fromEntries(new URL(url, 'http://x').searchParams);
  const deps = {
    identities: createIdentities('s', () => 0, createReservedNames(['Support'])),
    corsOrigin: undefined,
  };
  return authenticate({ url, query: parsed, auth, headers: {} }, deps);
}

function tokenFor(sub: string): Promise<string> {
  return new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
}

/** Who comes in in token mode, or the code of the refusal. */
async function visitor(auth: unknown, headers: IncomingHttpHeaders = {}, corsOrigin?: AllowedOrigins) {
  const identities = createTokenIdentities({ secret: SECRET, now: Date.now, log: silentLog });
  const given = { url: '/', query: {}, auth, headers: { host: 'chat.example:3000', ...headers } };
  const answer = await authenticate(given, { identities, corsOrigin });
  return answer.ok ? answer.value.identity.user.id : answer.error.code;
}

describe('a handshake', () => {
  it('names room and user', async () =>
    expect(await handshake('roomid=k12&username=Ann&avatar=1.jpg')).toMatchObject({
      ok: true,
      value: { roomid: 'k12', identity: { named: true, user: { name: 'Ann', avatar: '1.jpg' } } },
    }));

  it('prefers auth to the address', async () =>
    expect(await handshake('username=Ann', { username: 'Bob', userId: 7 })).toMatchObject({
      value: { identity: { user: { id: '7', name: 'Bob' } } },
    }));

  it('takes null and an empty text for absent', async () => {
    const blank = { username: null, avatar: '', userId: null, guestToken: '', resume: null, inbox: null };
    const answer = await handshake('roomid=&username=Ann&avatar=', blank);
    expect(answer).toMatchObject({ ok: true, value: { identity: { user: { name: 'Ann' } } } });
    expect(answer).toMatchObject({ value: { roomid: undefined, resume: undefined, inbox: undefined } });
    expect(answer.ok && answer.value.identity.user.avatar).toBeUndefined();
  });

  it('gives the device’s position, in its room and in its inbox', async () => {
    const auth = { resume: { epoch: 'e', seq: 3 }, inbox: { epoch: 'i', seq: 4 } };
    expect(await handshake('', auth)).toMatchObject({ value: auth });
  });

  it.each([
    [{}, false],
    [{ changes: true }, false],
    [{ changes: true, moves: true, connectId: 'tab' }, false],
    [{ moves: true }, true],
    [{ connectId: 'tab' }, true],
  ])('tells SDKs from before messages changed from stock clients: %j', async (auth, older) => {
    expect(await handshake('', auth)).toMatchObject({ value: { older } });
  });

  it.each([
    ['roomid=a&roomid=b', undefined, 'roomid'],
    ['roomid=a&%72oomid=b', undefined, 'roomid'],
    ['roomid=a&roomid', undefined, 'roomid'],
    ['roomid&roomid=a', undefined, 'roomid'],
    ['roomid=a%23b', undefined, 'roomid'],
    ['avatar=javascript:x', undefined, 'avatar'],
    ['username=Room%43ast', undefined, 'username'],
    ['username=A%E2%80%8Bnn', undefined, 'username'],
    ['username=SUPP%D0%9ERT', undefined, 'username'],
    ['', { username: 'rооmcast' }, 'auth.username'],
    ['roomid=a%E3%85%A4', undefined, 'roomid'],
    ['', { username: 'roomcast' }, 'auth.username'],
    ['', { userId: 'roomcast' }, 'auth.userId'],
    ['', { guestToken: '\ud800' }, 'auth.guestToken'],
    ['', { inbox: { epoch: '\udfff', seq: 1 } }, 'auth.inbox.epoch'],
    ['', { userId: {} }, 'auth.userId'],
    ['', { userId: 2 ** 53 }, 'auth.userId'],
    ['', { resume: { epoch: 'e' } }, 'auth.resume.seq'],
    ['', 'text', 'auth.payload'],
  ])('with %j and %j is a bad request that names %s', async (query, auth, field) => {
    const refused = await handshake(query, auth);
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad_request', temporary: false } });
    expect(refused.ok || refused.error.message).toContain(`${field}:`);
  });

  it('accepts any legal name', async () => {
    expect(await handshake('roomid=__proto__')).toMatchObject({ value: { roomid: '__proto__' } });
    expect(await handshake('username=constructor')).toMatchObject({ ok: true });
  });

  it.each(['x', '', 7, null])('is not searched for a token in open mode, such as %j', async (token) =>
    expect(await handshake('', { token, userId: 'ann' })).toMatchObject({
      value: { identity: { user: { id: 'ann' } } },
    }),
  );
});

describe('the token of a handshake', () => {
  it('is auth.token, else the Authorization header, else the cookie', async () => {
    const [ann, bob, carl] = await Promise.all(['ann', 'bob', 'carl'].map(tokenFor));
    const cookie = `token=${carl}`;
    expect(await visitor({ token: ann }, { authorization: `Bearer ${bob}`, cookie })).toBe('ann');
    expect(await visitor({}, { authorization: `Bearer ${bob}`, cookie })).toBe('bob');
    for (const token of [null, '']) {
      expect(await visitor({ token }, { authorization: `bearer  ${bob} ` })).toBe('bob');
    }
    expect(await visitor(undefined, { cookie })).toBe('carl');
    expect(await visitor(undefined, { authorization: 'Basic eDp5', cookie })).toBe('carl');
    expect(await visitor(undefined)).toBe('unauthorized');
  });

  it('that is invalid is not skipped for a valid one in a later place', async () => {
    const good = await tokenFor('ann');
    const headers = { authorization: `Bearer ${good}`, cookie: `token=${good}` };
    for (const token of ['x', ' ', 7, {}, [good], 'x'.repeat(8_193)]) {
      expect(await visitor({ token }, headers)).toBe('unauthorized');
    }
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer x']) {
      expect(await visitor({}, { ...headers, authorization })).toBe('unauthorized');
    }
  });

  it('is found among other cookies, in quotes and escaped', async () => {
    const token = await tokenFor('ann');
    const escaped = [...token].map((char) => (char === '.' ? '%2E' : char)).join('');
    for (const cookie of [
      `a=b; token=${token}; c="d"`,
      `a;token="${token}"`,
      `token = ${token}`,
      `token=${escaped}`,
      `xtoken=x; token=${token}; token=later`,
    ]) {
      expect(await visitor(undefined, { cookie })).toBe('ann');
    }
    for (const cookie of [
      '',
      'token',
      'token=',
      '=x',
      'token=%',
      'token=%zz',
      `xtoken=${token}`,
      `Token=${token}`,
    ]) {
      expect(await visitor(undefined, { cookie })).toBe('unauthorized');
    }
  });

  it.each<[IncomingHttpHeaders, AllowedOrigins, boolean]>([
    [{}, undefined, true],
    [{ origin: 'https://chat.example' }, undefined, true],
    [{ origin: 'https://evil.example' }, undefined, false],
    [{ origin: 'null' }, undefined, false],
    [{ 'sec-fetch-site': 'same-origin' }, undefined, true],
    [{ 'sec-fetch-site': 'none' }, undefined, true],
    [{ 'sec-fetch-site': 'same-site' }, undefined, false],
    [{ 'sec-fetch-site': 'cross-site' }, undefined, false],
    [{ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, ['https://app.example'], true],
    [{ origin: 'https://chat.example' }, ['https://app.example'], false],
    [{ 'sec-fetch-site': 'cross-site' }, ['https://app.example'], false],
    [{}, '*', false],
    [{ origin: 'https://chat.example' }, '*', false],
    [{ 'sec-fetch-site': 'same-origin' }, '*', false],
  ])('is taken from a cookie with %j and CORS_ORIGIN %j: %j', async (headers, corsOrigin, taken) => {
    const token = await tokenFor('ann');
    const cookie = `token=${token}`;
    expect(await visitor(undefined, { ...headers, cookie }, corsOrigin)).toBe(taken ? 'ann' : 'unauthorized');
    expect(await visitor({ token }, { ...headers, cookie }, corsOrigin)).toBe('ann');
  });
});
