import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAdmission, type Permit } from '../../../src/chat/admission.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { type Outcome, succeed } from '../../../src/protocol/codes.ts';
import { createBeforeSay, type SayContent } from '../../../src/server/hooks/before-say.ts';
import type { PostResult } from '../../../src/server/hooks/post.ts';
import { granted } from '../../contract/peers.ts';
import { eventually } from '../../support/eventually.ts';
import { FREE_PERMIT } from '../../support/free-permit.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

function open(onTimeout: 'allow' | 'refuse') {
  const world = {
    elapsedMs: 0,
    asked: 0,
    answer: '{"allow":true}' as string | undefined,
    /** The receiver answers once it is over. */
    reviewing: Promise.resolve(),
  };
  const outcomes: string[] = [];
  const admission = createAdmission({ now: () => 0, random: () => 0 });
  onTestFinished(() => admission.close());
  const beforeSay = createBeforeSay({
    async post(): Promise<PostResult> {
      world.asked += 1;
      const { answer } = world;
      await world.reviewing;
      return answer === undefined ? { taken: false, reason: 'TimeoutError' } : { taken: true, text: answer };
    },
    onTimeout,
    logs: createMemoryStore().logs,
    admission,
    limits: { maxTextBytes: 20 },
    onReviewed: (how) => outcomes.push(how),
    now: () => 0,
    elapsedMs: () => world.elapsedMs,
    newId: () => 'id',
    log: pino({ level: 'silent' }),
  });
  const connection = {};
  const say = (
    text: string,
    permit: Pick<Permit, 'release'> = FREE_PERMIT,
    store = async (content: SayContent): Promise<Outcome<SayContent>> => succeed(content),
  ): Promise<Outcome<SayContent>> =>
    beforeSay.review(
      { connection, permit },
      {
        type: 'before_say',
        room: roomOf('/', 'lobby'),
        user: { userId: 'ann', username: 'Ann' },
        content: { text },
        about: {},
        dedupe: undefined,
      },
      store,
    );
  return { world, outcomes, say, admission };
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
  it.each([
    ['nothing', ''],
    ['more than a message may have', 'x'.repeat(21)],
  ])(
    'refuses what is rewritten to %s, however often, and goes on to ask about the messages of others',
    async (_what, text) => {
      const { world, outcomes, say } = open('allow');
      world.answer = JSON.stringify({ allow: true, text });
      for (let n = 0; n < 6; n += 1) {
        expect(await say('a link')).toMatchObject({
          error: { code: 'forbidden', message: 'the message was refused' },
        });
      }
      world.answer = '{"allow":false,"reason":"no"}';
      expect(await say('bad')).toMatchObject({ error: { code: 'forbidden', message: 'no' } });
      expect([world.asked, outcomes]).toEqual([7, Array.from({ length: 7 }, () => 'refused')]);
    },
  );

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

  it('takes nothing of what the store can do while the receiver is asked, and stores in the order sent under new permits', async () => {
    const { world, say, admission } = open('refuse');
    const stored: unknown[] = [];
    async function store(content: SayContent): Promise<Outcome<SayContent>> {
      stored.push([content.text, admission.state().inFlight]);
      return succeed(content);
    }
    let answer = () => {};
    world.reviewing = new Promise((resolve) => {
      answer = resolve;
    });
    const says = ['one', 'two'].map((text) => {
      const permit = granted(admission.acquire({}));
      expect(permit.begin()).toBe(undefined);
      return say(text, permit, store);
    });
    await eventually(() => expect([world.asked, admission.state().inFlight]).toEqual([2, 0]));
    const others: Permit[] = [];
    while (admission.state().inFlight < admission.state().window) {
      const other = granted(admission.acquire({}));
      other.begin();
      others.push(other);
    }
    answer();
    await eventually(() => expect(admission.state().waiting).toBe(1));
    for (const permit of others) permit.release();
    expect(await Promise.all(says)).toEqual([succeed({ text: 'one' }), succeed({ text: 'two' })]);
    expect(stored).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
    expect(admission.state().inFlight).toBe(0);
  });
});
