import { describe, expect, it } from 'vitest';
import type { Item, PushMessage } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { MODES } from '../support/system.ts';
import { LIBRARIES, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';
import { mint, SECRET } from './tokens.ts';

/** The latest `push_message`, once there are so many. */
function shown(client: SeedClient, count = 1): Promise<PushMessage> {
  return eventually(() => {
    const messages = client.all<PushMessage>('push_message');
    expect(messages.length).toBeGreaterThanOrEqual(count);
    return messages.at(-1) as PushMessage;
  });
}

const titles = (items: readonly Item[]) =>
  items.filter(({ kind }) => kind === 'todo').map(({ data }) => (data as { title: string }).title);

describe.each(MODES)('S0, notifications from person to person, %s', (mode) => {
  const stage = seedStage(mode, { PING_INTERVAL_MS: '1000' });

  describe.each(LIBRARIES)('$name', (library) => {
    it('row 2: user_login {userId, socketId} binds the connection to the user, and without userId binds it to nobody', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const receiver = await stage.visit(library, 0);
      const guest = receiver.hello.user.id;
      expect(await receiver.ask('user_login', { socketId: receiver.hello.clientId })).toMatchObject({
        ok: false,
        error: { code: 'bad_request', message: expect.stringMatching(/^userId:/) },
      });
      const sender = await stage.login(library, 1, ann);
      expect(await sender.do('todo', { receiver_id: bob, title: 'not yet' })).toMatchObject({ live: 0 });
      expect(await sender.do('todo', { receiver_id: guest, title: 'guest' })).toMatchObject({ live: 1 });
      const answer = await receiver.do('user_login', { userId: bob, socketId: receiver.hello.clientId });
      expect(answer).toMatchObject({ ok: true, user: { id: bob } });
      expect(await sender.do('todo', { receiver_id: bob, title: 'now' })).toMatchObject({ live: 1 });
      expect(await sender.do('todo', { receiver_id: guest, title: 'gone' })).toMatchObject({ live: 0 });
      await eventually(() =>
        expect(receiver.all('todo_message').map(({ title }) => title)).toEqual(['guest', 'now']),
      );
    });

    it('row 3: push_message at login has what was stored, read and unread apart', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const sender = await stage.login(library, 0, ann);
      for (const title of ['one', 'two', 'three']) await sender.do('todo', { receiver_id: bob, title });
      const first = await stage.login(library, 1, bob);
      const { unread, read } = await shown(first);
      expect([titles(unread), titles(read)]).toEqual([['one', 'two', 'three'], []]);
      expect(unread.find(({ kind }) => kind === 'todo')).toMatchObject({
        kind: 'todo',
        from: { id: ann },
        data: { receiver_id: bob, title: 'one' },
      });
      const two = unread.find(({ data }) => (data as { title?: string }).title === 'two');
      await first.do('inbox:ack', { read: two?.seq });
      const second = await shown(await stage.login(library, 2, bob));
      expect([titles(second.unread), titles(second.read)]).toEqual([['three'], ['one', 'two']]);
    });

    it('row 4: todo {receiver_id, …} is stored first, then comes as todo_message(todo), or waits for the login', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const sender = await stage.login(library, 0, ann);
      const todo = { receiver_id: bob, title: 'tea', time: '16:00', guests: ['Ann', null, { n: 2 }] };
      const waiting = await sender.do('todo', { ...todo, title: 'early' });
      expect(waiting).toMatchObject({ live: 0, id: expect.any(String), seq: expect.any(Number) });
      const receiver = await stage.login(library, 1, bob);
      expect(titles((await shown(receiver)).unread)).toEqual(['early']);
      const { id, seq, live } = await sender.do('todo', todo);
      expect(live).toBe(1);
      expect(seq).toBeGreaterThan(Number(waiting.seq));
      await eventually(() => expect(receiver.all('todo_message')).toHaveLength(1));
      const [whole, meta] = receiver.heard.find(({ event }) => event === 'todo_message')?.args ?? [];
      expect(whole).toEqual(todo);
      expect(meta).toMatchObject({ id, seq });
    });

    it('row 5: disconnect unbinds: nothing is sent to the connection that is gone, and all of it waits', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const sender = await stage.login(library, 0, ann);
      const before = await stage.login(library, 1, bob);
      before.close();
      let sent = 0;
      await eventually(async () => {
        const { live } = await sender.do('todo', { receiver_id: bob, title: `t${sent}` });
        sent += 1;
        expect(live).toBe(0);
      });
      const after = await stage.login(library, 0, bob);
      const wanted = Array.from({ length: sent }, (_, n) => `t${n}`);
      expect(titles((await shown(after)).unread)).toEqual(wanted);
    });

    it('row 6: announcement, remind and private are the classes of notices: for all, for some, from person to person', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const [writer, reader] = [await stage.login(library, 0, ann), await stage.login(library, 1, bob)];
      const notice = stage.fresh('closed on Monday');
      expect((await stage.post('/api/v1/announce', { data: { notice } })).status).toBe(200);
      for (const client of [writer, reader]) {
        await eventually(() =>
          expect(client.all('announcement')).toEqual([
            { id: expect.any(String), seq: expect.any(Number), at: expect.any(Number), data: { notice } },
          ]),
        );
      }
      const remind = { users: [bob], kind: 'remind', entityType: 'resource', data: { due: 'Friday' } };
      expect((await stage.post('/api/v1/push', remind, 1)).status).toBe(200);
      await eventually(() =>
        expect(reader.all('receive_message')).toMatchObject([
          { entityType: 'resource', data: { due: 'Friday' }, kind: 'remind' },
        ]),
      );
      await writer.do('private', { to: bob, text: 'a letter' });
      await eventually(() =>
        expect(reader.all('private')).toMatchObject([{ from: { id: ann }, to: bob, text: 'a letter' }]),
      );
      expect([writer.all('receive_message'), writer.all('private')]).toEqual([[], []]);
      const { unread } = await shown(await stage.login(library, 2, bob));
      expect(new Set(unread.map(({ kind }) => kind))).toEqual(new Set(['announcement', 'remind', 'private']));
      const late = await stage.login(library, 0, stage.fresh('Away'));
      const kept = (await shown(late)).unread.filter(({ kind }) => kind === 'announcement');
      expect(kept.map(({ data }) => data)).toContainEqual({ notice });
    });

    it('row 6b: heartbeats keep the connection; push and announce reach one and all, and say who of many is connected', async () => {
      const [ann, bob, nobody] = [stage.fresh('Ann'), stage.fresh('Bob'), stage.fresh('Nobody')];
      const [here, there] = [await stage.login(library, 0, ann), await stage.login(library, 1, bob)];
      await Promise.all([here.beat(), there.beat()]);
      await stage.login(library, 2, bob);
      const { json } = await stage.post('/api/v1/push', { users: [ann, bob, nobody], data: 'hi' });
      expect(json.reach).toEqual({
        [ann]: { live: 1, stored: true },
        [bob]: { live: 2, stored: true },
        [nobody]: { live: 0, stored: true },
      });
      const states = [ann, bob, nobody].map((id) => stage.get(`/api/v1/users/${id}`, 1));
      expect((await Promise.all(states)).map((state) => state.json)).toMatchObject([
        { userId: ann, online: true, connections: 1 },
        { userId: bob, online: true, connections: 2 },
        { userId: nobody, online: false, connections: 0 },
      ]);
      await stage.post('/api/v1/push', { users: [bob], data: 'for one' }, 1);
      const all = stage.fresh('for all');
      await stage.post('/api/v1/announce', { data: all }, 1);
      await eventually(() => {
        for (const client of [here, there]) {
          expect(client.all('announcement').map(({ data }) => data)).toEqual([all]);
        }
        expect(there.all('receive_message').map(({ data }) => data)).toEqual(['hi', 'for one']);
      });
      expect(here.all('receive_message').map(({ data }) => data)).toEqual(['hi']);
      expect([here.connected(), there.connected()]).toEqual([true, true]);
    });

    it('row 7: scopes: the ack to this connection, echo:false to all others, say to all, private to one', async () => {
      const roomid = stage.fresh('room');
      const ann = await stage.enter(library, 0, roomid, 'Ann');
      const bob = await stage.enter(library, 1, roomid, 'Bob');
      const carl = await stage.enter(library, 2, roomid, 'Carl');
      const texts = (client: SeedClient) =>
        client
          .all<{ event: string; data: { text: string } }>('message')
          .filter(({ event }) => event === 'broadcast_say')
          .map(({ data }) => data.text);
      expect(await ann.do('say', { text: 'others', echo: false })).toMatchObject({ ok: true, seq: 1 });
      await ann.do('say', { text: 'all' });
      await ann.do('private', { toName: 'Carl', text: 'one' });
      await eventually(() => {
        expect(texts(ann)).toEqual(['all']);
        for (const client of [bob, carl]) expect(texts(client)).toEqual(['others', 'all']);
        expect(carl.all('private').map(({ text }) => text)).toEqual(['one']);
      });
      expect([ann.all('private'), bob.all('private')]).toEqual([[], []]);
    });

    it('defect (g): a user has many connections, todo and login cannot miss each other, a login replays only what is unread', async () => {
      const [ann, bob] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const sender = await stage.login(library, 0, ann);
      const both = [await stage.login(library, 1, bob), await stage.login(library, 2, bob)];
      await sender.do('todo', { receiver_id: bob, title: 'both' });
      for (const client of both) {
        await eventually(() =>
          expect(client.all('todo_message').map(({ title }) => title)).toEqual(['both']),
        );
      }
      // Logins at every moment of a stream of todos: each connection has all of it once, by page or live.
      const devices: SeedClient[] = [];
      let todos = 1;
      const writing = (async () => {
        for (; devices.length < 6; todos += 1) {
          await sender.do('todo', { receiver_id: bob, title: `${todos}` });
        }
      })();
      for (let n = 0; n < 6; n += 1) devices.push(await stage.login(library, n, bob));
      await writing;
      const last = await sender.do('todo', { receiver_id: bob, title: 'last' });
      for (const device of devices) {
        const { top } = await shown(device);
        await eventually(() => expect(device.all('todo_message').at(-1)).toMatchObject({ title: 'last' }));
        const live = device.heard
          .filter(({ event }) => event === 'todo_message')
          .map(({ args }) => (args[1] as { seq: number }).seq);
        expect(live).toEqual(Array.from({ length: Number(last.seq) - top }, (_, n) => top + 1 + n));
      }
      const [device] = devices as [SeedClient];
      const { top } = await device.do('inbox:list');
      await device.do('inbox:ack', { read: top });
      const again = await shown(await stage.login(library, 1, bob));
      expect(again.unread).toEqual([]);
    });
  });
});

