import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Access, Credentials, Identity } from '../../../src/chat/identity.ts';
import { createTokenIdentities } from '../../../src/server/auth/tokens.ts';
import { silentLog } from '../../cluster/silent-log.ts';
import { type KeyServer, openKeyServer } from '../../support/key-server.ts';

const SECRET = 'a secret that is long enough for HS256';
const NOW_S = 1_800_000_000;
const INVALID = { ok: false, error: { code: 'unauthorized', message: 'token: not valid', temporary: false } };
const EXPIRED = { ok: false, error: { code: 'unauthorized', message: 'token: expired', temporary: false } };

const bySecret = createTokenIdentities({ secret: SECRET, now: () => NOW_S * 1_000, log: silentLog });

function sign(claims: JWTPayload, secret = SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

async function identify(claims: object, claim: Credentials = {}) {
  return bySecret.identify({ ...claim, token: await sign(claims as JWTPayload) });
}

async function become(claims: object, claim?: Credentials): Promise<Identity> {
  const identity = await identify(claims, claim);
  if (!identity.ok) throw new Error(identity.error.message);
  return identity.value;
}

describe('who a client is, in token mode', () => {
  it.each([5, null, {}, ['a'], true])(
    'is nobody with the jti %j, which no back end could revoke',
    async (jti) => {
      expect(await identify({ sub: 'ann', jti })).toEqual(INVALID);
    },
  );

  it('is the user of the token, until its end', async () => {
    const identity = await become({ sub: 'ann', name: ' Ann ', avatar: '1.jpg', exp: NOW_S + 60 });
    expect(identity).toMatchObject({
      user: { id: 'ann', name: 'Ann', avatar: '1.jpg' },
      named: true,
      fixed: { name: true, avatar: true },
      known: true,
      access: { expiresAt: (NOW_S + 60) * 1_000 },
    });
    expect(identity.guestToken).toBeUndefined();
  });

  it('cannot choose its user id, and its name only if the token gives none', async () => {
    const said = { username: 'Bob', avatar: '2.jpg' };
    expect((await become({ sub: 'ann', name: 'Ann', avatar: '1.jpg' }, said)).user).toEqual({
      id: 'ann',
      name: 'Ann',
      avatar: '1.jpg',
    });
    expect(await become({ sub: 'ann' }, said)).toMatchObject({
      user: { id: 'ann', name: 'Bob', avatar: '2.jpg' },
      named: true,
      fixed: { name: false, avatar: false },
    });
    const forged = await identify({ sub: 'ann' }, { userId: 'bob' });
    expect(forged).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(await identify({ sub: 'ann' }, { userId: 'ann' })).toMatchObject({ ok: true });
  });

  it('has a generated name if it gives none, the same in every tab', async () => {
    const [one, two] = [await become({ sub: 'ann' }), await become({ sub: 'ann' })];
    expect(one).toMatchObject({ named: false, user: { name: expect.stringMatching(/^guest-[0-9a-f]{4}$/) } });
    expect(two.user).toEqual(one.user);
  });

  it('has the name that it gives if the name in the token is invalid', async () => {
    const identity = await become(
      { sub: 'ann', name: 'x'.repeat(33), avatar: 'javascript:x' },
      { username: 'A' },
    );
    expect(identity).toMatchObject({ user: { name: 'A' }, fixed: { name: false, avatar: false } });
    expect(identity.user.avatar).toBeUndefined();
    for (const name of ['Ann\u200b', 'Roomcast']) {
      expect(await become({ sub: 'ann', name }, { username: 'A' })).toMatchObject({ user: { name: 'A' } });
    }
  });

  it('accepts an exact number as an id, and no inexact one', async () => {
    expect((await become({ sub: 7 })).user.id).toBe('7');
    expect(await identify({ sub: 2 ** 53 })).toEqual(INVALID);
  });

  it('logs in as itself and as no other user', async () => {
    const ann = await become({ sub: 'ann' });
    expect(bySecret.login(ann, 'ann')).toMatchObject({ ok: true, value: ann });
    expect(bySecret.login(ann, 'bob')).toMatchObject({ ok: false, error: { code: 'forbidden' } });
  });
});

describe('a token', () => {
  it('is needed', async () =>
    expect(await bySecret.identify({ userId: 'ann' })).toMatchObject({
      error: { code: 'unauthorized', temporary: false },
    }));

  it.each([
    ['no subject', {}],
    ['an empty subject', { sub: '' }],
    ['a subject that is no id', { sub: 'a#b' }],
    ['a subject that is an object', { sub: {} }],
    ['a subject with what nobody sees', { sub: 'ann\u3164' }],
    ['the server’s own name for a subject', { sub: 'RoomCast' }],
    ['a time to begin that is to come', { sub: 'ann', nbf: NOW_S + 6 }],
    ['a time it was made at that is to come', { sub: 'ann', iat: NOW_S + 6 }],
    ['such a time that is no number', { sub: 'ann', iat: `${NOW_S}` }],
    ['an end that is no number', { sub: 'ann', exp: `${NOW_S + 60}` }],
    ['an end that is null', { sub: 'ann', exp: null }],
    ['rooms that are one text', { sub: 'ann', rooms: 'lobby' }],
    ['rooms that are null', { sub: 'ann', rooms: null }],
    ['rooms of which one is no room', { sub: 'ann', rooms: ['lobby', 'a*b'] }],
    ['rooms of which one is a number that is not exact', { sub: 'ann', rooms: ['lobby', 2 ** 53] }],
  ])('with %s is not valid', async (_, claims) => expect(await identify(claims)).toEqual(INVALID));

  it('may be by a clock that is 5 s off, and no more', async () => {
    for (const claims of [{ nbf: NOW_S + 5 }, { iat: NOW_S + 5 }, { nbf: NOW_S + 1, iat: NOW_S + 1 }]) {
      expect(await identify({ sub: 'ann', ...claims })).toMatchObject({ ok: true });
    }
    expect(await identify({ sub: 'ann', exp: NOW_S - 5 })).toEqual(EXPIRED);
    expect(await become({ sub: 'ann', exp: NOW_S - 4 })).toMatchObject({
      access: { expiresAt: (NOW_S - 4) * 1_000 },
    });
    expect((await become({ sub: 'ann', exp: 1e300 })).access.expiresAt).toBe(8.64e15);
  });

  it('signed in another way is not valid, and no token at all is not either', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const claims = { sub: 'ann' };
    const good = await sign(claims);
    const [header, , signature] = good.split('.');
    const other = Buffer.from(JSON.stringify({ sub: 'bob' })).toString('base64url');
    for (const token of [
      await sign(claims, 'another secret that is long enough'),
      await sign(claims, SECRET, 'HS512'),
      await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
      new UnsecuredJWT(claims).encode(),
      `${header}.${other}.${signature}`,
      good.slice(0, -5),
      `${good}x`,
      'x',
      '',
      '..',
      'null',
    ]) {
      expect(await bySecret.identify({ token })).toEqual(INVALID);
    }
    expect(await bySecret.identify({ token: good })).toMatchObject({ ok: true });
  });

  it('that is forged and expired is reported as not valid', async () => {
    const token = await sign({ sub: 'ann', exp: 1 }, 'another secret that is long enough');
    expect(await bySecret.identify({ token })).toEqual(INVALID);
  });

  it('opens the rooms it names, and all when it names none', async () => {
    const { access } = await become({ sub: 'ann', rooms: ['lobby', 'team-*', 7] });
    const rooms = ['lobby', 'team-a', '7', 'team', 'lobby2'];
    const opened = ({ rightsIn }: Access) => rooms.filter((roomid) => rightsIn(roomid).length > 0);
    expect(opened(access)).toEqual(['lobby', 'team-a', '7']);
    expect(opened((await become({ sub: 'ann' })).access)).toEqual(rooms);
    expect(opened((await become({ sub: 'ann', rooms: [] })).access)).toEqual([]);
  });

  it('gives the rights it states, those of all matching entries together', async () => {
    const { access } = await become({
      sub: 'ann',
      rooms: [
        'lobby',
        { room: 'news', can: ['read'] },
        { room: 'team-*', can: ['say', 'read'] },
        { room: 'team-a', can: ['moderate'] },
        { room: 'team-a', can: ['read', 'read'] },
        { room: 'mute', can: ['say', 'react', 'moderate'] },
        { room: 'shut', can: [] },
      ],
    });
    const rooms = ['lobby', 'news', 'team-a', 'team-b', 'team', 'mute', 'shut', 'other', '__proto__'];
    expect(rooms.map((roomid) => access.rightsIn(roomid))).toEqual([
      ['read', 'say', 'react'],
      ['read'],
      ['read', 'say', 'moderate'],
      ['read', 'say'],
      ...['team', 'mute', 'shut', 'other', '__proto__'].map(() => []),
    ]);
    expect((await become({ sub: 'ann' })).access.rightsIn('any')).toEqual(['read', 'say', 'react']);
  });

  it.each([
    { room: 'a', can: ['read', 'write'] },
    { room: 'a', can: 'read' },
    { room: 'a' },
    { can: ['read'] },
    { room: ['a'], can: ['read'] },
    { room: 'a#', can: ['read'] },
    { room: 'a', can: [['read']] },
    { room: 'a', can: ['__proto__'] },
    null,
    ['a'],
  ])('is not valid with %j among its rooms', async (entry) => {
    const token = await sign({ sub: 'ann', rooms: ['b', entry] });
    expect(await bySecret.identify({ token })).toEqual(INVALID);
  });
});

