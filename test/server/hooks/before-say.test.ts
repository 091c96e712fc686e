import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { type Outcome, succeed } from '../../../src/protocol/codes.ts';
import { createBeforeSay, type SayContent } from '../../../src/server/hooks/before-say.ts';
import type { PostResult } from '../../../src/server/hooks/post.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

function open(onTimeout: 'allow' | 'refuse') {
  const world = { elapsedMs: 0, asked: 0, answer: '{"allow":true}' as string | undefined };
  const outcomes: string[] = [];
  const beforeSay = createBeforeSay({
    async post(): Promise<PostResult> {
      world.asked += 1;
      const { answer } = world;
      return answer === undefined ? { taken: false, reason: 'TimeoutError' } : { taken: true, text: answer };
    },
    onTimeout,
    logs: createMemoryStore().logs,
    onReviewed: (how) => outcomes.push(how),
    now: () => 0,
    elapsedMs: () => world.elapsedMs,
    newId: () => 'id',
    log: pino({ level: 'silent' }),
  });
  const connection = {};
  const say = (text: string): Promise<Outcome<SayContent>> =>
    beforeSay.review(
      connection,
      {
        type: 'before_say',
        room: roomOf('/', 'lobby'),
        user: { userId: 'ann', username: 'Ann' },
        content: { text },
        about: {},
        dedupe: undefined,
      },
      async (content) => succeed(content),
    );
  return { world, outcomes, say };
}

const REFUSED = {
  ok: false,
  error: {
    code: 'unavailable',
    message: 'the message could not be reviewed',
    temporary: true,
    retryAfterMs: 1_000,
  },
};

describe('the review of a message', () => {
  it('refuses what is rewritten to nothing, however often, and goes on to ask about the messages of others', async () => {
    const { world, outcomes, say } = open('allow');
    world.answer = '{"allow":true,"text":""}';
    for (let n = 0; n < 6; n += 1) {
      expect(await say('a link')).toMatchObject({
        error: { code: 'forbidden', message: 'the message was refused' },
      });
    }
    world.answer = '{"allow":false,"reason":"no"}';
    expect(await say('bad')).toMatchObject({ error: { code: 'forbidden', message: 'no' } });
    expect([world.asked, outcomes]).toEqual([7, Array.from({ length: 7 }, () => 'refused')]);
  });

  it.each([
    'not JSON',
    '"allow"',
    '{"allow":"yes"}',
    '{"allow":true,"text":7}',
    '{"allow":true,"text":null}',
    '{"allow":true,"data":null,"text":null}',
    '{"allow":true,"text":"\\ud800"}',
  ])('takes %s for no answer', async (answer) => {
    const { world, say, outcomes } = open('refuse');
    world.answer = answer;
    expect(await say('hello')).toEqual(REFUSED);
    expect(outcomes).toEqual(['unanswered']);
  });

  it('stores the message as it is without an answer, if it is set to', async () => {
    const { world, say } = open('allow');
    world.answer = undefined;
    expect(await say('hello')).toEqual(succeed({ text: 'hello' }));
  });

  it('asks about one message in five seconds after five failures, until it is answered', async () => {
    const { world, say } = open('refuse');
    world.answer = undefined;
    for (let n = 0; n < 20; n += 1) expect(await say('hello')).toEqual(REFUSED);
    expect(world.asked).toBe(5);
    world.elapsedMs = 5_000;
    expect(await Promise.all([say('one'), say('two')])).toEqual([REFUSED, REFUSED]);
    expect(world.asked).toBe(6);
    world.answer = '{"allow":true}';
    expect(await say('hello')).toEqual(REFUSED);
    world.elapsedMs = 10_000;
    expect(await say('hello')).toEqual(succeed({ text: 'hello' }));
    expect(await say('hello')).toEqual(succeed({ text: 'hello' }));
    expect(world.asked).toBe(8);
  });
});