describe.each(MODES)('S0, its settings, %s', (mode) => {
  const stage = seedStage(mode, {
    FRONT: 'on',
    SOCKET_PATH: '/socket',
    CORS_ORIGIN: '*',
    LOG_LEVEL: 'debug',
  });

  it('row 8: PORT, CORS_ORIGIN=*, SOCKET_PATH=/socket and LOG_LEVEL=debug are the bootstrap', async () => {
    const [host] = stage.system.hosts;
    const page = await fetch(`${host?.url}/`);
    expect(page.headers.get('content-type')).toContain('text/html');
    const origin = 'https://elsewhere.example';
    const handshake = await fetch(`${host?.url}/socket/?EIO=4&transport=polling`, { headers: { origin } });
    expect(handshake.status).toBe(200);
    expect(['*', origin]).toContain(handshake.headers.get('access-control-allow-origin'));
    expect((await fetch(`${host?.url}/socket.io/?EIO=4&transport=polling`)).status).toBe(404);
    const user = stage.fresh('Ann');
    for (const library of LIBRARIES) {
      for (const index of [0, 1]) {
        const options = { path: '/socket', extraHeaders: { origin } };
        const client = await stage.login(library, index, user, options);
        expect(await client.do('join')).toMatchObject({ roomid: 'lobby' });
      }
    }
    const logged = () =>
      stage.system.hosts
        .flatMap((one) => one.output().stderr.trim().split('\n'))
        .map((line) => JSON.parse(line) as { level: number })
        .filter(({ level }) => level === 20)
        .map((line) => JSON.stringify(line));
    await eventually(() => expect(logged().some((line) => line.includes(user))).toBe(true));
  });
});