describe('a token of another application', () => {
  const own = { audience: 'chat', issuer: 'https://id.example/' };

  async function takes(claims: object, settings: object = own): Promise<boolean> {
    const deps = { secret: SECRET, now: () => NOW_S * 1_000, log: silentLog, ...settings };
    const token = await sign({ sub: 'ann', ...claims });
    const identity = await createTokenIdentities(deps).identify({ token });
    if (!identity.ok) expect(identity).toEqual(INVALID);
    return identity.ok;
  }

  it('is not valid where audience and issuer are set', async () => {
    const iss = own.issuer;
    expect(await takes({ aud: 'chat', iss })).toBe(true);
    expect(await takes({ aud: ['shop', 'chat'], iss })).toBe(true);
    for (const claims of [
      {},
      { aud: 'chat' },
      { iss },
      { aud: 'shop', iss },
      { aud: ['shop'], iss },
      { aud: 'chat', iss: 'https://id.example' },
      { aud: 'Chat', iss },
      { aud: null, iss },
    ]) {
      expect([claims, await takes(claims)]).toEqual([claims, false]);
    }
  });

  it('is checked by the settings, and by nothing if there are none', async () => {
    expect(await takes({ aud: 'chat', iss: 'any' }, { audience: 'chat' })).toBe(true);
    expect(await takes({ iss: own.issuer }, { issuer: own.issuer })).toBe(true);
    expect(await takes({ aud: 'shop' }, { audience: 'chat' })).toBe(false);
    expect(await takes({ aud: 'shop', iss: 'any' }, {})).toBe(true);
  });

  it('is not valid for a refresh either', async () => {
    const deps = { secret: SECRET, now: () => NOW_S * 1_000, log: silentLog, ...own };
    const ann = await become({ sub: 'ann' });
    const token = await sign({ sub: 'ann', aud: 'shop', iss: own.issuer });
    expect(await createTokenIdentities(deps).refresh(ann, token)).toEqual(INVALID);
  });
});

