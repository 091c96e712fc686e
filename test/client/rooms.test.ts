import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { listen, textsOf } from './chatter.ts';
import { refusal } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

describe('joining', () => {
  it('connects without a room in the address and joins by the event, with as much history as asked', async () => {
    fake().store('tea', 'one');
    fake().store('tea', 'two');
    const room = await chatter({ username: 'Ada' }).chat.join('tea', { history: 1 });
    expect(fake().queries[0]).not.toHaveProperty('roomid');
    expect(fake().auths[0]).toEqual({ userId: 'ada', username: 'Ada' });
    expect(fake().ask('join')).toMatchObject([{ payload: { roomid: 'tea', history: 1 } }]);
    expect(room.joined).toMatchObject({ epoch: 'e1', seq: 2, users: 1 });
  });

  it('keeps events for the first listener, in order', async () => {
    fake().store('tea', 'one');
    const room = await chatter().chat.join('tea');
    fake().post('tea', 'two');
    const { epoch, seq } = await room.say('three');
    expect([epoch, seq]).toEqual(['e1', 3]);
    const heard = listen(room);
    fake().post('tea', 'four');
    await eventually(() => {
      expect(heard.lines).toEqual(['history one', 'live two', 'live three', 'live four']);
    });
    expect(heard.joins).toHaveLength(1);
  });

  it('delivers live messages that overtook the answer to the join after it', async () => {
    fake().store('tea', 'one');
    fake().script('join', ({ socket, proceed }) => {
      void socket.join('tea');
      const early = { ...fake().store('tea', 'two') };
      fake().deliver({ ...early, seq: 3, data: { ...early.data, text: 'three' } });
      proceed();
      fake().room('tea').top = 3;
    });
    const heard = listen(await chatter().chat.join('tea'));
    await eventually(() => expect(heard.lines).toEqual(['history one', 'history two', 'live three']));
  });

  it('waits for a connection', async () => {
    fake().guard = () => ({ code: 'unavailable', message: 'not yet', temporary: true });
    const { chat, states } = chatter();
    const joining = chat.join('tea');
    await eventually(() => expect(states.some(({ state }) => state === 'offline')).toBe(true));
    fake().guard = undefined;
    expect((await joining).roomid).toBe('tea');
  });

  it('gives the same room to everyone who asks for it', async () => {
    const { chat } = chatter();
    const [one, other] = await Promise.all([chat.join('tea'), chat.join('tea')]);
    expect(one).toBe(other);
    expect(fake().ask('join')).toHaveLength(1);
  });

  it('rejects with the refusal, for now or for good, and can be tried again', async () => {
    const { chat } = chatter();
    fake().script('join', refusal('forbidden', 'not you'), refusal('unavailable', 'no store', 700));
    await expect(chat.join('tea')).rejects.toMatchObject({ code: 'forbidden', temporary: false });
    await expect(chat.join('tea')).rejects.toMatchObject({
      name: 'ClientError',
      code: 'unavailable',
      temporary: true,
      retryAfterMs: 700,
    });
    expect((await chat.join('tea')).roomid).toBe('tea');
  });

  it('refuses an invalid room id without asking the server', async () => {
    const { chat } = chatter();
    await expect(chat.join('a#b')).rejects.toMatchObject({ code: 'bad_request' });
    expect(fake().asked).toEqual([]);
  });
});

