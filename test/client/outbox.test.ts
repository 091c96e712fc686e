import { describe, expect, it } from 'vitest';
import type { ChatMessage, ClientStorage } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { listen, textsOf } from './chatter.ts';
import { refusal, type Step } from './fake-chat.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

const cutBeforeStored: Step = ({ socket }) => socket.conn.close();
const cutBeforeAcked: Step = ({ socket, proceed }) => {
  proceed(() => undefined);
  socket.conn.close();
};
const loseAck: Step = ({ proceed }) => proceed(() => undefined);
const silence: Step = () => undefined;

const logged = (roomid: string) =>
  fake()
    .room(roomid)
    .log.map((entry) => (entry.event === 'broadcast_say' ? entry.data.text : entry));

describe('sending until stored', () => {
  it.each([
    ['the connection is lost before the message is stored', cutBeforeStored, {}],
    ['the connection is lost before the ack', cutBeforeAcked, { dup: true }],
    ['the ack is lost on a live connection', loseAck, { dup: true }],
    ['the server does not answer', silence, {}],
  ] as const)('stores once and acks when %s', async (_fault, step, answer) => {
    const { chat } = chatter({ answerTimeoutMs: 300 });
    const room = await chat.join('tea');
    const heard = listen(room);
    fake().script('say', step);
    const saying = Promise.all([room.say('one'), room.say('two'), room.say('three')]);
    expect(chat.outbox).toBe(3);
    const said = await saying;
    expect(said.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(said[0]).toMatchObject(answer);
    expect(said[0]).not.toHaveProperty('ok');
    await eventually(() => expect(textsOf(heard)).toEqual(['one', 'two', 'three']));
    expect(logged('tea')).toEqual(['one', 'two', 'three']);
    const ids = fake()
      .ask('say')
      .map(({ payload }) => payload.clientMsgId);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
    expect(chat.outbox).toBe(0);
  });

  it('emits nothing while offline, and sends it after the room is joined again', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    fake().guard = () => ({ code: 'unavailable', message: 'later', temporary: true });
    fake().cut();
    await eventually(() => expect(chat.state).not.toBe('online'));
    const saying = room.say('patience');
    fake().guard = undefined;
    await saying;
    expect(fake().asked.map(({ event }) => event)).toEqual(['join', 'join', 'say']);
  });

  it('joins again and sends again when the server does not know it as a member', async () => {
    const room = await chatter().chat.join('tea');
    fake().script('say', refusal('not_joined', 'join tea first'));
    expect((await room.say('one')).seq).toBe(1);
    expect(fake().asked.map(({ event }) => event)).toEqual(['join', 'say', 'join', 'say']);
    fake().script('say', refusal('not_joined', 'no'), refusal('not_joined', 'no'));
    await expect(room.say('two')).rejects.toMatchObject({ code: 'not_joined' });
  });

  it('retries a temporarily refused message after the time that the server gave, and the rest of the room behind it', async () => {
    const room = await chatter().chat.join('tea');
    fake().script('say', refusal('rate_limited', 'slower', 80), refusal('unavailable', 'no store', 20));
    await Promise.all(['one', 'two', 'three'].map((text) => room.say(text)));
    expect(logged('tea')).toEqual(['one', 'two', 'three']);
    const says = fake().ask('say');
    expect(says.map(({ payload }) => payload.text)).toEqual(['one', 'one', 'one', 'two', 'three']);
    expect((says[1]?.at ?? 0) - (says[0]?.at ?? 0)).toBeGreaterThanOrEqual(79);
  });

  it('backs off when the server gives no time, and other rooms send meanwhile', async () => {
    const { chat } = chatter({ random: () => 0 });
    const [tea, sea] = await Promise.all([chat.join('tea'), chat.join('sea')]);
    fake().script('say', refusal('internal', 'oops'));
    const slow = tea.say('slow');
    await sea.say('quick');
    expect(logged('tea')).toEqual([]);
    await slow;
    expect(logged('tea')).toEqual(['slow']);
  });

  it('rejects a message that is refused permanently, and goes on with the next', async () => {
    const room = await chatter().chat.join('tea');
    const failed: string[] = [];
    const sent: string[] = [];
    room.on('failed', (error, { text }) => failed.push(`${text} ${error.code}`));
    room.on('sent', (_said, { text }) => sent.push(text));
    fake().script('say', refusal('forbidden', 'muted'));
    const outcomes = await Promise.allSettled([room.say('one'), room.say('two')]);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'forbidden', temporary: false, message: 'muted' } },
      { status: 'fulfilled', value: { seq: 1 } },
    ]);
    expect([failed, sent]).toEqual([['one forbidden'], ['two']]);
  });

  it('sends type and clientMsgId, and treats a waiting clientMsgId as the same message', async () => {
    const room = await chatter().chat.join('tea');
    const options = { type: 7, clientMsgId: 'mine' };
    const [one, same] = await Promise.all([room.say('hi', options), room.say('hi', options)]);
    expect(one).toEqual(same);
    expect(
      fake()
        .ask('say')
        .map(({ payload }) => payload),
    ).toEqual([{ roomid: 'tea', text: 'hi', ...options }]);
    await expect(room.say('hi', { clientMsgId: 'ü' })).rejects.toMatchObject({ code: 'bad_request' });
  });
});

