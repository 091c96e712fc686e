import { SignJWT } from 'jose';
import io, { Manager, type OldOptions, type OldSocket } from 'socket.io-client-2';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectRaw } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const SECRET = 'a-secret-that-is-long-enough-to-be-one';
const EVENTS = [
  'hello',
  'joined',
  'message',
  'refused',
  'push_message',
  'private',
  'textmsg',
  'online',
  'new message',
  'error',
  'connect_error',
  'disconnect',
];

const opened: OldSocket[] = [];

/** A Socket.IO 2.x client that keeps what it hears. */
function listenTo(socket: OldSocket) {
  opened.push(socket);
  const heard: { readonly event: string; readonly data: unknown }[] = [];
  for (const event of EVENTS) socket.on(event, (data: unknown) => heard.push({ event, data }));
  const all = <T>(event: string) =>
    heard.filter((one) => one.event === event).map(({ data }) => data as unknown as T);
  return {
    socket,
    heard,
    all,
    said: () => all<ChatMessage>('message').filter(({ event }) => event === 'broadcast_say'),
    ask: (event: string, payload: unknown) =>
      new Promise<{ ok: boolean }>((resolve) => socket.emit(event, payload, resolve)),
    hears: (event: string, what: unknown) => eventually(() => expect(all(event)).toContainEqual(what)),
  };
}

function old(url: string, options: OldOptions = {}) {
  return listenTo(io(url, { forceNew: true, reconnection: false, ...options }));
}

afterEach(() => {
  for (const socket of opened.splice(0)) socket.disconnect();
});

describe.each(MODES)('Socket.IO 2.x clients, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { ALLOW_EIO3: 'on', NAMESPACES: '/,/post', RATE_SAY: '0' },
    { workersEach: 1 },
  );
  const { connect, enter } = stage;
  let one: string;
  let other: string;
  beforeAll(() => {
    [one, other] = [stage.worker(0), stage.worker(stage.system.workers - 1)];
  });

  describe.each(['polling', 'websocket'] as const)('by %s', (transport) => {
    const transports = [transport];
    const named = (what: string) => `${what} ${mode} ${transport}`;

    it('join by their address and get everything in the same order', async () => {
      const roomid = named('room');
      const ann = old(`${one}?roomid=${encodeURIComponent(roomid)}&username=Ann&avatar=1.jpg`, {
        transports,
      });
      await ann.hears('joined', expect.objectContaining({ roomid, seq: 0 }));
      expect(ann.heard[0]).toMatchObject({
        event: 'hello',
        data: { user: { name: 'Ann', avatar: '1.jpg' }, auth: 'open' },
      });
      const bob = await enter(other, roomid, 'Bob');
      const texts = Array.from({ length: 20 }, (_, n) => `t${n}`);
      const acks = await Promise.all(
        texts.map((text, n) => (n % 2 ? ann.ask('say', { text }) : bob.ask('say', { text }))),
      );
      for (const ack of acks) expect(ack).toMatchObject({ ok: true, roomid, seq: expect.any(Number) });
      const wanted = texts.map((_, n) => n + 1);
      await eventually(() => expect(ann.said().map(({ seq }) => seq)).toEqual(wanted));
      await eventually(() => expect(bob.said).toEqual(ann.said()));
      await ann.hears('online', { users: expect.any(Number), clients: expect.any(Number) });
      expect(await ann.ask('say', { text: '' })).toMatchObject({ ok: false, error: { code: 'bad_request' } });
    });

    it('log in, and send and get direct messages', async () => {
      const [annsId, bobsId] = [named('ann'), named('bob')];
      const bob = await connect(other, { auth: { userId: bobsId, username: 'Bob' } });
      await bob.do('private', { to: annsId, text: 'before' });
      const ann = old(one, { transports });
      expect(await ann.ask('user_login', { userId: annsId })).toMatchObject({
        ok: true,
        user: { id: annsId },
      });
      await ann.hears('push_message', expect.objectContaining({ top: 1, unread: [expect.anything()] }));
      const roomid = named('room');
      await bob.do('join', { roomid });
      expect(await ann.ask('join', { roomid })).toMatchObject({ ok: true });
      expect(await bob.do('private', { to: annsId, text: 'live' })).toMatchObject({ live: 1 });
      await ann.hears(
        'private',
        expect.objectContaining({ from: { id: bobsId, name: 'Bob' }, text: 'live' }),
      );
      expect(await ann.ask('private', { to: bobsId, text: 'back' })).toMatchObject({ ok: true, live: 1 });
      await eventually(() =>
        expect(bob.heard).toContainEqual(
          expect.objectContaining({ event: 'private', data: expect.objectContaining({ text: 'back' }) }),
        ),
      );
    });

    it('send and get textmsg, to all and to one', async () => {
      const to = named('Bob');
      const [ann, bob] = [old(one, { transports }), old(other, { transports })];
      for (const client of [ann, bob]) await client.hears('hello', expect.anything());
      const first = { name: to, avatar: '1.jpg', content: 'hi' };
      expect(await bob.ask('textmsg', first)).toEqual({ ok: true });
      await ann.hears('textmsg', first);
      const second = { name: named('Ann'), content: 'psst', to };
      expect(await ann.ask('textmsg', second)).toEqual({ ok: true, live: 1 });
      await bob.hears('textmsg', second);
    });

    it('have another room in another namespace over the same connection', async () => {
      const [main, inPost] = [named('main'), named('in post')];
      const manager = new Manager(one, {
        transports,
        reconnection: false,
        query: { roomid: main, username: 'Main' },
      });
      const ann = listenTo(manager.socket('/'));
      const post = listenTo(
        manager.socket('/post', { query: `roomid=${encodeURIComponent(inPost)}&username=Post` }),
      );
      await ann.hears('joined', expect.objectContaining({ roomid: main }));
      await post.hears('joined', expect.objectContaining({ roomid: inPost }));
      await post.hears('new message', { mess: expect.any(String) });
      expect(ann.all('new message')).toEqual([]);
      const bob = await enter(`${other}/post`, inPost, 'Bob');
      await bob.do('say', { text: 'here' });
      expect(await post.ask('say', { text: 'there' })).toMatchObject({ ok: true, roomid: inPost, seq: 2 });
      await eventually(() =>
        expect(post.said().map(({ data }) => [data.username, data.text])).toEqual([
          ['Bob', 'here'],
          ['Post', 'there'],
        ]),
      );
      expect(ann.said()).toEqual([]);
    });

    it('enter a namespace by its address', async () => {
      const roomid = named('by address');
      const ann = old(`${one}/post?roomid=${encodeURIComponent(roomid)}&username=Ann`, { transports });
      await ann.hears('joined', expect.objectContaining({ roomid }));
    });

    it('get the reason of a refusal as an error', async () => {
      const ann = old(`${one}?roomid=${encodeURIComponent('a#b')}`, { transports });
      await ann.hears('error', {
        code: 'bad_request',
        message: expect.stringMatching(/^roomid: /),
        temporary: false,
      });
      const post = old(`${one}/post?roomid=${encodeURIComponent('a#b')}`, { transports });
      await post.hears('error', expect.objectContaining({ code: 'bad_request' }));
      expect([...ann.heard, ...post.heard].map(({ event }) => event)).not.toContain('hello');
    });
  });
});

