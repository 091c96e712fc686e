import { type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { readEvents } from '../support/event-reader.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectRaw, type Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const SECRET = 'a-secret-that-is-long-enough-for-HS256';
const BANNED = { code: 3503, reconnect: false };

async function sign(claims: JWTPayload): Promise<string> {
  return new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET));
}

const heardOf = ({ heard }: Member, event: string) =>
  heard.filter((one) => one.event === event).map(({ data }) => data);

describe.each(MODES)('a user who is not admitted any more, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { AUTH_SECRET: SECRET, HOST: '127.0.0.1', NAMESPACES: '/,/post' },
    { workersEach: 1 },
  );

  async function call(method: string, path: string, body?: object) {
    const answer = await fetch(`${stage.worker(0)}/api/v1/users/${path}`, {
      method,
      headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  }

  const enterAs = async (index: number, roomid: string, claims: JWTPayload) =>
    stage.enter(stage.worker(index), roomid, 'said', { auth: { token: await sign(claims) } });

  /** The first event of a connection with that token. */
  function firstAnswer(index: number, token: string, path = '/'): Promise<unknown> {
    const socket = connectRaw(`${stage.worker(index)}${path}`, {
      auth: { token },
      query: { roomid: 'hall' },
    });
    return new Promise((resolve) => {
      socket.onAny((event: string, data: { code?: number }) => {
        if (event === 'hello' || event === 'bye') resolve(event === 'hello' ? 'hello' : data.code);
        if (event === 'hello') socket.disconnect();
      });
      socket.on('connect_error', (error) => resolve(error.message));
    });
  }

  async function streamStatus(roomid: string, token: string): Promise<number> {
    const answer = await fetch(`${stage.worker(1)}/api/v1/rooms/${roomid}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await answer.body?.cancel();
    return answer.status;
  }

  it('by a ban: is let go on every worker and in every namespace, leaves the rooms, and stays out until unbanned', async ({
    annotate,
  }) => {
    const [sub, roomid] = [stage.fresh('eve'), stage.fresh('hall')];
    const eves: Member[] = [await enterAs(0, roomid, { sub }), await enterAs(3, roomid, { sub })];
    const token = await sign({ sub, name: 'Eve' });
    eves.push(await stage.connect(`${stage.worker(2)}/post`, { auth: { token } }));
    const ann = await enterAs(1, roomid, { sub: 'ann' });
    const startedAt = performance.now();
    expect(await call('POST', `${sub}/ban`, { seconds: 600 })).toEqual({
      status: 200,
      json: { userId: sub, until: expect.any(Number) },
    });
    for (const eve of eves) {
      await eventually(() => expect(heardOf(eve, 'bye')).toMatchObject([BANNED]), { interval: 5 });
      await eventually(() => expect(eve.socket.connected).toBe(false));
    }
    await annotate(`let go everywhere after ${Math.round(performance.now() - startedAt)} ms`);
    await eventually(() =>
      expect(ann.messages.at(-1)).toMatchObject({ event: 'broadcast_quit', data: { userId: sub } }),
    );
    expect((await ann.do('room:members')).members.map(({ userId }) => userId)).toEqual(['ann']);
    for (const path of ['/', '/post']) expect(await firstAnswer(2, token, path)).toBe(3503);
    expect((await ann.do('room:members')).members.map(({ userId }) => userId)).toEqual(['ann']);
    expect(await streamStatus(roomid, token)).toBe(403);
    expect((await call('DELETE', `${sub}/ban`)).status).toBe(200);
    expect((await call('DELETE', `${sub}/ban`)).status).toBe(404);
    expect(await firstAnswer(2, token)).toBe('hello');
    expect(await streamStatus(roomid, token)).toBe(200);
  });

  it('tells the SDK, which stays away', async () => {
    const sub = stage.fresh('eve');
    const chat = createClient(stage.worker(1), { token: await sign({ sub }) });
    const states: string[] = [];
    chat.on('state', ({ state }) => states.push(state));
    await chat.join(stage.fresh('hall'));
    await call('POST', `${sub}/ban`, {});
    await eventually(() => expect(states.at(-1)).toBe('closed'));
    const again = createClient(stage.worker(0), { token: await sign({ sub }) });
    again.on('state', ({ state }) => states.push(`again ${state}`));
    await eventually(() => expect(states.at(-1)).toBe('again closed'));
    for (const one of [chat, again]) one.close();
  });

  it('by a revocation: earlier tokens end, later ones and other users do not', async () => {
    const [sub, roomid] = [stage.fresh('eve'), stage.fresh('hall')];
    const nowS = Math.floor(Date.now() / 1_000);
    const earlier = { sub, iat: nowS - 100 };
    const [old, undated, young, ann] = [
      await enterAs(0, roomid, earlier),
      await enterAs(1, roomid, { sub }),
      await enterAs(3, roomid, { sub, iat: nowS - 10 }),
      await enterAs(2, roomid, { sub: 'ann', iat: nowS - 100 }),
    ];
    const before = (nowS - 50) * 1_000;
    expect(await call('POST', `${sub}/revoke`, { before })).toEqual({
      status: 200,
      json: { userId: sub, before },
    });
    for (const eve of [old, undated]) {
      await eventually(() => expect(heardOf(eve, 'bye')).toMatchObject([BANNED]));
    }
    expect(await firstAnswer(1, await sign(earlier))).toBe(3503);
    expect(await streamStatus(roomid, await sign(earlier))).toBe(401);
    await young.do('say', { text: 'still here' });
    await eventually(() => expect(ann.said).toMatchObject([{ data: { text: 'still here' } }]));
    expect(await young.ask('token:refresh', { token: await sign(earlier) })).toEqual({
      ok: false,
      error: { code: 'unauthorized', message: 'token: revoked', temporary: false },
    });
    expect(heardOf(young, 'bye')).toEqual([]);
    // An earlier time takes nothing back.
    await call('POST', `${sub}/revoke`, { before: 0 });
    expect(await firstAnswer(1, await sign(earlier))).toBe(3503);
    expect((await call('POST', `${sub}/revoke`, { before: Date.now() + 60_000 })).status).toBe(400);
    expect((await call('POST', `${sub}/revoke`, { before, jti: 'x' })).status).toBe(400);
  });

  it('by the revocation of one token, whatever connection has it by then', async () => {
    const [sub, roomid] = [stage.fresh('eve'), stage.fresh('hall')];
    // A jti may be as long as its token.
    const long = 'j'.repeat(1_000);
    const [one, other] = [
      await enterAs(0, roomid, { sub, jti: 'one' }),
      await enterAs(3, roomid, { sub, jti: 'x' }),
    ];
    await other.do('token:refresh', { token: await sign({ sub, jti: long }) });
    expect((await call('POST', `${sub}/revoke`, { jti: 'one' })).json).toEqual({ userId: sub, jti: 'one' });
    await eventually(() => expect(heardOf(one, 'bye')).toMatchObject([BANNED]));
    await call('POST', `${sub}/revoke`, { jti: 'x' });
    await other.do('say', { text: 'still here' });
    await call('POST', `${sub}/revoke`, { jti: long });
    await eventually(() => expect(heardOf(other, 'bye')).toMatchObject([BANNED]));
    expect(await firstAnswer(2, await sign({ sub, jti: 'one' }))).toBe(3503);
    expect(await firstAnswer(2, await sign({ sub, jti: 'new' }))).toBe('hello');
  });

  it('has no event stream on any host after a kick, a ban or the loss of a token, but after an erasure', async ({
    annotate,
  }) => {
    const [sub, roomid] = [stage.fresh('eve'), stage.fresh('hall')];
    const ann = await enterAs(1, roomid, { sub: 'ann' });
    const iat = Math.floor(Date.now() / 1_000) - 100;
    const token = await sign({ sub, iat });
    const path = `/api/v1/rooms/${roomid}`;
    const follow = (index: number, headers: Readonly<Record<string, string>>) =>
      readEvents(`${stage.worker(index)}${path}/events`, headers);
    const bearer = (of: string) => ({ authorization: `Bearer ${of}` });
    // The first and the last worker are on different hosts where there are two.
    const open = () => Promise.all([0, 1, 2, 3].map((index) => follow(index, bearer(token))));
    const ofBackEnd = await follow(3, stage.system.keyHeader);
    async function moderate(action: string): Promise<void> {
      const answer = await fetch(`${stage.worker(0)}${path}/${action}`, {
        method: 'POST',
        headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
        body: JSON.stringify({ userId: sub }),
      });
      expect(answer.status).toBe(200);
    }

    const streams = await open();
    expect((await call('DELETE', sub)).status).toBe(200);
    await moderate('mute');
    await ann.do('say', { text: 'hi' });
    for (const one of streams) await eventually(() => expect(one.texts()).toEqual(['hi']));
    const ends: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['kick', () => moderate('kick')],
      ['disconnect', () => call('POST', `${sub}/disconnect`)],
      ['revocation', () => call('POST', `${sub}/revoke`, { before: (iat + 50) * 1_000 })],
    ];
    for (const [name, end] of ends) {
      const followed = name === 'kick' ? streams : await open();
      expect(followed.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      const startedAt = performance.now();
      await end();
      for (const one of followed) await eventually(() => expect(one.ended()).toBe(true), { interval: 5 });
      await annotate(`${name}: ended on every worker after ${Math.round(performance.now() - startedAt)} ms`);
      expect(followed[0]?.text()).toMatch(/: an operator ended this\n\n$/);
    }
    // The back end issues a token without the right to read, and voids the one before.
    const statusOf = async (claims: JWTPayload) =>
      (await follow(3, bearer(await sign({ sub, ...claims })))).status;
    expect((await follow(3, bearer(token))).status).toBe(401);
    expect(await statusOf({ iat: iat + 60, rooms: [{ room: roomid, can: ['say'] }] })).toBe(403);
    const young = await follow(3, bearer(await sign({ sub, iat: iat + 60 })));
    await moderate('ban');
    await eventually(() => expect(young.ended()).toBe(true));
    expect(await statusOf({ iat: iat + 60 })).toBe(403);
    await ann.do('say', { text: 'still here' });
    await eventually(() => expect(ofBackEnd.texts()).toEqual(['hi', 'still here']));
    ofBackEnd.close();
  });

  it('lets nobody in who connects while the ban is being written', async () => {
    const subs = Array.from({ length: 12 }, () => stage.fresh('eve'));
    const roomid = stage.fresh('hall');
    await Promise.all(
      subs.map(async (sub, index) => {
        const token = await sign({ sub, name: 'Eve' });
        const options = { auth: { token }, query: { roomid } };
        const socket = connectRaw(stage.worker(index), options);
        const gone = new Promise((resolve) => socket.on('bye', resolve));
        const banned = call('POST', `${sub}/ban`, {});
        expect(await gone).toMatchObject(BANNED);
        await banned;
      }),
    );
  });
});