describe('order while connected', () => {
  it('drops repeated messages', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    const one = fake().post('tea', 'one');
    const two = fake().post('tea', 'two');
    fake().deliver(one);
    fake().deliver(two);
    fake().post('tea', 'three');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two', 'three']));
    expect(fake().ask('join')).toHaveLength(1);
  });

  it('reads the log before it delivers messages that arrive in the wrong order', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().post('tea', 'one');
    const [two, three] = [fake().store('tea', 'two'), fake().store('tea', 'three')];
    fake().deliver(three);
    fake().deliver(two);
    fake().post('tea', 'four');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two', 'three', 'four']));
    expect(fake().ask('join')[1]?.payload.resume).toEqual({ epoch: 'e1', seq: 1 });
    expect(heard.gaps).toEqual([]);
  });

  it('fills a hole from the log', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().store('tea', 'one');
    fake().store('tea', 'two');
    fake().post('tea', 'three');
    await eventually(() => expect(heard.lines).toEqual(['replay one', 'replay two', 'replay three']));
  });

  it('delivers deletions in order, live or from the log', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().post('tea', 'one');
    fake().deliver(fake().remove('tea', 1));
    fake().post('tea', 'two');
    const lines = ['live one', 'live -1', 'live two'];
    await eventually(() => expect(heard.lines).toEqual(lines));
    expect(fake().ask('join')).toHaveLength(1);
    fake().remove('tea', 3);
    fake().post('tea', 'three');
    await eventually(() => expect(heard.lines).toEqual([...lines, 'replay -3', 'replay three']));
    expect(heard.gaps).toEqual([]);
    fake().deliver({ event: 'deleted', roomid: 'tea', seq: 6 } as never);
    fake().post('tea', 'of a worker without numbered deletions');
    await eventually(() => expect(heard.lines).toHaveLength(6));
    expect(fake().ask('join')).toHaveLength(2);
  });

  it('shows no text in a page that a deletion has overtaken', async () => {
    const room = await chatter().chat.join('tea');
    const heard = listen(room);
    fake().post('tea', 'secret');
    fake().post('tea', 'stays');
    let answer: () => void = () => undefined;
    fake().script('room:history', ({ ack, proceed }) => proceed((page) => (answer = () => ack(page))));
    const page = room.history();
    await eventually(() => expect(fake().ask('room:history')).toHaveLength(1));
    fake().deliver(fake().remove('tea', 1));
    await eventually(() => expect(heard.lines).toContain('live -1'));
    answer();
    const { messages } = await page;
    expect(messages).toMatchObject([
      { seq: 1, deleted: true, data: { text: '' } },
      { data: { text: 'stays' } },
    ]);
    expect((await room.history()).messages).toMatchObject([...messages, { event: 'deleted', ref: 1 }]);
  });

  it('reads the log once for a message that is not in it, and goes on', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    const one = fake().post('tea', 'one');
    fake().deliver({ ...one, seq: 9 });
    await eventually(() => expect(heard.joins).toHaveLength(2));
    fake().post('tea', 'two');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two']));
    expect(fake().ask('join')).toHaveLength(2);
  });

  it('goes on under a new epoch that counts on, and asks when the numbers do not meet', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().post('tea', 'one');
    fake().room('tea').epoch = 'e2';
    fake().post('tea', 'two');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two']));
    expect(fake().ask('join')).toHaveLength(1);

    Object.assign(fake().room('tea'), { epoch: 'e3', top: 0, log: [] });
    fake().post('tea', 'one again');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two', 'one again']));
    expect(heard.gaps).toEqual([{ roomid: 'tea', epoch: 'e3', from: 1, to: 2, reason: 'epoch' }]);
  });

  it('reports a gap of the server, and goes on behind it', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().post('tea', 'one');
    fake().room('tea').top = 5;
    fake().gap({ roomid: 'tea', epoch: 'e1', from: 2, to: 5, reason: 'trimmed' });
    fake().post('tea', 'six');
    Object.assign(fake().room('tea'), { epoch: 'e2', top: 4 });
    fake().gap({ roomid: 'tea', epoch: 'e2', from: 5, to: 6, reason: 'epoch' });
    fake().post('tea', 'five anew');
    await eventually(() => {
      expect(heard.lines).toEqual([
        'live one',
        'gap 2-5 trimmed',
        'live six',
        'gap 5-6 epoch',
        'live five anew',
      ]);
    });
    expect(fake().ask('join')).toHaveLength(1);
  });
});

