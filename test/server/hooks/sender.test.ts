import { once } from 'node:events';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { succeed } from '../../../src/protocol/codes.ts';
import { type HookEvent, initialState, subjectOf } from '../../../src/server/hooks/log-events.ts';
import type { PostResult } from '../../../src/server/hooks/post.ts';
import { createPresenceEvents } from '../../../src/server/hooks/presence-events.ts';
import { createHookSender, type HookSender } from '../../../src/server/hooks/sender.ts';
import { draftOf, granted } from '../../contract/peers.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryHooks } from '../../support/memory-hooks.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`);

const TAKEN: PostResult = { taken: true, text: '' };

/** Rooms, and processes that send what is said in them. */
function openSenders() {
  const { logs, roster: connections } = createMemoryStore();
  const roster = { ...connections, count: async () => succeed({ users: 0, clients: 0, rev: 0 }) };
  const newQueue = () => createMemoryHooks({ answer: async (_what, _room, work) => succeed(work()) });
  const world = {
    queue: newQueue(),
    term: 1,
    hangs: false,
    answer: (_texts: readonly string[]): PostResult => TAKEN,
  };
  const posts: string[][] = [];
  const taken: string[] = [];
  const senders = new Set<HookSender>();

  function openSender(holder: string): HookSender {
    const sender = createHookSender({
      queue: {
        list: (...given) => world.queue.list(...given),
        note: (...given) => world.queue.note(...given),
        lease: (...given) => world.queue.lease(...given),
        take: (...given) => world.queue.take(...given),
        listed: (...given) => world.queue.listed(...given),
        advance: (...given) => world.queue.advance(...given),
        unlist: (...given) => world.queue.unlist(...given),
        term: async () => succeed(String(world.term)),
      },
      logs,
      presence: createPresenceEvents({ roster, wanted: [], now: () => 5 }),
      pushes: undefined,
      sendsMessages: true,
      async post(body, closing) {
        const { events } = JSON.parse(body) as { events: HookEvent[] };
        const texts = events.map(({ type, message }) =>
          type === 'message' ? (message as { data: { text: string } }).data.text : type,
        );
        posts.push(texts);
        if (world.hangs) await once(closing as AbortSignal, 'abort');
        const result = world.answer(texts);
        if (result.taken) taken.push(...texts);
        return result;
      },
      timeoutMs: 100,
      holder,
      now: () => 5,
      elapsedMs: () => performance.now(),
      random: () => 0,
      log: pino({ level: 'silent' }),
    });
    senders.add(sender);
    return sender;
  }

  return {
    world,
    posts,
    taken: (): readonly string[] => taken,
    openSender,
    /** The queue is another one, with nothing in it. */
    loseQueue() {
      world.queue = newQueue();
      world.term += 1;
    },
    async list(roomid: string): Promise<void> {
      const room = roomOf('/', roomid);
      granted(await world.queue.list(subjectOf(room), granted(await initialState(logs, room))));
    },
    async say(roomid: string, ...texts: readonly string[]): Promise<void> {
      const room = roomOf('/', roomid);
      for (const text of texts) granted(await logs.append(room, draftOf(room, text)));
      granted(await world.queue.note([subjectOf(room)]));
    },
    close: () => Promise.all([...senders].map((sender) => sender.close())),
  };
}

describe('the sender of webhooks', () => {
  let chat: ReturnType<typeof openSenders>;
  afterEach(() => chat.close());

  it('lists again what a lost queue had not sent, also when another process sends from then on', async () => {
    chat = openSenders();
    chat.world.answer = () => ({ taken: false, reason: 'status 503' });
    await chat.list('lobby');
    await chat.say('lobby', 'one');
    chat.openSender('a');
    await eventually(() => expect(chat.posts).toEqual([['one']]));
    chat.loseQueue();
    const { queue } = chat.world;
    granted(await queue.lease('another', 60_000));
    await eventually(async () =>
      expect(granted(await queue.listed(undefined, 10))).toEqual([
        { subject: subjectOf(roomOf('/', 'lobby')), state: '0 ', idleMs: expect.any(Number) },
      ]),
    );
  });

  const refusing = (status: number): PostResult => ({ taken: false, reason: `status ${status}`, status });

  it('sends fewer events at once after a request that is too large for the receiver', async () => {
    chat = openSenders();
    chat.world.answer = (texts) => (texts.length > 3 ? refusing(413) : TAKEN);
    await chat.list('lobby');
    await chat.say('lobby', ...numbers(12));
    chat.openSender('a');
    await eventually(() => expect(chat.taken()).toEqual(numbers(12)));
    expect(chat.posts.slice(0, 3).map(({ length }) => length)).toEqual([12, 6, 3]);
  });

  it('keeps only the room waiting whose event the receiver refuses, and tells since when', async () => {
    chat = openSenders();
    let refuses = true;
    chat.world.answer = (texts) => (refuses && texts.includes('bad') ? refusing(500) : TAKEN);
    await chat.list('lobby');
    await chat.list('tea');
    await chat.say('lobby', 'good', 'bad', 'later');
    await chat.say('tea', ...numbers(3));
    const sender = chat.openSender('a');
    await eventually(() => expect([...chat.taken()].sort()).toEqual([...numbers(3), 'good']));
    await chat.say('tea', 'four');
    await eventually(() => expect(chat.taken()).toContain('four'));
    expect(chat.taken()).not.toContain('later');
    expect(sender.counts()).toMatchObject({ dropped: 0, failingSince: expect.any(Number) });
    refuses = false;
    await eventually(() => expect(chat.taken().slice(-2)).toEqual(['bad', 'later']));
    expect(sender.counts()).toEqual({
      sent: 7,
      dropped: 0,
      failed: expect.any(Number),
      failingSince: undefined,
    });
  });

  it('keeps only the room waiting at whose event the receiver hangs, after few tries', async () => {
    chat = openSenders();
    let hangs = true;
    const late: PostResult = { taken: false, reason: 'TimeoutError', timedOut: true };
    chat.world.answer = (texts) => (hangs && texts.includes('bad') ? late : TAKEN);
    await chat.list('lobby');
    await chat.list('tea');
    await chat.say('lobby', 'bad', 'later');
    await chat.say('tea', ...numbers(70));
    const sender = chat.openSender('a');
    await eventually(() => expect(chat.taken()).toEqual(numbers(70)));
    expect(chat.posts.slice(0, 4).map(({ length }) => length)).toEqual([72, 9, 1, 1]);
    await chat.say('tea', 'more');
    await eventually(() => expect(chat.taken().at(-1)).toBe('more'));
    expect(sender.counts()).toMatchObject({ dropped: 0, failingSince: expect.any(Number) });
    hangs = false;
    await eventually(() => expect(chat.taken().slice(-2)).toEqual(['bad', 'later']));
    expect(sender.counts().failingSince).toBeUndefined();
  });

  it('does not divide what a receiver that is busy or away has not taken', async () => {
    chat = openSenders();
    chat.world.answer = () => (chat.posts.length < 3 ? refusing(503) : TAKEN);
    await chat.list('lobby');
    await chat.say('lobby', ...numbers(4));
    chat.openSender('a');
    await eventually(() => expect(chat.posts).toEqual([numbers(4), numbers(4), numbers(4)]));
  });

  it('ends the request that is under way when it closes', async () => {
    chat = openSenders();
    chat.world.hangs = true;
    await chat.list('lobby');
    await chat.say('lobby', 'one');
    const sender = chat.openSender('a');
    await eventually(() => expect(chat.posts).toEqual([['one']]));
    await sender.close();
    expect(granted(await chat.world.queue.lease('another', 1))).toBe(true);
  });
});