const TRANSPORTS = ['polling', 'websocket'] as const;

describe('Socket.IO 2.x clients without ALLOW_EIO3', () => {
  const { worker } = systemFixture('embedded');

  it.each(TRANSPORTS)('are refused, by %s', async (transport) => {
    const ann = old(worker(0), { transports: [transport] });
    await eventually(() => expect(ann.all('connect_error')).toHaveLength(1));
    expect(ann.heard.map(({ event }) => event)).toEqual(['connect_error']);
  });
});

describe('Socket.IO 2.x clients in token mode', () => {
  const { worker } = systemFixture('embedded', { ALLOW_EIO3: 'on', AUTH_SECRET: SECRET });

  it.each(TRANSPORTS)('send their token in a header, by %s', async (transport) => {
    const token = await new SignJWT({ name: 'Ann' })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ann')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(SECRET));
    for (const [header, value] of [
      ['Authorization', `Bearer ${token}`],
      ['Cookie', `token=${token}`],
    ] as const) {
      const ann = old(worker(0), { transports: [transport], extraHeaders: { [header]: value } });
      await ann.hears('hello', expect.objectContaining({ auth: 'token', user: { id: 'ann', name: 'Ann' } }));
    }
    const nobody = old(worker(0), { transports: [transport] });
    await nobody.hears('error', expect.objectContaining({ code: 'unauthorized', temporary: false }));
  });
});

describe('Socket.IO 2.x clients without the main namespace', () => {
  const { worker, fresh } = systemFixture('embedded', { ALLOW_EIO3: 'on', NAMESPACES: '/post,/get' });

  it.each(TRANSPORTS)('pass through it unseen, by %s', async (transport) => {
    const roomid = fresh('room');
    const ann = old(`${worker(0)}/post?roomid=${roomid}&username=Ann`, { transports: [transport] });
    await ann.hears('joined', expect.objectContaining({ roomid, users: 1, clients: 1 }));
    await ann.hears('online', { users: 1, clients: 1 });
    const main = connectRaw(worker(0));
    const error = await new Promise<Error>((resolve) => main.once('connect_error', resolve));
    expect(error.message).toBe('Invalid namespace');
    main.disconnect();
  });
});
