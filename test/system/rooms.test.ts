import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectRaw, enter, type MemberOptions, textsOf } from '../support/member.ts';
import { MODES, startSystem } from '../support/system.ts';

describe.each(MODES)('rooms, %s', (mode) => {
  const stage = systemFixture(mode, {}, { clientsStay: true });
  const { at } = stage;
  const newRoom = () => stage.fresh('room').replaceAll('-', ' ');
  const guest = (index = 0, options?: MemberOptions) => stage.connect(at(index), options);
  const visitor = (index: number, roomid: string, username: string, options?: MemberOptions) =>
    stage.enter(at(index), roomid, username, options);

  it('send hello to a connection first', async () => {
    const { hello, heard, socket } = await guest(0, {
      auth: { username: 'Ann', userId: 'ann', avatar: '1.jpg' },
    });
    expect(heard[0]?.event).toBe('hello');
    expect(hello).toMatchObject({
      clientId: socket.id,
      user: { id: 'ann', name: 'Ann', avatar: '1.jpg' },
      auth: 'open',
      protocol: 1,
      worker: expect.any(Number),
      limits: { maxTextBytes: 8192, maxRooms: 50 },
    });
    expect(Math.abs(hello.time - Date.now())).toBeLessThan(60_000);
  });

  it('are joined at once with ?roomid= and a name, and not without one of them', async () => {
    const roomid = newRoom();
    const { joined } = await visitor(0, roomid, 'Ann');
    expect(joined).toMatchObject({ roomid, seq: 0, users: 1, clients: 1, messages: [], more: false });
    const unnamed = await guest(1, { query: { roomid } });
    expect(await unnamed.ask('say', { text: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'not_joined' },
    });
    expect(await unnamed.do('join')).toMatchObject({ roomid, users: 2 });
  });

  it('deliver messages to every member on every worker, the sender too', async () => {
    const roomid = newRoom();
    const people = await Promise.all(
      stage.system.entrances.map((_, index) => visitor(index, roomid, `p${index}`)),
    );
    expect(new Set(people.map(({ hello }) => hello.worker)).size).toBeGreaterThan(1);
    const said = await people[0]?.do('say', {
      text: 'héllo </script> 🎈\n"\u2028',
      type: 3,
      clientMsgId: 'm1',
    });
    expect(said).toMatchObject({ roomid, seq: 1, epoch: expect.any(String), id: expect.any(String) });
    for (const { said: heard } of people) {
      await eventually(() => expect(heard).toHaveLength(1));
      expect(heard[0]).toEqual({
        event: 'broadcast_say',
        roomid,
        epoch: said?.epoch,
        seq: 1,
        id: said?.id,
        at: said?.at,
        clientMsgId: 'm1',
        data: {
          username: 'p0',
          userId: people[0]?.hello.user.id,
          text: 'héllo </script> 🎈\n"\u2028',
          type: 3,
        },
      });
    }
  });

  it('return as much history to a joiner as requested, in the same shape', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    for (let n = 1; n <= 5; n += 1) await ann.do('say', { text: `t${n}` });
    const bob = await guest(1);
    const joined = await bob.do('join', { roomid, username: 'Bob', history: 2 });
    expect(joined).toMatchObject({ seq: 5, more: true, users: 2, clients: 2 });
    expect(textsOf(joined.messages)).toEqual(['t4', 't5']);
    await eventually(() => expect(ann.said).toHaveLength(5));
    expect(joined.messages).toEqual(ann.said.slice(3));
    expect(await bob.do('join', { roomid, history: 0 })).toMatchObject({ seq: 5, messages: [] });
    expect(await bob.do('join', { roomid })).toMatchObject({ seq: 5, more: false, users: 2 });
  });

  it('page through history in both directions', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    for (let n = 1; n <= 10; n += 1) await ann.do('say', { text: `t${n}` });
    const seqs = async (query: object) => {
      const page = await ann.do('room:history', { roomid, ...query });
      return { seqs: page.messages.map(({ seq }) => seq), more: page.more, top: page.top };
    };
    expect(await seqs({ limit: 3 })).toEqual({ seqs: [8, 9, 10], more: true, top: 10 });
    expect(await seqs({ before: 8, limit: 3 })).toEqual({ seqs: [5, 6, 7], more: true, top: 10 });
    expect(await seqs({ before: 3, limit: 3 })).toEqual({ seqs: [1, 2], more: false, top: 10 });
    expect(await seqs({ after: 0, limit: 3 })).toEqual({ seqs: [1, 2, 3], more: true, top: 10 });
    expect(await seqs({ after: 8 })).toEqual({ seqs: [9, 10], more: false, top: 10 });
    expect(await seqs({ after: 10 })).toEqual({ seqs: [], more: false, top: 10 });
  });

  it('end a page of messages at 256 KiB with `more`', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const text = 'x'.repeat(8_192);
    for (let n = 0; n < 40; n += 1) await ann.do('say', { text });
    const page = await ann.do('room:history', { after: 0, limit: 200 });
    expect(page.more).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(270 * 1024);
    expect(page.messages.length).toBeGreaterThan(20);
  });

  it('store a clientMsgId once, on any connection of the user and any worker', async () => {
    const roomid = newRoom();
    const options = { auth: { userId: `ann-${roomid}`.replaceAll(' ', '') } };
    const [one, two] = await Promise.all([
      visitor(0, roomid, 'Ann', options),
      visitor(1, roomid, 'Ann', options),
    ]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? one : two).do('say', { text: 'once', clientMsgId: 'same' }),
      ),
    );
    expect(new Set(answers.map(({ seq, id, epoch, at }) => `${seq} ${id} ${epoch} ${at}`)).size).toBe(1);
    expect(answers.filter(({ dup }) => !dup)).toHaveLength(1);
    await two.do('say', { text: 'last' });
    for (const { said } of [one, two]) {
      await eventually(() => expect(said.map(({ data }) => data.text)).toEqual(['once', 'last']));
    }
  });

  it('store each guest’s message under an id that another used, and refuse another text of the same guest', async () => {
    const roomid = newRoom();
    const [one, two] = await Promise.all([visitor(0, roomid, 'Kim'), visitor(1, roomid, 'Kim')]);
    expect(await one.do('say', { text: 'one', clientMsgId: '1' })).toMatchObject({ seq: 1 });
    expect(await two.do('say', { text: 'two', clientMsgId: '1' })).toMatchObject({ seq: 2 });
    const other = await one.ask('say', { text: 'other', clientMsgId: '1' });
    expect(other).toMatchObject({ ok: false, error: { code: 'bad_request', temporary: false } });
    expect(await one.do('say', { text: 'one', clientMsgId: '1' })).toMatchObject({ seq: 1, dup: true });
    await eventually(() => expect(two.said.map(({ data }) => data.text)).toEqual(['one', 'two']));
  });

  it('exclude the sender’s connection with echo:false, and no other', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const bob = await visitor(1, roomid, 'Bob');
    expect(await ann.do('say', { text: 'not to me', echo: false })).toMatchObject({ seq: 1 });
    await ann.do('say', { text: 'to all' });
    await eventually(() => expect(bob.said.map(({ seq }) => seq)).toEqual([1, 2]));
    await eventually(() => expect(ann.said.map(({ seq }) => seq)).toEqual([2]));
    expect((await ann.do('join', { roomid })).messages).toHaveLength(2);
  });

  it('can be several on one connection, and do not leak into each other', async () => {
    const [red, blue] = [newRoom(), newRoom()];
    const both = await visitor(0, red, 'Both');
    await both.do('join', { roomid: blue });
    const onlyBlue = await visitor(1, blue, 'Blue');
    await both.do('say', { text: 'in red' });
    await both.do('say', { text: 'in blue', roomid: blue });
    await eventually(() => expect(onlyBlue.said.map(({ data }) => data.text)).toEqual(['in blue']));
    await eventually(() => expect(both.said.map(({ roomid }) => roomid).sort()).toEqual([blue, red].sort()));
    await both.do('leave');
    expect(await both.ask('say', { text: 'gone' })).toMatchObject({ error: { code: 'not_joined' } });
    expect(await both.ask('leave')).toMatchObject({ error: { code: 'not_joined' } });
    await both.do('say', { text: 'still here', roomid: blue });
    await eventually(() => expect(onlyBlue.said).toHaveLength(2));
  });

  it('deliver nothing to a leaver after the ack of its leave', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const bob = await visitor(1, roomid, 'Bob');
    const says = Array.from({ length: 30 }, (_, n) => ann.do('say', { text: `t${n}` }));
    await bob.do('leave');
    const heardAtLeave = bob.messages.length;
    await Promise.all(says);
    const witness = await visitor(2, roomid, 'Witness');
    await ann.do('say', { text: 'last' });
    await eventually(() => expect(witness.said.at(-1)?.data.text).toBe('last'));
    expect(bob.messages).toHaveLength(heardAtLeave);
  });

  it('process the events of one connection in the order sent, without waiting', async () => {
    const roomid = newRoom();
    const ann = await guest(0);
    const acks = [
      ann.ask('say', { text: 'too early', roomid }),
      ann.ask('join', { roomid, username: 'Ann' }),
      ...Array.from({ length: 20 }, (_, n) => ann.ask('say', { text: `t${n}`, roomid })),
      ann.ask('leave', { roomid }),
      ann.ask('say', { text: 'too late', roomid }),
    ];
    const answers = await Promise.all(acks);
    expect(answers.map(({ ok }) => ok)).toEqual([false, ...Array(22).fill(true), false]);
    const bob = await guest(1);
    const { messages } = await bob.do('join', { roomid });
    expect(textsOf(messages)).toEqual(Array.from({ length: 20 }, (_, n) => `t${n}`));
  });

  it('process events that a client sent before its disconnect', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const userId = stage.fresh('hasty');
    const rounds = Array.from({ length: 10 }, (_, n) => `t${n}`);
    for (const text of rounds) {
      const bob = await visitor(1, roomid, 'Bob');
      bob.socket.emit('say', { text });
      bob.close();
      const eve = await visitor(1, `${roomid} ${text}`, 'Eve', { auth: { userId } });
      eve.socket.emit('leave', {});
      eve.close();
    }
    await eventually(() => expect(ann.said.map(({ data }) => data.text)).toEqual(rounds));
    const again = await guest(0, { auth: { userId } });
    await eventually(async () => expect((await again.do('rooms:mine')).rooms).toEqual([]));
  });

  it('announce joins and quits once per user', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const options = { auth: { userId: `bob${mode}`, avatar: '2.jpg' } };
    const bob = await visitor(1, roomid, 'Bob', options);
    const tab = await visitor(0, roomid, 'Bob', options);
    const person = { username: 'Bob', userId: `bob${mode}`, avatar: '2.jpg' };
    await bob.do('leave');
    expect(ann.messages.filter(({ event }) => event === 'broadcast_quit')).toEqual([]);
    await tab.do('leave');
    await eventually(() =>
      expect(ann.messages.slice(-2)).toEqual([
        { event: 'join', roomid, data: person },
        { event: 'broadcast_quit', roomid, data: person },
      ]),
    );
  });

  it('announce a leave and join in one burst as pairs, the last one too', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const bob = await visitor(1, roomid, 'Bob', { auth: { userId: `pairs${mode}` } });
    const asked = Array.from({ length: 3 }, () => [
      bob.ask('leave', { roomid }),
      bob.ask('join', { roomid }),
    ]);
    await Promise.all(asked.flat());
    await bob.do('leave', { roomid });
    const ofBob = () => ann.messages.filter(({ data }) => data.username === 'Bob').map(({ event }) => event);
    await eventually(() => expect(ofBob().at(-1)).toBe('broadcast_quit'));
    const told = ofBob();
    expect(told).toEqual(told.map((_, n) => (n % 2 === 0 ? 'join' : 'broadcast_quit')));
  });

  // Both wait for the grace time.
  it.concurrent('announce no user who was never admitted', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    for (let n = 0; n < 5; n += 1) {
      const ghost = connectRaw(at(1), { query: { roomid, username: `Ghost${n}` } });
      await new Promise((resolve) => ghost.once('connect', () => resolve(ghost.disconnect())));
    }
    const last = await visitor(1, roomid, 'Last');
    last.close();
    await eventually(
      () =>
        expect(ann.messages.at(-1)).toMatchObject({ event: 'broadcast_quit', data: { username: 'Last' } }),
      { interval: 100 },
    );
    const ghosts = ann.messages.filter(({ data }) => data.username.startsWith('Ghost'));
    const events = new Map<string, string[]>();
    for (const { event, data } of ghosts)
      events.set(data.username, [...(events.get(data.username) ?? []), event]);
    for (const told of events.values()) expect(told).toEqual(['join', 'broadcast_quit']);
  });

  it.concurrent('announce nothing for a refresh, and a quit for a user who stays away', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const options = { auth: { userId: `carl${mode}` } };
    const first = await visitor(1, roomid, 'Carl', options);
    await eventually(() =>
      expect(ann.messages.at(-1)).toMatchObject({ event: 'join', data: { username: 'Carl' } }),
    );
    first.close();
    const second = await visitor(2, roomid, 'Carl', options);
    second.close();
    await eventually(
      () =>
        expect(ann.messages.at(-1)).toMatchObject({ event: 'broadcast_quit', data: { username: 'Carl' } }),
      { interval: 100 },
    );
    expect(ann.messages.filter(({ data }) => data.username === 'Carl')).toHaveLength(2);
  });

  it('deliver all of a leaver’s own acked messages before it leaves', async () => {
    const roomid = newRoom();
    for (let round = 0; round < 20; round += 1) {
      const bob = await guest(round);
      const acks = await Promise.all([
        bob.ask('join', { roomid, history: 0 }),
        bob.ask('say', { text: `${round} a`, roomid }),
        bob.ask('say', { text: `${round} b`, roomid }),
        bob.ask('leave', { roomid }),
      ]);
      expect(acks.every(({ ok }) => ok)).toBe(true);
      expect(bob.said.map(({ data }) => data.text)).toEqual([`${round} a`, `${round} b`]);
    }
  });

  it('use a user’s new name, for the quit too, but no refused one', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    const bob = await visitor(1, roomid, 'Old');
    await bob.do('join', { roomid, username: 'New' });
    await bob.do('say', { text: 'x' });
    await eventually(() => expect(ann.said.at(-1)?.data.username).toBe('New'));
    for (let n = 1; n < 50; n += 1) await bob.do('join', { roomid: `${roomid} ${n}`, history: 0 });
    expect(await bob.ask('join', { roomid: 'one more', username: 'Refused' })).toMatchObject({
      error: { code: 'limit' },
    });
    await bob.do('leave', { roomid });
    await eventually(() =>
      expect(ann.messages.at(-1)).toMatchObject({ event: 'broadcast_quit', data: { username: 'New' } }),
    );
  });

  it('accept a returning guest only with its token', async () => {
    const { hello } = await guest(0);
    const again = await guest(1, { auth: { userId: hello.user.id, guestToken: hello.guestToken } });
    expect(again.hello.user).toEqual(hello.user);
    const thief = connectRaw(at(0), { auth: { userId: hello.user.id } });
    const error = await new Promise<Error & { data?: unknown }>((resolve) =>
      thief.once('connect_error', resolve),
    );
    expect(error.data).toMatchObject({ code: 'forbidden', temporary: false });
  });

  it('resume from a client’s position, or report that they cannot', async () => {
    const roomid = newRoom();
    const ann = await visitor(0, roomid, 'Ann');
    for (let n = 1; n <= 4; n += 1) await ann.do('say', { text: `t${n}` });
    const { epoch } = ann.joined;
    const back = await visitor(1, roomid, 'Bob', { auth: { resume: { epoch, seq: 2 } } });
    expect(back.joined).toMatchObject({ recovered: true, seq: 4 });
    expect(back.joined.messages.map(({ seq }) => seq)).toEqual([3, 4]);
    const lost = await visitor(1, roomid, 'Carl', { auth: { resume: { epoch: 'another', seq: 2 } } });
    expect(lost.joined).toMatchObject({ recovered: false, seq: 4 });
    expect(lost.joined.messages).toHaveLength(4);
  });

  it('are left with close, and the client stays away', async () => {
    const ann = await guest(0, { reconnection: true });
    const gone = new Promise((resolve) => ann.socket.once('disconnect', resolve));
    expect(await ann.ask('close')).toEqual({ ok: true });
    expect(await gone).toBe('io server disconnect');
    expect(ann.socket.active).toBe(false);
  });

  it('serve polling-only clients on the ports of the workers', async () => {
    const roomid = newRoom();
    const url = stage.system.workerUrls[0] as string;
    const polling = await enter(url, roomid, 'Polly', { transports: ['polling'] });
    const ann = await visitor(1, roomid, 'Ann');
    await polling.do('say', { text: 'by polling' });
    await ann.do('say', { text: 'by websocket' });
    for (const { said } of [polling, ann]) {
      await eventually(() =>
        expect(said.map(({ data }) => data.text)).toEqual(['by polling', 'by websocket']),
      );
    }
  });
});

