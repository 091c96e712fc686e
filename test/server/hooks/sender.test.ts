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

const TAKEN: PostResult = { taken: true, text: '' };

/** Rooms, and processes that send what is said in them. */
function openSenders() {
  const { logs, roster: connections } = createMemoryStore();
  const roster = { ...connections, count: async () => succeed({ users: 0, clients: 0, rev: 0 }) };
  const newQueue = () => createMemoryHooks({ answer: async (_what, _room, work) => succeed(work()) });
  const world = { queue: newQueue(), term: 1, answer: (_texts: readonly string[]): PostResult => TAKEN };
  const posts: string[][] = [];
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
      sendsMessages: true,
      async post(body) {
        const { events } = JSON.parse(body) as { events: HookEvent[] };
        const texts = events.map(({ type, message }) =>
          type === 'message' ? (message as { data: { text: string } }).data.text : type,
        );
        posts.push(texts);
        return world.answer(texts);
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
});