describe('coming back', () => {
  it('resumes every room at the last delivered message', async () => {
    const { chat, states } = chatter();
    const tea = listen(await chat.join('tea'));
    const sea = listen(await chat.join('sea'));
    fake().post('tea', 'tea 1');
    fake().post('tea', 'tea 2');
    fake().post('sea', 'sea 1');
    await eventually(() => expect([tea.messages.length, sea.messages.length]).toEqual([2, 1]));
    fake().cut();
    fake().store('tea', 'tea 3');
    fake().store('sea', 'sea 2');
    await eventually(() => expect(textsOf(sea)).toEqual(['sea 1', 'sea 2']));
    fake().post('tea', 'tea 4');
    await eventually(() => {
      expect(tea.lines).toEqual(['live tea 1', 'live tea 2', 'replay tea 3', 'live tea 4']);
    });
    expect(
      fake()
        .ask('join')
        .map(({ payload }) => [payload.roomid, payload.resume?.seq]),
    ).toEqual([
      ['tea', undefined],
      ['sea', undefined],
      ['tea', 2],
      ['sea', 1],
    ]);
    expect(states.map(({ state }) => state)).toEqual(['online', 'offline', 'connecting', 'online']);
  });

  it('never counts an ack as the delivery of a message', async () => {
    const room = await chatter().chat.join('tea');
    const heard = listen(room);
    fake().script('say', ({ socket, proceed }) => {
      void socket.leave('tea');
      proceed();
    });
    await room.say('one');
    fake().cut();
    await eventually(() => expect(heard.lines).toEqual(['replay one']));
  });

  it('reports the messages that a trimmed log lost, and continues from the page', async () => {
    const heard = listen(await chatter().chat.join('tea', { history: 2 }));
    fake().post('tea', '1');
    await eventually(() => expect(textsOf(heard)).toEqual(['1']));
    fake().cut();
    for (const text of ['2', '3', '4', '5']) fake().store('tea', text);
    fake().room('tea').log.splice(0, 2);
    await eventually(() =>
      expect(heard.lines).toEqual(['live 1', 'gap 2-3 trimmed', 'replay 4', 'replay 5']),
    );
    expect(heard.joins.at(-1)?.recovered).toBe(false);
    expect(heard.gaps).toEqual([{ roomid: 'tea', epoch: 'e1', from: 2, to: 3, reason: 'trimmed' }]);
  });

  it('reports the messages that an older store lost, and delivers those it has now', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    for (const text of ['1', '2', '3']) fake().post('tea', text);
    await eventually(() => expect(heard.messages).toHaveLength(3));
    fake().cut();
    const room = fake().room('tea');
    room.log.pop();
    Object.assign(room, { epoch: 'e2', top: 2 });
    fake().store('tea', '3 anew');
    await eventually(() => {
      expect(heard.lines).toEqual(['live 1', 'live 2', 'live 3', 'gap 3-3 epoch', 'replay 3 anew']);
    });
  });

  it('waits as long as the server says when it refuses a rejoin temporarily', async () => {
    const heard = listen(await chatter().chat.join('tea'));
    fake().script('join', refusal('unavailable', 'no store', 60), refusal('internal', 'oops', 10));
    fake().cut();
    fake().store('tea', 'one');
    await eventually(() => expect(heard.lines).toEqual(['replay one']));
    const [, second, third] = fake().ask('join');
    expect((third?.at ?? 0) - (second?.at ?? 0)).toBeGreaterThanOrEqual(59);
  });

  it('closes a room whose rejoin is refused, and fails its waiting messages', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    const heard = listen(room);
    fake().script('join', refusal('forbidden', 'banned'));
    fake().script('say', ({ socket }) => socket.conn.close());
    const outcomes = Promise.allSettled([room.say('sent'), room.say('not sent')]);
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'unknown' } },
      { status: 'rejected', reason: { code: 'forbidden' } },
    ]);
    expect(heard.closed).toEqual(['forbidden']);
    await expect(room.say('more')).rejects.toMatchObject({ code: 'closed' });
    expect(chat.outbox).toBe(0);
  });
});

describe('leaving', () => {
  it('ends all events, and the room may be joined again', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    const heard = listen(room);
    const left = room.leave();
    fake().post('tea', 'late');
    await left;
    expect(heard.closed).toEqual([undefined]);
    const again = listen(await chat.join('tea'));
    fake().post('tea', 'hello again');
    await eventually(() => expect(again.lines).toEqual(['history late', 'live hello again']));
    expect(heard.lines).toEqual([]);
  });

  it('happens too when the server removes the client', async () => {
    const { chat } = chatter();
    const heard = listen(await chat.join('tea'));
    const events: unknown[] = [];
    chat.on('event', (...args) => events.push(args));
    fake().emit('removed', { roomid: 'tea', code: 'kicked' });
    await eventually(() => expect(heard.closed).toEqual(['forbidden']));
    expect(events).toEqual([['removed', { roomid: 'tea', code: 'kicked' }]]);
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(2));
    expect(fake().ask('join')).toHaveLength(1);
  });
});

it('reads history, and reports presence apart from messages', async () => {
  const { chat } = chatter();
  const room = await chat.join('tea');
  const people: unknown[] = [];
  room.on('presence', ({ event, data }) => people.push([event, data.username]));
  fake().post('tea', 'one');
  fake().emit('message', { event: 'join', roomid: 'tea', data: { username: 'Bob', userId: 'bob' } });
  await eventually(() => expect(people).toEqual([['join', 'Bob']]));
  const page = await room.history({ limit: 10 });
  expect(page).toMatchObject({ epoch: 'e1', top: 1, more: false, messages: [{ data: { text: 'one' } }] });
  fake().script('room:history', refusal('bad_request', 'limit: too many'));
  await expect(room.history({ limit: 1_000 })).rejects.toMatchObject({ code: 'bad_request' });
  chat.close();
  await expect(room.history()).rejects.toMatchObject({ code: 'unavailable' });
});