describe('a token refresh', () => {
  it('takes the claims of the new token, and keeps the name if it has none', async () => {
    const before = await become({ sub: 'ann', name: 'Ann', avatar: '1.jpg', exp: NOW_S + 1 });
    const claims = { sub: 'ann', avatar: '2.jpg', rooms: ['a'], exp: NOW_S + 60 };
    const after = await bySecret.refresh(before, await sign(claims));
    expect(after).toMatchObject({
      ok: true,
      value: {
        user: { id: 'ann', name: 'Ann', avatar: '2.jpg' },
        named: true,
        fixed: { name: false, avatar: true },
        access: { expiresAt: (NOW_S + 60) * 1_000 },
      },
    });
    expect(after.ok && after.value.access.rightsIn('b')).toEqual([]);
  });

  it('does not change the user, and refuses an invalid token', async () => {
    const ann = await become({ sub: 'ann' });
    const other = await bySecret.refresh(ann, await sign({ sub: 'bob' }));
    expect(other).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(await bySecret.refresh(ann, await sign({ sub: 'ann', exp: NOW_S - 5 }))).toEqual(EXPIRED);
    expect(await bySecret.refresh(ann, 'x')).toEqual(INVALID);
  });
});

describe('tokens of a key set', () => {
  let issuer: KeyServer | undefined;
  afterEach(async () => {
    vi.useRealTimers();
    await issuer?.close();
    issuer = undefined;
  });

  async function open(secret?: string) {
    // The key set is read again by the clock; timers stay, the network needs them.
    vi.useFakeTimers({ toFake: ['Date'] });
    issuer = await openKeyServer();
    const deps = { secret, jwksUrl: issuer.url, now: Date.now, log: silentLog };
    return { issuer, identities: createTokenIdentities(deps) };
  }
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it.each(['RS256', 'PS384', 'ES512', 'EdDSA'])('are good when signed with %s', async (alg) => {
    const { issuer, identities } = await open();
    const key = await issuer.turn('add', alg);
    const token = await key.sign({ sub: 'ann' });
    expect(await identities.identify({ token })).toMatchObject({ ok: true, value: { user: { id: 'ann' } } });
  });

  it('are not good when signed with what everybody can read', async () => {
    for (const secret of [undefined, SECRET]) {
      const { issuer, identities } = await open(secret);
      const { pem } = await issuer.turn('add', 'RS256', 'one');
      const forged = await new SignJWT({ sub: 'ann' })
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(new TextEncoder().encode(pem));
      expect(await identities.identify({ token: forged })).toEqual(INVALID);
      const none = new UnsecuredJWT({ sub: 'ann' }).encode();
      expect(await identities.identify({ token: none })).toEqual(INVALID);
      await issuer.close();
    }
    issuer = undefined;
  });

  it('are not good for another audience, whose keys are the same', async () => {
    const { issuer } = await open();
    const deps = { jwksUrl: issuer.url, audience: 'chat', now: Date.now, log: silentLog };
    const identities = createTokenIdentities(deps);
    // Without a `kid` each key is tried.
    for (const key of [await issuer.turn('add', 'ES256', null), await issuer.turn('add', 'ES256', null)]) {
      expect(await identities.identify({ token: await key.sign({ sub: 'ann', aud: 'chat' }) })).toMatchObject(
        {
          ok: true,
        },
      );
      for (const claims of [{ aud: 'shop' }, {}, { aud: 'chat', iat: 4_000_000_000 }]) {
        const token = await key.sign({ sub: 'ann', ...claims });
        expect(await identities.identify({ token })).toEqual(INVALID);
      }
    }
  });

  it('stand beside those signed with the secret, each with its own key only', async () => {
    const { issuer, identities } = await open(SECRET);
    const key = await issuer.turn('add');
    const tokens = [await key.sign({ sub: 'ann' }), await sign({ sub: 'bob' })];
    for (const token of tokens) expect(await identities.identify({ token })).toMatchObject({ ok: true });
    const alone = createTokenIdentities({ jwksUrl: issuer.url, now: Date.now, log: silentLog });
    expect(await alone.identify({ token: tokens[1] as string })).toEqual(INVALID);
    expect(await bySecret.identify({ token: tokens[0] as string })).toEqual(INVALID);
  });

  it('are valid with a later key, and unknown key ids do not make the server read the set at will', async () => {
    const { issuer, identities } = await open();
    const old = await issuer.turn('add');
    expect(await identities.identify({ token: await old.sign({ sub: 'ann' }) })).toMatchObject({ ok: true });
    const next = await issuer.turn('replace');
    const token = await next.sign({ sub: 'ann' });
    for (let tries = 0; tries < 3; tries += 1) expect(await identities.identify({ token })).toEqual(INVALID);
    expect(issuer.reads()).toBe(1);
    pass(5_000);
    expect(await identities.identify({ token })).toMatchObject({ ok: true });
    expect(issuer.reads()).toBe(2);
    expect(await identities.identify({ token: await old.sign({ sub: 'ann' }) })).toEqual(INVALID);
  });

  it('are refused within ten minutes after their key was removed, without a request for another key', async () => {
    const { issuer, identities } = await open();
    const key = await issuer.turn('add');
    const token = await key.sign({ sub: 'ann' });
    await identities.identify({ token });
    await issuer.turn('replace');
    pass(599_000);
    expect(await identities.identify({ token })).toMatchObject({ ok: true });
    pass(1_000);
    expect(await identities.identify({ token })).toEqual(INVALID);
  });

  it('that do not name their key are tried with each candidate', async () => {
    const { issuer, identities } = await open();
    const [one, two] = [await issuer.turn('add', 'ES256', null), await issuer.turn('add', 'ES256', null)];
    for (const key of [one, two]) {
      const token = await key.sign({ sub: 'ann' });
      expect(await identities.identify({ token })).toMatchObject({ ok: true });
      const late = await key.sign({ sub: 'ann', exp: 1 });
      expect(await identities.identify({ token: late })).toEqual(EXPIRED);
    }
    const { privateKey } = await generateKeyPair('ES256');
    const forged = await new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    expect(await identities.identify({ token: forged })).toEqual(INVALID);
  });

  it.each(['error', 'nonsense', 'nothing'] as const)(
    'cannot be checked while the key set answers: %s; the refusal is temporary and does not flood its server',
    async (how) => {
      const { issuer, identities } = await open();
      const key = await issuer.turn('add');
      const token = await key.sign({ sub: 'ann' });
      issuer.answer(how);
      for (let tries = 0; tries < 3; tries += 1) {
        expect(await identities.identify({ token })).toMatchObject({
          ok: false,
          error: { code: 'unavailable', temporary: true, retryAfterMs: 1_000 },
        });
      }
      expect(issuer.reads()).toBe(1);
      issuer.answer('keys');
      pass(1_000);
      expect(await identities.identify({ token })).toMatchObject({ ok: true });
    },
  );

  it('cannot be checked while the key set is unreachable, and stay valid if the keys are known', async () => {
    const { issuer: open1, identities } = await open(SECRET);
    const key = await open1.turn('add');
    const token = await key.sign({ sub: 'ann' });
    await identities.identify({ token });
    await open1.close();
    issuer = undefined;
    expect(await identities.identify({ token })).toMatchObject({ ok: true });
    pass(600_000);
    expect(await identities.identify({ token })).toMatchObject({ error: { code: 'unavailable' } });
    expect(await identities.identify({ token: await sign({ sub: 'bob' }) })).toMatchObject({ ok: true });
  });
});