describe.each(MODES)('namespaces, %s', (mode) => {
  it('that are not listed cannot be entered, not even the main one; a bye reaches all of a connection', async () => {
    const system = await startSystem(mode, { NAMESPACES: '/post,/get' }, { workersEach: 1 });
    const url = system.entrances[0] as string;
    for (const nsp of ['/', '/nope']) {
      const socket = connectRaw(url + nsp);
      const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
      expect(error.message).toBe('Invalid namespace');
    }
    const post = await enter(`${url}/post`, 'lobby', 'Post', { forceNew: false, multiplex: true });
    const get = await enter(`${url}/get`, 'lobby', 'Get', { forceNew: false, multiplex: true });
    expect(get.socket.io).toBe(post.socket.io);
    await system.stop();
    for (const { heard } of [post, get]) {
      await eventually(() => expect(heard.map(({ event }) => event)).toContain('bye'));
    }
  });

  it('have the same protocol and share nothing', async () => {
    const system = await startSystem(mode, { NAMESPACES: '/,/post' }, { workersEach: 1 });
    try {
      const [one, two] = [system.entrances[0] as string, system.entrances[1] as string];
      const main = await enter(one, 'lobby', 'Main');
      const post = await enter(`${one}/post`, 'lobby', 'Post');
      const otherPost = await enter(`${two}/post`, 'lobby', 'Other');
      await post.do('say', { text: 'in post' });
      await main.do('say', { text: 'in main' });
      await eventually(() => expect(otherPost.said.map(({ data }) => data.text)).toEqual(['in post']));
      await eventually(() => expect(main.said.map(({ data }) => data.text)).toEqual(['in main']));
      for (const member of [main, post, otherPost]) member.close();
    } finally {
      await system.stop();
    }
  });
});
