import { describe, expect, it, vi } from 'vitest';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { listen } from './chatter.ts';
import { refusal } from './fake-chat.ts';
import { screenForEach, silence } from './screen.ts';

const { fake, chatter, screen, texts, logged, joined } = screenForEach();

describe('a room of enter', () => {
  it('exists before the first join, and delivers what a joined room does', async () => {
    fake().store('tea', 'one');
    const one = screen();
    expect(one.room.joined).toBeUndefined();
    const heard = listen(one.room);
    await joined(one);
    fake().post('tea', 'two');
    await eventually(() => expect(heard.lines).toEqual(['history one', 'live two']));
    expect(await one.chat.join('tea')).toBe(one.room);
  });

  it('throws for an invalid room id and a closed client', () => {
    const { chat } = chatter();
    expect(() => chat.enter('a#b')).toThrow(expect.objectContaining({ code: 'bad_request' }));
    chat.close();
    expect(() => chat.enter('tea')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('retries a first join that is refused temporarily, after the time that the server gave', async () => {
    fake().script('join', refusal('unavailable', 'no store', 60));
    const one = screen();
    await joined(one);
    expect(one.refusals).toEqual(['unavailable for now']);
    const [first, second] = fake().ask('join');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(59);
  });

  it('waits for reconnect() after a permanent refusal, and resumes where it was', async () => {
    const one = screen();
    const heard = listen(one.room);
    fake().post('tea', 'missed by nobody');
    await joined(one);
    fake().post('tea', 'one');
    await eventually(() => expect(heard.lines.at(-1)).toBe('live one'));
    fake().script('join', refusal('forbidden', 'banned'));
    fake().cut();
    await eventually(() => expect(one.refusals).toEqual(['forbidden']));
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(3));
    fake().store('tea', 'two');
    one.chat.reconnect();
    await eventually(() => expect(heard.lines.at(-1)).toBe('replay two'));
    expect(fake().ask('join')).toHaveLength(3);
    expect(heard.closed).toEqual([]);
  });

  it('rejects a join with the refusal, and resolves a later one once it is joined', async () => {
    fake().script('join', refusal('forbidden', 'banned'));
    const one = screen();
    await expect(one.chat.join('tea')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(one.chat.join('tea')).rejects.toMatchObject({ code: 'forbidden' });
    one.chat.reconnect();
    expect(await one.chat.join('tea')).toBe(one.room);
  });

  it.each(['enter', 'join'] as const)(
    'leaves a room of %s again that it was joined to after a removal',
    async (call) => {
      fake().script('join', ({ proceed, socket }) => {
        socket.emit('removed', { roomid: 'tea', code: 'kicked' });
        proceed();
      });
      const { chat } = chatter();
      if (call === 'enter') chat.enter('tea');
      else await expect(chat.join('tea')).rejects.toMatchObject({ code: 'forbidden' });
      await eventually(() => expect(fake().asked.map(({ event }) => event)).toEqual(['join', 'leave']));
    },
  );

  it('stays outside when it is removed while the connection joins it', async () => {
    fake().script('joined', ({ proceed, socket }) => {
      socket.emit('removed', { roomid: 'tea', code: 'kicked' });
      proceed();
    });
    const one = screen({ username: 'Ada', roomid: 'tea' });
    await eventually(() => expect(fake().asked.map(({ event }) => event)).toEqual(['leave']));
    expect(one.refusals).toEqual(['forbidden']);
    expect(one.room.joined).toBeUndefined();
  });

  it('shows its members once a temporary refusal of the list is over', async () => {
    const one = screen();
    await joined(one);
    const page = { rev: 1, users: 1, clients: 1, members: [{ userId: 'ada', username: 'Ada' }] };
    fake().script('room:members', refusal('rate_limited', 'slower', 20), ({ ack }) =>
      ack({ ok: true, ...page }),
    );
    const seen: number[] = [];
    one.room.members(({ users }) => seen.push(users));
    await eventually(() => expect(seen).toEqual([1]));
  });

  it.each([
    ['kicked', 'you were removed from this room'],
    ['banned', 'you are banned from this room'],
  ])('reports that the user was %s, and delivers nothing until reconnect()', async (code, message) => {
    const one = screen();
    const heard = listen(one.room);
    const removed = vi.fn();
    const refused = vi.fn();
    one.room.on('removed', removed);
    one.room.on('refused', refused);
    await joined(one);
    fake().emit('removed', { roomid: 'tea', code });
    await eventually(() =>
      expect(refused).toHaveBeenCalledWith(expect.objectContaining({ message }), undefined),
    );
    expect(removed).toHaveBeenCalledWith({ roomid: 'tea', code });
    void one.room.say('waits');
    fake().post('tea', 'not delivered yet');
    one.chat.reconnect();
    await eventually(() => expect(heard.lines).toEqual(['replay not delivered yet', 'live waits']));
  });

  it('keeps waiting messages while the client is turned away, and sends them in order afterwards', async () => {
    const one = screen();
    await joined(one);
    fake().script('say', () => fake().bye({ code: 3503, reconnect: false, reason: 'by an operator' }));
    void one.room.say('one');
    void one.room.say('two');
    await eventually(() => expect(one.chat.state).toBe('closed'));
    void one.room.say('three');
    expect(texts(one)).toEqual(['one', 'two', 'three']);
    one.chat.reconnect();
    await eventually(() => expect(logged()).toEqual(['one', 'two', 'three']));
    await eventually(() => expect(one.room.unsent).toEqual([]));
  });

  it('reports a mute and counts, and the mute as `event` too', async () => {
    const one = screen();
    const heard: unknown[] = [];
    one.room.on('muted', (muted) => heard.push(muted));
    one.room.on('count', (count) => heard.push(count));
    one.chat.on('event', (name) => heard.push(name));
    await joined(one);
    fake().emit('muted', { roomid: 'tea', until: 5 });
    fake().emit('presence:count', { roomid: 'tea', rev: 1, users: 300, clients: 301 });
    const muted = { roomid: 'tea', until: 5 };
    await eventually(() => expect(heard).toEqual([muted, 'muted', { users: 300, clients: 301 }]));
  });
});

describe('the connection itself', () => {
  const options = { username: 'Ada', roomid: 'tea' };

  it('joins the room of the address, and resumes it', async () => {
    fake().store('tea', 'one');
    const one = screen(options);
    const heard = listen(one.room);
    fake().post('tea', 'two');
    await joined(one);
    fake().cut();
    fake().store('tea', 'three');
    await eventually(() => expect(heard.lines.at(-1)).toBe('replay three'));
    expect(fake().queries.map(({ roomid }) => roomid)).toEqual(['tea', 'tea']);
    expect(fake().auths[1]?.resume).toEqual({ epoch: 'e1', seq: 2 });
    await one.room.say('four');
    expect(fake().asked.map(({ event }) => event)).toEqual(['say']);
  });

  it.each([
    ['does not answer', silence, []],
    ['refuses it temporarily', refusal('unavailable', 'no store', 10), ['unavailable for now']],
  ])('is replaced by a join event when the server %s', async (_fault, step, refusals) => {
    fake().script('joined', step);
    const one = screen({ ...options, answerTimeoutMs: 200 });
    await joined(one);
    expect(fake().asked.map(({ event }) => event)).toEqual(['join']);
    expect(one.refusals).toEqual(refusals);
  });

  it('leaves the room again that the application left meanwhile', async () => {
    const { chat, room } = screen(options);
    const hello = new Promise((resolve) => chat.on('hello', resolve));
    await eventually(() => expect(fake().queries).toHaveLength(1));
    void room.leave();
    await hello;
    await eventually(() =>
      expect(fake().asked).toMatchObject([{ event: 'leave', payload: { roomid: 'tea' } }]),
    );
  });

  it('joins no room without a name, after leaving it, or with a `history` of its own', async () => {
    const nameless = screen({ roomid: 'tea' });
    await joined(nameless);
    await chatter(options).chat.join('tea', { history: 5 });
    const left = screen(options);
    await joined(left);
    await left.room.leave();
    fake().cut();
    await eventually(() => expect(fake().queries).toHaveLength(6));
    expect(fake().queries.map(({ roomid }) => roomid)).toEqual([undefined, undefined, 'tea', ...Array(3)]);
  });
});

describe('messages that failed', () => {
  it('stay with their problem until they are retried under the same clientMsgId, or discarded', async () => {
    const one = screen();
    const seen: string[][] = [];
    one.room.on('unsent', (drafts) =>
      seen.push(drafts.map(({ text, problem }) => `${text} ${problem?.code}`)),
    );
    await joined(one);
    fake().script('say', refusal('forbidden', 'muted'), refusal('forbidden', 'muted'));
    await Promise.allSettled([one.room.say('one'), one.room.say('two')]);
    expect(seen.at(-1)).toEqual(['one forbidden', 'two forbidden']);
    expect(one.chat.outbox).toBe(0);
    const [first, second] = one.room.unsent;
    await one.room.retry(first?.clientMsgId ?? '');
    one.room.discard(second?.clientMsgId ?? '');
    expect(seen.at(-1)).toEqual([]);
    expect(logged()).toEqual(['one']);
    const ids = fake()
      .ask('say')
      .map(({ payload }) => payload.clientMsgId);
    expect(ids[2]).toBe(ids[0]);
    await expect(one.room.retry('another')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('with an unknown fate are dropped once the room shows them', async () => {
    fake().limits = { dedupeTtlS: 0.2 };
    const one = screen();
    await joined(one);
    fake().script('say', ({ payload: { text, clientMsgId }, socket }) => {
      fake().store('tea', text, { clientMsgId });
      fake().guard = () => refuse('unavailable', 'later').error;
      socket.conn.close();
    });
    one.room.say('one').catch(() => undefined);
    await eventually(() => expect(one.room.unsent[0]?.problem?.code).toBe('unknown'));
    fake().guard = undefined;
    await eventually(() => expect(one.room.unsent).toEqual([]));
    expect(logged()).toEqual(['one']);
  });

  it('include those over the limit of the outbox', async () => {
    const one = screen({ maxOutbox: 2 });
    await joined(one);
    fake().script('say', silence);
    for (const text of ['one', 'two']) void one.room.say(text);
    await expect(one.room.say('three')).rejects.toMatchObject({ code: 'limit' });
    expect(one.room.unsent.map(({ problem }) => problem?.code)).toEqual([undefined, undefined, 'limit']);
    await expect(one.room.retry(one.room.unsent[2]?.clientMsgId ?? '')).rejects.toMatchObject({
      code: 'limit',
    });
  });

  it('include those of a guest that the server no longer knows: they are not sent under another name', async () => {
    const one = screen({ userId: undefined });
    await joined(one);
    fake().script('say', silence);
    for (const text of ['sent', 'not sent']) one.room.say(text).catch(() => undefined);
    await eventually(() => expect(fake().ask('say')).toHaveLength(1));
    fake().guard = ({ guestToken }) =>
      guestToken ? { code: 'forbidden', message: 'who?', temporary: false } : undefined;
    fake().cut();
    await eventually(() =>
      expect(one.room.unsent.map(({ problem }) => problem?.code)).toEqual(['unknown', 'wrong_user']),
    );
    await one.room.retry(one.room.unsent[1]?.clientMsgId ?? '');
    expect(logged()).toEqual(['not sent']);
  });
});
