import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { refusal } from './fake-chat.ts';
import { memory } from './memory.ts';
import { type Screen, screenForEach, silence } from './screen.ts';

const { fake, screen, texts, logged, joined } = screenForEach();

describe('a storage', () => {
  /** What a run stored with one message in flight, one behind it and one refused. */
  async function written(storage = memory()) {
    const one = screen({ storage });
    await joined(one);
    fake().script('say', refusal('forbidden', 'not that'), silence);
    one.room.say('bad').catch(() => undefined);
    for (const text of ['one', 'two']) one.room.say(text).catch(() => undefined);
    await eventually(() => expect(fake().ask('say')).toHaveLength(2));
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('not that'));
    return memory(storage.entries);
  }

  it('restores failed messages, and sends waiting ones once', async () => {
    const left = await written();
    const one = screen({ storage: left });
    await eventually(() => expect(logged()).toEqual(['one', 'two']));
    // The log has a message before its author has the ack.
    await eventually(() =>
      expect(one.room.unsent).toMatchObject([
        { text: 'bad', problem: { code: 'forbidden', message: 'not that' } },
      ]),
    );
    one.room.discard(one.room.unsent[0]?.clientMsgId ?? '');
    await eventually(() => expect(left.entries.get('roomcast.outbox')).toBe('[]'));
  });

  it('restores messages for their author only', async () => {
    const left = await written();
    const other = screen({ storage: left, userId: 'bob' });
    await other.room.say('mine');
    expect(texts(other)).toEqual([]);
    const author = screen({ storage: memory(left.entries) });
    await eventually(() => expect(logged()).toEqual(['mine', 'one', 'two']));
    // The log has a message before its author has the ack.
    await eventually(() => expect(texts(author)).toEqual(['bad']));
  });

  it('gives messages from before the first connection to the user that the server then names', async () => {
    fake().mute = true;
    const storage = memory();
    screen({ storage, userId: undefined })
      .room.say('early')
      .catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('early'));
    fake().mute = false;
    fake().script('say', silence, silence);
    const ours = memory(storage.entries);
    const ada = screen({ storage: ours });
    expect(texts(ada)).toEqual(['early']);
    await eventually(() => expect(ours.entries.get('roomcast.outbox')).toContain('"ada"'));
    const bob = screen({ storage: memory(ours.entries), userId: 'bob' });
    await joined(bob);
    expect(texts(bob)).toEqual([]);
  });

  it('names the author of a message from before the first connection as soon as the server does', async () => {
    fake().guard = () => refuse('unavailable', 'later').error;
    const storage = memory();
    const { room } = screen({ storage, userId: undefined });
    room.say('early').catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('early'));
    expect(storage.entries.get('roomcast.outbox')).not.toContain('"by"');
    fake().script('say', silence);
    fake().guard = undefined;
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('"by":"g-'));
  });

  it('names the expected author before the first connection: nobody else sends the message', async () => {
    fake().guard = () => refuse('unavailable', 'later').error;
    const storage = memory([['roomcast.guest', '{"userId":"g-9","guestToken":"proof of g-9"}']]);
    const early: Screen[] = [];
    for (const userId of ['ada', undefined]) {
      const one = screen({ storage, userId });
      early.push(one);
      one.room.say(`of ${userId}`).catch(() => undefined);
      await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain(`of ${userId}`));
    }
    expect(JSON.parse(storage.entries.get('roomcast.outbox') ?? '')).toMatchObject([
      { by: 'ada' },
      { by: 'g-9' },
    ]);
    const left = memory(storage.entries);
    for (const { chat } of early) chat.close();
    fake().guard = undefined;
    const bob = screen({ storage: left, userId: 'bob' });
    await joined(bob);
    await bob.room.say('of bob');
    expect(logged()).toEqual(['of bob']);
    await eventually(() => expect(left.entries.get('roomcast.outbox')).toContain('"ada"'));
  });

  it('sends older messages first', async () => {
    const left = await written();
    fake().mute = true;
    const away = screen({ storage: left });
    away.room.say('three').catch(() => undefined);
    await eventually(() => expect(left.entries.get('roomcast.outbox')).toContain('three'));
    fake().mute = false;
    const one = screen({ storage: memory(left.entries) });
    one.room.say('four').catch(() => undefined);
    expect(texts(one)).toEqual(['bad', 'one', 'two', 'three', 'four']);
    await eventually(() => expect(logged()).toEqual(['one', 'two', 'three', 'four']));
  });

  it('forgets a room that was left', async () => {
    const storage = memory();
    const one = screen({ storage });
    await joined(one);
    fake().script('say', silence);
    one.room.say('never').catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toContain('never'));
    void one.room.leave();
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toBe('[]'));
  });

  it('forgets the messages that were set aside for a room that was left', async () => {
    const left = await written();
    const bob = screen({ storage: left, userId: 'bob' });
    await joined(bob);
    await bob.room.leave();
    await eventually(() => expect(left.entries.get('roomcast.outbox')).toBe('[]'));
  });

  it('keeps failed messages of a room of enter when the client is closed', async () => {
    const left = await written();
    const one = screen({ storage: left });
    await eventually(() => expect(texts(one)).toEqual(['bad']));
    fake().script('say', silence);
    for (const text of ['sent', 'not sent']) one.room.say(text).catch(() => undefined);
    await eventually(() => expect(fake().ask('say').at(-1)?.payload.text).toBe('sent'));
    one.chat.close();
    await Promise.resolve();
    const again = screen({ storage: memory(left.entries) });
    expect(again.room.unsent.map(({ text, problem }) => `${text} ${problem?.code}`)).toEqual([
      'bad forbidden',
      'sent unknown',
      'not sent closed',
    ]);
  });

  it.each([
    { at: 'noon' },
    { by: 7 },
    { by: '' },
    { type: 'x' },
    { firstSentAt: '1' },
    { firstSentAt: null },
    { firstSentAt: -1 },
  ])('drops a message with a field that no client writes: %j', async (bad) => {
    const message = { clientMsgId: 'x', roomid: 'tea', to: 'bob', kind: 'private', text: 'spoiled', ...bad };
    const storage = memory([
      ['roomcast.outbox', JSON.stringify([message])],
      ['roomcast.letters', JSON.stringify('at' in bad || 'type' in bad ? [] : [message])],
    ]);
    const one = screen({ storage });
    expect(one.chat.outbox).toBe(0);
    await joined(one);
    expect(one.room.unsent).toEqual([]);
  });

  it('gets at most what a browser can store, the oldest messages', async () => {
    fake().mute = true;
    const storage = memory();
    const one = screen({ storage });
    for (let n = 0; n < 30; n++) one.room.say(`${n}${'x'.repeat(50_000)}`).catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.outbox')).toBeDefined());
    const stored = storage.entries.get('roomcast.outbox') ?? '';
    expect(stored.length).toBeLessThan(1_000_100);
    const kept = (JSON.parse(stored) as { text: string }[]).map(({ text }) =>
      text.slice(0, 2).replace('x', ''),
    );
    expect(kept.length).toBeGreaterThan(7);
    expect(kept).toEqual(Array.from(kept, (_, n) => `${n}`));
  });
});