describe('messages without echo', () => {
  it('count as delivered by their ack', async () => {
    const room = await chatter().chat.join('tea');
    const heard = listen(room);
    await room.say('mine', { echo: false });
    fake().post('tea', 'theirs');
    await eventually(() => expect(heard.lines).toEqual(['live theirs']));
    expect(fake().ask('join')).toHaveLength(1);
  });

  it('are not delivered when they are replayed, also where another message overtook the ack', async () => {
    const room = await chatter().chat.join('tea');
    const heard = listen(room);
    fake().script('say', ({ proceed, ack }) => {
      let answer = {};
      proceed((acked) => {
        answer = acked;
      });
      fake().post('tea', 'theirs');
      ack(answer);
    });
    await room.say('mine', { echo: false });
    await eventually(() => expect(heard.lines).toEqual(['replay theirs']));
    fake().script('say', cutBeforeAcked);
    await room.say('mine too', { echo: false });
    fake().post('tea', 'more');
    await eventually(() => expect(heard.lines).toEqual(['replay theirs', 'live more']));
    expect(logged('tea')).toEqual(['mine', 'theirs', 'mine too', 'more']);
    expect(heard.gaps).toEqual([]);
  });

  it('hide no message of another user with the same clientMsgId', async () => {
    const room = await chatter().chat.join('tea');
    const heard = listen(room);
    fake().script('say', ({ payload: { text, clientMsgId }, proceed }) => {
      const data = { username: 'Bob', userId: 'bob', text: `not ${text}`, type: 0 };
      fake().store('tea', data.text, { clientMsgId: 'other', data });
      const bobs = fake().room('tea').log.at(-1);
      fake().deliver({ ...bobs, clientMsgId } as ChatMessage);
      proceed();
    });
    await room.say('mine', { echo: false });
    await eventually(() => expect(heard.lines).toEqual(['live not mine']));
  });
});

describe('the client never sends', () => {
  it('more than the outbox may hold', async () => {
    const { chat } = chatter({ maxOutbox: 2 });
    const room = await chat.join('tea');
    fake().script('say', silence);
    const waiting = [room.say('one'), room.say('two')];
    await expect(room.say('three')).rejects.toMatchObject({ code: 'limit' });
    expect(chat.outbox).toBe(2);
    await eventually(() => expect(fake().ask('say')).toHaveLength(1));
    fake().cut();
    await Promise.all(waiting);
    await room.say('three');
    expect(logged('tea')).toEqual(['one', 'two', 'three']);
  });

  it('text that the server refuses, or a packet that would close the connection', async () => {
    fake().limits = { maxTextBytes: 10 };
    const room = await chatter().chat.join('tea');
    await expect(room.say('ééééééé')).rejects.toMatchObject({ code: 'too_large' });
    await room.say('ééééé');
    fake().limits = { maxTextBytes: 1_000_000 };
    const wide = await chatter({ userId: 'bob' }).chat.join('tea');
    await expect(wide.say('\u0001'.repeat(300_000))).rejects.toMatchObject({ code: 'too_large' });
    expect(fake().ask('say')).toHaveLength(1);
  });

  it('a message that the server may have forgotten: it fails as unknown', async () => {
    fake().limits = { dedupeTtlS: 0.2 };
    const { chat } = chatter();
    const room = await chat.join('tea');
    fake().script('say', ({ proceed, socket }) => {
      proceed(() => undefined);
      fake().guard = () => ({ code: 'unavailable', message: 'later', temporary: true });
      socket.conn.close();
    });
    const outcomes = Promise.allSettled([room.say('sent'), room.say('waiting')]);
    await eventually(() => expect(chat.outbox).toBe(1));
    fake().guard = undefined;
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'unknown', temporary: false } },
      { status: 'fulfilled', value: { seq: 2 } },
    ]);
    expect(
      fake()
        .ask('say')
        .map(({ payload }) => payload.text),
    ).toEqual(['sent', 'waiting']);
  });

  it('a message again whose first attempt may be stored and whose next one was refused for its rate', async () => {
    fake().limits = { dedupeTtlS: 0.3 };
    const room = await chatter().chat.join('tea');
    fake().script('say', cutBeforeStored, refusal('rate_limited', 'slower', 5_000));
    await expect(room.say('one')).rejects.toMatchObject({ code: 'unknown' });
    expect(fake().ask('say')).toHaveLength(2);
  });
});