describe.each(MODES)('S0, who may come in, %s', (mode) => {
  const stage = seedStage(mode, { AUTH_SECRET: SECRET });

  describe.each(LIBRARIES)('$name', (library) => {
    it('row 1: connect_error unauthorized for who comes without the token of a login', async () => {
      const unauthorized = { code: 'unauthorized', temporary: false };
      for (const index of [0, 1]) {
        expect(await stage.refusal(library, index)).toMatchObject(unauthorized);
        for (const cookie of ['sid=1', 'token=', 'token=forged']) {
          const options = { extraHeaders: { cookie } };
          expect(await stage.refusal(library, index, options)).toMatchObject(unauthorized);
        }
      }
    });

    it('row 6b: the session of the web site is read from the handshake: cookie token, or Authorization', async () => {
      const sub = stage.fresh('Ann');
      const token = await mint({ sub, name: 'Ann', avatar: '1.jpg' });
      const ways: Record<string, string>[] = [
        { cookie: `theme=dark; token=${token}` },
        { authorization: `Bearer ${token}` },
      ];
      for (const [index, extraHeaders] of ways.entries()) {
        const client = await stage.visit(library, index, { extraHeaders });
        expect(client.hello).toMatchObject({
          auth: 'token',
          user: { id: sub, name: 'Ann', avatar: '1.jpg' },
        });
      }
    });
  });
});
