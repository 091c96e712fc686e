import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { MODES } from '../support/system.ts';
import { LIBRARIES, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';

interface Said {
  readonly event: string;
  readonly seq: number;
  readonly data: { readonly username: string; readonly text: string };
}

const messages = (client: SeedClient, event = 'broadcast_say') =>
  client.all<Said>('message').filter((message) => message.event === event);
const texts = (client: SeedClient) => messages(client).map(({ data }) => data.text);

describe.each(MODES)('S2, namespaces and rooms, %s', (mode) => {
  const stage = seedStage(mode, { NAMESPACES: '/,/post,/get', PING_INTERVAL_MS: '700' });

  describe.each(LIBRARIES)('$name', (library) => {
    const enter = async (index: number, nsp: string, roomid: string, username: string) => {
      const client = await stage.visit(library, index, { nsp });
      await client.do('join', { roomid, username });
      return client;
    };

    it('row 16: NAMESPACES has /post and /get; each says new message {mess} on connecting, / does not', async () => {
      const roomid = stage.fresh('same');
      for (const [index, nsp] of ['/post', '/get'].entries()) {
        const client = await stage.visit(library, index, { nsp });
        await eventually(() =>
          expect(client.all('new message')).toEqual([{ mess: expect.stringMatching(/\S/) }]),
        );
        expect(await client.do('join', { roomid, username: 'Ann' })).toMatchObject({ roomid, users: 1 });
      }
      const main = await stage.visit(library, 0);
      await main.do('join', { username: 'Ann' });
      expect(main.all('new message')).toEqual([]);
      expect(await stage.refusal(library, 1, { nsp: '/other' })).toBe('Invalid namespace');
    });

    it('row 17: a client’s post is say; the sender has its own copy, in its room and in room:history', async () => {
      const roomid = stage.fresh('posts');
      const ann = await enter(0, '/post', roomid, 'Ann');
      const bob = await enter(1, '/post', roomid, 'Bob');
      for (const text of ['one', 'two']) await ann.do('say', { roomid, text, time: Date.now() });
      await eventually(() => {
        for (const client of [ann, bob]) expect(texts(client)).toEqual(['one', 'two']);
      });
      expect(await ann.do('room:history', { roomid })).toMatchObject({ messages: messages(ann) });
    });

    it('row 18 and row 19: echo:false leaves the sender out, say without it and POST …/messages reach everybody', async () => {
      const roomid = stage.fresh('room one');
      const ann = await enter(0, '/get', roomid, 'Ann');
      const bob = await enter(1, '/get', roomid, 'Bob');
      const elsewhere = await enter(1, '/post', roomid, 'Eve');
      await ann.do('say', { roomid, text: 'not me', echo: false });
      await ann.do('say', { roomid, text: 'hello, everybody' });
      const path = `/api/v1/rooms/${encodeURIComponent(roomid)}/messages?ns=/get`;
      expect((await stage.post(path, { text: 'hello, from the server' })).status).toBe(200);
      await eventually(() => {
        expect(texts(ann)).toEqual(['hello, everybody', 'hello, from the server']);
        expect(texts(bob)).toEqual(['not me', 'hello, everybody', 'hello, from the server']);
      });
      expect(messages(bob).map(({ seq }) => seq)).toEqual([1, 2, 3]);
      await elsewhere.do('say', { roomid, text: 'fence' });
      await eventually(() => expect(texts(elsewhere)).toEqual(['fence']));
    });

    it('row 20: join and leave are asked for by the client, room by room', async () => {
      const [one, two] = [stage.fresh('room one'), stage.fresh('room two')];
      const ann = await enter(0, '/post', one, 'Ann');
      await ann.do('join', { roomid: two });
      const bob = await enter(1, '/post', one, 'Bob');
      await bob.do('join', { roomid: two });
      await bob.do('say', { roomid: one, text: 'in one' });
      await bob.do('say', { roomid: two, text: 'in two' });
      await eventually(() => expect(texts(ann).sort()).toEqual(['in one', 'in two']));
      await ann.do('leave', { roomid: one });
      expect(await ann.ask('say', { roomid: one, text: 'x' })).toMatchObject({
        error: { code: 'not_joined' },
      });
      await bob.do('say', { roomid: one, text: 'unheard' });
      await bob.do('say', { roomid: two, text: 'heard' });
      await eventually(() => expect(texts(ann).sort()).toEqual(['heard', 'in one', 'in two']));
      await eventually(() => expect(messages(bob, 'broadcast_quit')).toHaveLength(1));
    });

    it('row 21: close {} ends this connection for good, and no other', async () => {
      const options = { nsp: '/post', reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 };
      const [ann, other] = [await stage.visit(library, 0, options), await stage.visit(library, 0, options)];
      const reasons: unknown[] = [];
      ann.on('disconnect', (reason) => reasons.push(reason));
      ann.send('close', {});
      await eventually(() => expect(reasons).toEqual(['io server disconnect']));
      // A client that would come back had every chance to, in ten times its delay and more.
      await other.beat();
      await other.do('join', { username: 'Bob' });
      expect([ann.connected(), other.connected(), ann.all('hello').length]).toEqual([false, true, 1]);
    });

    it('row 22: the chat example is join (add user), its ack (login {numUsers}), say (new message), join and broadcast_quit with names (user joined, user left)', async () => {
      const roomid = stage.fresh('example');
      const ann = await stage.visit(library, 0, { query: { roomid } });
      expect(await ann.do('join', { username: 'Ann' })).toMatchObject({ users: 1, clients: 1 });
      const bob = await stage.visit(library, 1, { query: { roomid } });
      expect(await bob.do('join', { username: 'Bob' })).toMatchObject({ users: 2, clients: 2 });
      await eventually(() =>
        expect(messages(ann, 'join')).toContainEqual(
          expect.objectContaining({ roomid, data: expect.objectContaining({ username: 'Bob' }) }),
        ),
      );
      await bob.do('say', { text: 'hi Ann' });
      await eventually(() =>
        expect(messages(ann)).toMatchObject([{ data: { username: 'Bob', text: 'hi Ann' } }]),
      );
      await bob.do('leave');
      await eventually(() =>
        expect(messages(ann, 'broadcast_quit')).toMatchObject([{ data: { username: 'Bob' } }]),
      );
      expect(await ann.do('join')).toMatchObject({ users: 1, clients: 1 });
    });
  });

  it('row 23: the page is served; a session is opened by polling, upgraded by 2probe, 3probe, 5 and 6, and pinged every PING_INTERVAL_MS', async () => {
    expect((await stage.get('/')).text).toContain('<!doctype html>');
    const url = stage.system.workerUrls[1] as string;
    const path = '/socket.io/?EIO=4';
    const open = await (await fetch(`${url}${path}&transport=polling`)).text();
    const session = JSON.parse(open.slice(1)) as Record<string, unknown>;
    expect(open[0]).toBe('0');
    expect(session).toMatchObject({
      sid: expect.any(String),
      upgrades: ['websocket'],
      pingInterval: 700,
      pingTimeout: 20_000,
    });
    const polling = `${url}${path}&transport=polling&sid=${session.sid}`;
    expect(await (await fetch(polling, { method: 'POST', body: '40' })).text()).toBe('ok');
    expect(await (await fetch(polling)).text()).toMatch(/^40\{"sid"/);

    const socket = new WebSocket(
      `${url.replace('http', 'ws')}${path}&transport=websocket&sid=${session.sid}`,
    );
    const frames: string[] = [];
    socket.on('message', (frame) => frames.push(String(frame)));
    await once(socket, 'open');
    socket.send('2probe');
    await eventually(() => expect(frames).toContain('3probe'));
    const polled: string[] = [];
    while (!polled.includes('6')) {
      polled.push(...(await (await fetch(polling)).text()).split(String.fromCharCode(0x1e)));
    }
    socket.send('5');
    for (let beat = 1; beat <= 2; beat += 1) {
      await eventually(() => expect(frames.filter((frame) => frame === '2')).toHaveLength(beat));
      socket.send('3');
    }
    socket.send('420["join",{"username":"Ann"}]');
    await eventually(() => expect(frames.find((frame) => frame.startsWith('430'))).toContain('"ok":true'));
    socket.close();
  });

  it('row 21: closing all is the drain: every client gets bye 3001 and its connection is closed, in every namespace', async () => {
    const clients: SeedClient[] = [];
    for (const library of LIBRARIES) {
      for (const [index, nsp] of ['', '/post', '/get'].entries()) {
        clients.push(await stage.visit(library, index, { nsp }));
      }
    }
    await stage.system.restart('SIGTERM');
    for (const client of clients) {
      await eventually(() => expect(client.connected()).toBe(false));
      expect(client.all('bye')).toEqual([
        { code: 3001, reason: expect.any(String), reconnect: true, afterMs: expect.any(Number) },
      ]);
    }
  });
});