describe('with a storage', () => {
  it('sends the unacked messages of an earlier run, under the same clientMsgId', async () => {
    const storage = memory();
    const first = chatter({ storage });
    const room = await first.chat.join('tea');
    fake().script('say', loseAck);
    void room.say('stored');
    void room.say('never sent');
    await eventually(() => expect(logged('tea')).toEqual(['stored']));
    const left = memory(storage.entries);
    first.chat.close();

    const { chat } = chatter({ storage: left });
    expect(chat.outbox).toBe(2);
    const sent: string[] = [];
    const again = await chat.join('tea');
    again.on('sent', (said, { text }) => sent.push(`${text} ${said.dup ?? false}`));
    await eventually(() => expect(sent).toEqual(['stored true', 'never sent false']));
    expect(logged('tea')).toEqual(['stored', 'never sent']);
    expect(left.entries.get('roomcast.outbox')).toBe('[]');
  });

  it('sends nothing of it under another user, and keeps it for its author', async () => {
    const storage = memory();
    const first = chatter({ storage, userId: 'ada' });
    const room = await first.chat.join('tea');
    fake().script('say', silence);
    void room.say('from Ada');
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('from Ada'));
    const left = memory(storage.entries);
    first.chat.close();
    const { chat } = chatter({ storage: left, userId: 'bob' });
    await (await chat.join('tea')).say('from Bob');
    expect(logged('tea')).toEqual(['from Bob']);
    chat.close();
    await eventually(() => expect(left.entries.get('roomcast.outbox')).toContain('from Ada'));
    const back = chatter({ storage: left, userId: 'ada' }).chat;
    await back.join('tea');
    await eventually(() => expect(logged('tea')).toEqual(['from Bob', 'from Ada']));
  });

  it('is empty after the client was closed, since the promises rejected', async () => {
    const storage = memory();
    const { chat } = chatter({ storage });
    const room = await chat.join('tea');
    fake().script('say', silence);
    const saying = room.say('never');
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('never'));
    chat.close();
    await expect(saying).rejects.toMatchObject({ code: 'unknown' });
    expect(storage.entries.get('roomcast.outbox')).toBe('[]');
  });

  it('works when the storage is corrupt or forbidden', async () => {
    const spoiled = memory([
      ['roomcast.outbox', '[null, {"text":1}]'],
      ['roomcast.guest', '{'],
    ]);
    expect((await (await chatter({ storage: spoiled }).chat.join('tea')).say('one')).seq).toBe(1);
    const forbidden: ClientStorage = {
      get() {
        throw new Error('no');
      },
      set() {
        throw new Error('full');
      },
    };
    expect((await (await chatter({ storage: forbidden }).chat.join('tea')).say('two')).seq).toBe(2);
  });
});

it('settles every say and repeats nothing while connections are cut at random points', async () => {
  // Numerical Recipes' generator: the same cuts in every run.
  let seed = 7;
  const chance = () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  const faults: Step[] = [cutBeforeStored, cutBeforeAcked, ({ proceed }) => proceed()];
  const drawn = (): Step => faults[Math.floor(chance() * 6)] ?? (({ proceed }) => proceed());
  fake().script('say', ...Array.from({ length: 200 }, drawn));
  fake().script(
    'join',
    ({ proceed }) => proceed(),
    ({ proceed }) => proceed(),
  );
  fake().script(
    'join',
    ...Array.from({ length: 10 }, (_, n): Step => (n % 3 ? ({ proceed }) => proceed() : cutBeforeStored)),
  );
  const writers = ['ada', 'bob'].map((userId) => chatter({ userId, retryMaxMs: 10 }).chat);
  const rooms = await Promise.all(writers.map((chat) => chat.join('tea')));
  const heard = rooms.map(listen);
  await Promise.all(
    rooms.flatMap((room, writer) => Array.from({ length: 40 }, (_, n) => room.say(`${writer}:${n}`))),
  );
  expect(new Set(logged('tea')).size).toBe(80);
  expect(logged('tea')).toHaveLength(80);
  for (const [writer, one] of heard.entries()) {
    await eventually(() => expect(textsOf(one)).toEqual(logged('tea')));
    expect(one.gaps).toEqual([]);
    const own = textsOf(one).filter((text) => text.startsWith(`${writer}:`));
    expect(own).toEqual(Array.from({ length: 40 }, (_, n) => `${writer}:${n}`));
  }
});