it('survives listeners that throw, and reports their errors', async () => {
  const { chat, errors } = chatter();
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const room = await chat.join('tea');
  chat.on('error', () => {
    throw new Error('even here');
  });
  room.on('message', () => {
    throw new Error('a bug of the application');
  });
  const heard = listen(room);
  fake().post('tea', 'one');
  await room.say('two');
  await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two']));
  expect(errors).toEqual([new Error('a bug of the application'), new Error('a bug of the application')]);
  expect(shown.mock.calls).toEqual([[new Error('even here')], [new Error('even here')]]);
  shown.mockRestore();
});

describe('a signal', () => {
  it('is sent once and heard room by room', async () => {
    const { chat } = chatter();
    const [tea, milk] = await Promise.all([chat.join('tea'), chat.join('milk')]);
    const heard: unknown[] = [];
    for (const room of [tea, milk]) room.on('signal', (signal) => heard.push([room.roomid, signal]));
    await tea.signal('pointer', { x: 1 });
    await milk.signal('call', undefined, { to: 'bob' });
    expect(fake().ask('signal')).toMatchObject([
      { payload: { roomid: 'tea', name: 'pointer', data: { x: 1 } } },
      { payload: { roomid: 'milk', name: 'call', to: 'bob' } },
    ]);
    const signal = { roomid: 'milk', name: 'ring', from: { userId: 'bob', username: 'Bob' } };
    fake().emit('signal', signal);
    await eventually(() => expect(heard).toEqual([['milk', signal]]));
  });

  it('rejects with the refusal, and at once what cannot be sent', async () => {
    const { chat } = chatter();
    const tea = await chat.join('tea');
    fake().script('signal', refusal('forbidden', 'muted'));
    await expect(tea.signal('pointer')).rejects.toMatchObject({ code: 'forbidden' });
    const asked = fake().ask('signal').length;
    await expect(tea.signal('')).rejects.toMatchObject({ code: 'bad_request' });
    await expect(tea.signal('x'.repeat(65))).rejects.toMatchObject({ code: 'bad_request' });
    await expect(tea.signal('x', undefined, { to: 'a#b' })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(tea.signal('x', () => 0)).rejects.toMatchObject({ code: 'bad_request' });
    await expect(tea.signal('x', 'é'.repeat(2_048))).rejects.toMatchObject({ code: 'too_large' });
    await tea.leave();
    await expect(tea.signal('x')).rejects.toMatchObject({ code: 'unavailable' });
    expect(fake().ask('signal')).toHaveLength(asked);
  });
});

describe('typing', () => {
  it('ends with a message of its author, also when its own end is lost', async () => {
    const tea = await chatter().chat.join('tea');
    const seen: string[] = [];
    tea.on('typing', ({ username, on }) => seen.push(`${username} ${on ? 'began' : 'stopped'}`));
    tea.on('message', ({ data }) => seen.push(data.text));
    fake().emit('typing', { roomid: 'tea', userId: 'ada', username: 'Ada', on: true });
    fake().post('tea', 'done');
    await eventually(() => expect(seen).toEqual(['Ada began', 'Ada stopped', 'done']));
  });

  it('is sent and received room by room', async () => {
    const { chat } = chatter();
    const [tea, milk] = await Promise.all([chat.join('tea'), chat.join('milk')]);
    const seen: string[] = [];
    for (const room of [tea, milk]) {
      room.on('typing', ({ roomid, username, on }) => seen.push(`${roomid} ${username} ${on}`));
    }
    tea.typing(true);
    tea.typing(true);
    tea.typing(false);
    // The end comes twice.
    await eventually(() =>
      expect(fake().ask('typing')).toMatchObject(
        [true, false, false].map((on) => ({ payload: { roomid: 'tea', on } })),
      ),
    );
    for (const on of [true, true, false]) {
      fake().emit('typing', { roomid: 'milk', userId: 'bob', username: 'Bob', on });
    }
    await eventually(() => expect(seen).toEqual(['milk Bob true', 'milk Bob false']));
  });
});
