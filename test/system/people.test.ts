import { describe, expect, it } from 'vitest';
import type { Item, PrivateMessage, PushMessage } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectRaw, type Member, type MemberOptions } from '../support/member.ts';
import { MODES } from '../support/system.ts';

describe.each(MODES)('people, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { RATE_SAY: '0', NAMESPACES: '/,/news' },
    { clientsStay: true, workersEach: 1 },
  );
  const { at, fresh, connect, enter } = stage;
  const device = (index: number, userId: string, options?: MemberOptions) =>
    stage.device(at(index), userId, options);

  function all<T>(member: Member, event: string): T[] {
    return member.heard.filter((one) => one.event === event).map(({ data }) => data as T);
  }
  async function together(...members: readonly Member[]): Promise<void> {
    const roomid = fresh('room');
    await Promise.all(members.map((member) => member.do('join', { roomid })));
  }
  async function shown(member: Member, count = 1): Promise<PushMessage> {
    await eventually(() => expect(all(member, 'push_message').length).toBeGreaterThanOrEqual(count));
    return all<PushMessage>(member, 'push_message').at(-1) as PushMessage;
  }
  const texts = (messages: readonly PrivateMessage[]) => messages.map(({ text }) => text);
  const itemTexts = (items: readonly Item[]) => items.map(({ data }) => (data as { text: string }).text);

  it('get private messages on all their connections, the sender on the others, each once and in order', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const bobs = await Promise.all([0, 1, 2].map((index) => device(index, bob)));
    const [sending, other] = await Promise.all([device(0, ann), device(1, ann)]);
    await together(sending as Member, bobs[1] as Member);
    for (let n = 1; n <= 20; n += 1) {
      const ack = await sending?.do('private', { to: bob, text: `t${n}`, clientMsgId: `c${n}` });
      expect(ack).toMatchObject({ seq: n, live: 3, id: expect.any(String), at: expect.any(Number) });
    }
    const wanted = Array.from({ length: 20 }, (_, index) => `t${index + 1}`);
    for (const member of [...bobs, other as Member]) {
      await eventually(() => expect(texts(all(member, 'private'))).toEqual(wanted));
    }
    expect(all(bobs[0] as Member, 'private')[0]).toEqual({
      id: expect.any(String),
      seq: 1,
      epoch: expect.any(String),
      at: expect.any(Number),
      from: { id: ann, name: 'Ann' },
      to: bob,
      text: 't1',
    });
    expect(all(sending as Member, 'private')).toEqual([]);
  });

  it('get items stored while they were away, unread until they acknowledge them', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await device(0, ann);
    for (const text of ['one', 'two', 'three']) {
      expect(await sender.do('private', { to: bob, text })).toMatchObject({ live: 0 });
    }
    const first = await device(1, bob);
    const message = await shown(first);
    expect(itemTexts(message.unread)).toEqual(['one', 'two', 'three']);
    expect(message).toMatchObject({ top: 3, read: [], more: false });
    expect(message.unread[0]).toMatchObject({ seq: 1, kind: 'private', from: { id: ann, name: 'Ann' } });
    expect(await first.do('inbox:ack', { recv: 3 })).toMatchObject({ recvSeq: 3, readSeq: 0 });
    const second = await device(2, bob);
    expect(itemTexts((await shown(second)).unread)).toEqual(['one', 'two', 'three']);
    expect(await second.do('inbox:ack', { read: 2 })).toMatchObject({ recvSeq: 3, readSeq: 2 });
    const third = await device(0, bob);
    const later = await shown(third);
    expect([itemTexts(later.unread), itemTexts(later.read)]).toEqual([['three'], ['one', 'two']]);
    expect(all(third, 'private')).toEqual([]);
  });

  it('get only newer items after a lost connection, and everything once', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await device(0, ann);
    const before = await device(1, bob);
    await sender.do('private', { to: bob, text: 'live' });
    await eventually(() => expect(texts(all(before, 'private'))).toEqual(['live']));
    const [{ epoch, seq }] = all<PrivateMessage>(before, 'private') as [PrivateMessage];
    before.close();
    await sender.do('private', { to: bob, text: 'missed' });
    const after = await device(2, bob, { auth: { inbox: { epoch, seq } } });
    expect(itemTexts((await shown(after)).unread)).toEqual(['missed']);
    await sender.do('private', { to: bob, text: 'live again' });
    await eventually(() => expect(texts(all(after, 'private'))).toEqual(['live again']));
  });

  it('miss nothing and get nothing twice between login and live, under constant writes', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await device(0, ann);
    let writing = true;
    const written = (async () => {
      let n = 0;
      for (; writing; n += 1) await sender.do('private', { to: bob, text: `${n}` });
      return n;
    })();
    const devices: Member[] = [];
    for (let n = 0; n < 20; n += 1) devices.push(await device(n, bob));
    writing = false;
    const count = (await written) + 1;
    await sender.do('private', { to: bob, text: `${count - 1}` });
    for (const member of devices) {
      await eventually(() => expect(texts(all(member, 'private')).at(-1)).toBe(`${count - 1}`));
      const [first] = all<PrivateMessage>(member, 'private');
      const message = await shown(member);
      expect(first?.seq).toBe(message.top + 1);
      const seqs = all<PrivateMessage>(member, 'private').map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.map((_, index) => message.top + 1 + index));
      member.close();
    }
  });

  it('get each announcement once, in the inbox or live, and hello before everything', async () => {
    // Of a namespace of its own: nobody else is told.
    const bob = fresh('Bob');
    const arrive = async (index: number) => {
      const member = await connect(`${at(index)}/news`, { auth: { userId: bob } });
      return member;
    };
    await (await arrive(0)).do('inbox:list', {});
    const ids: string[] = [];
    let announcing = true;
    const announced = (async () => {
      while (announcing && ids.length < 40) {
        const response = await fetch(`${at(ids.length)}/api/v1/announce?ns=/news`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...stage.system.keyHeader },
          body: JSON.stringify({ data: { text: `news ${ids.length}` } }),
        });
        ids.push(((await response.json()) as { id: string }).id);
      }
    })();
    const devices: Member[] = [];
    for (let n = 0; n < 12; n += 1) devices.push(await arrive(n));
    announcing = false;
    await announced;
    const had = (member: Member) => [
      ...all<PushMessage>(member, 'push_message').flatMap(({ unread }) => unread.map(({ id }) => id)),
      ...all<{ id: string }>(member, 'announcement').map(({ id }) => id),
    ];
    for (const member of devices) {
      await eventually(() => expect(had(member).sort()).toEqual([...ids].sort()));
      expect(member.heard[0]?.event).toBe('hello');
      member.close();
    }
  });

  it('leave nothing behind if they disconnect before admission', async () => {
    const quick = Array.from({ length: 60 }, () => fresh('Quick'));
    await Promise.all(
      quick.map(async (userId, index) => {
        const socket = connectRaw(at(index), { auth: { userId } });
        await new Promise<void>((resolve) => socket.once('connect', resolve));
        // Before the worker could have asked the store.
        socket.io.engine.close();
      }),
    );
    await eventually(async () => {
      const counted = await Promise.all(
        quick.map(async (userId, index) => {
          const response = await fetch(`${at(index)}/api/v1/users/${userId}`, {
            headers: stage.system.keyHeader,
          });
          return ((await response.json()) as { connections: number }).connections;
        }),
      );
      expect(counted.every((connections) => connections === 0)).toBe(true);
    });
  });

  it('are found by a unique nickname in a room, and by no unknown or ambiguous one', async () => {
    const roomid = fresh('room');
    const named = (name: string, index: number) =>
      enter(at(index), roomid, name, { auth: { userId: fresh(name) } });
    const ann = await named('Ann', 0);
    const carl = await named('Carl', 1);
    for (const index of [2, 3]) await named('Bob', index);
    expect(await ann.do('private', { toName: 'Carl', text: 'psst' })).toMatchObject({ live: 1 });
    await eventually(() => expect(texts(all(carl, 'private'))).toEqual(['psst']));
    expect(await ann.ask('private', { toName: 'Dan', text: 'x' })).toMatchObject({
      error: { code: 'not_found' },
    });
    expect(await ann.ask('private', { toName: 'Bob', text: 'x' })).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('toName') },
    });
    expect(await ann.ask('private', { toName: 'Carl', roomid: 'elsewhere', text: 'x' })).toMatchObject({
      error: { code: 'not_joined' },
    });
    expect(await ann.ask('private', { text: 'x' } as never)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('to:') },
    });
  });

  it('hide from strangers whether they exist and are there, and not from members of a common room', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const [sender, receiver] = await Promise.all([device(0, ann), device(1, bob)]);
    const ask = async (to: string) => {
      const { seq, live } = await sender.do('private', { to, text: 'there?' });
      return { seq, live };
    };
    for (const to of [bob, fresh('nobody')]) expect(await ask(to)).toEqual({ seq: 0, live: 0 });
    await together(sender, receiver);
    expect(await ask(bob)).toEqual({ seq: 2, live: 1 });
    await eventually(() => expect(all(receiver, 'private')).toHaveLength(2));
  });

  it('get a todo whole, with its stored position beside it', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const [sender, receiver] = await Promise.all([device(0, ann), device(1, bob)]);
    const todo = { receiver_id: bob, title: 'x', deep: { list: [1, null, 'ü'] }, socketId: 'forged' };
    const ack = await sender.do('todo', todo as never);
    expect(ack).toMatchObject({ seq: 1, live: 1 });
    await eventually(() => expect(all(receiver, 'todo_message')).toHaveLength(1));
    const [said, meta] = receiver.heard.find(({ event }) => event === 'todo_message')?.args ?? [];
    expect(said).toEqual(todo);
    expect(meta).toEqual({ id: ack.id, seq: 1, epoch: expect.any(String), at: ack.at });
    let deep: unknown = 'end';
    for (let depth = 0; depth < 20; depth += 1) deep = [deep];
    expect(await sender.ask('todo', { receiver_id: bob, deep } as never)).toMatchObject({
      error: { code: 'bad_request' },
    });
    const long = { receiver_id: bob, text: 'x'.repeat(4 * 8192) };
    expect(await sender.ask('todo', long as never)).toMatchObject({ error: { code: 'too_large' } });
    expect(await sender.ask('todo', { title: 'x' } as never)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('receiver_id') },
    });
  });

  it('have the user id of their login, in every room and for every message, until the next login', async () => {
    const roomid = fresh('room');
    const [ann, zoe] = [fresh('Ann'), fresh('Zoe')];
    const watcher = await enter(at(1), roomid, 'Watcher');
    const member = await enter(at(0), roomid, 'Ann');
    const writer = await device(2, fresh('Writer'));
    await writer.do('join', { roomid });
    await writer.do('private', { to: ann, text: 'for ann' });
    await writer.do('private', { to: zoe, text: 'for zoe' });
    expect(await member.do('user_login', { userId: ann, socketId: 'forged' } as never)).toMatchObject({
      user: { id: ann, name: 'Ann' },
    });
    expect(itemTexts((await shown(member)).unread)).toEqual(['for ann']);
    expect(await member.do('user_login', { userId: 7, tokenId: zoe } as never)).toMatchObject({
      user: { id: zoe },
    });
    expect(itemTexts((await shown(member, 2)).unread)).toEqual(['for zoe']);
    expect(await writer.do('private', { to: ann, text: 'gone' })).toMatchObject({ live: 0 });
    expect(await writer.do('private', { to: zoe, text: 'here' })).toMatchObject({ live: 1 });
    await eventually(() => expect(texts(all(member, 'private'))).toEqual(['here']));
    await member.do('say', { text: 'as zoe' });
    await eventually(() => expect(watcher.said.at(-1)?.data).toMatchObject({ userId: zoe, text: 'as zoe' }));
    const moves = () =>
      watcher.messages
        .filter(({ event }) => event !== 'broadcast_say')
        .map(({ event, data }) => `${event} ${data.userId}`);
    await eventually(() =>
      expect(moves().filter((move) => move.includes(mode))).toEqual(
        expect.arrayContaining([`join ${ann}`, `broadcast_quit ${ann}`, `join ${zoe}`]),
      ),
    );
    expect(await member.do('join')).toMatchObject({ users: 3, clients: 3 });
  });

  it('may log in repeatedly, but with a limit: each login may fill an inbox', async () => {
    const member = await device(0, fresh('Ann'));
    const answers = await Promise.all(
      Array.from({ length: 150 }, () => member.ask('user_login', { userId: fresh('Many') })),
    );
    const refused = answers.filter((answer) => !answer.ok);
    expect(answers.slice(0, 20).every(({ ok }) => ok)).toBe(true);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer).toMatchObject({ error: { code: 'rate_limited', retryAfterMs: expect.any(Number) } });
    }
  });

  it('see only their own inbox, page by page', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await device(0, ann);
    for (let n = 1; n <= 5; n += 1) await sender.do('private', { to: bob, text: `t${n}` });
    const receiver = await device(1, bob);
    const newest = await receiver.do('inbox:list', { limit: 2 });
    expect(newest).toMatchObject({ top: 5, recvSeq: 0, readSeq: 0, more: true });
    expect(itemTexts(newest.items)).toEqual(['t4', 't5']);
    const rest = await receiver.do('inbox:list', { before: 4 });
    expect([itemTexts(rest.items), rest.more]).toEqual([['t1', 't2', 't3'], false]);
    expect(await receiver.do('inbox:ack', { read: 99 })).toMatchObject({ recvSeq: 5, readSeq: 5 });
    expect(await receiver.do('inbox:ack', { read: 1, recv: 2 })).toMatchObject({ recvSeq: 5, readSeq: 5 });
    expect(await receiver.ask('inbox:ack', {})).toMatchObject({ error: { code: 'bad_request' } });
    const own = await sender.do('inbox:list', {});
    expect(own.items.every(({ from }) => from?.id === ann)).toBe(true);
  });

  it('keep their inbox, its markers and its numbers over a kill and restart of everything', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await device(0, ann);
    for (const text of ['one', 'two', 'three']) await sender.do('private', { to: bob, text });
    const before = await device(1, bob);
    const { epoch, top } = await shown(before);
    await before.do('inbox:ack', { read: 1 });
    await stage.system.restart('SIGKILL');
    const [resumed, unknown, writer] = await Promise.all([
      device(0, bob, { auth: { inbox: { epoch, seq: top - 1 } } }),
      device(1, bob),
      device(2, ann),
    ]);
    expect(itemTexts((await shown(resumed)).unread)).toEqual(['three']);
    const message = await shown(unknown);
    expect([itemTexts(message.unread), itemTexts(message.read)]).toEqual([['two', 'three'], ['one']]);
    await writer.do('private', { to: bob, text: 'four' });
    await eventually(() => expect(all(unknown, 'private')).toMatchObject([{ seq: 4, text: 'four' }]));
  });
});
