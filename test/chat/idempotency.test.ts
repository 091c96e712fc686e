import { describe, expect, it } from 'vitest';
import { type IdempotentWrite, runIdempotent } from '../../src/chat/idempotency.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';
import { createMemoryStore } from '../support/memory-store.ts';

function setUp() {
  const { idempotency: claims } = createMemoryStore();
  const ran: string[] = [];
  let made = 0;
  let next: (() => Promise<Outcome<unknown>>) | undefined;
  const pauses: number[] = [];
  let onPause: () => void = () => undefined;
  async function pause(ms: number) {
    pauses.push(ms);
    onPause();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const attempt = (more: Partial<IdempotentWrite> = {}) =>
    runIdempotent(
      { store: claims, pause, newId: () => `try-${++made}` },
      {
        key: ['key app', '/', 'POST', '/x', {}, 'k'],
        content: [{ n: 1 }],
        async run(operation) {
          ran.push(operation);
          return next?.() ?? succeed({ n: ran.length });
        },
        isComplete: () => true,
        ...more,
      },
    );
  return {
    ran,
    attempt,
    write: async (more?: Partial<IdempotentWrite>) => (await attempt(more)).outcome,
    pauses,
    answers(with_: () => Promise<Outcome<unknown>>) {
      next = with_;
    },
    whenWaiting(then: () => void) {
      onPause = then;
    },
  };
}

describe('a write under an Idempotency-Key', () => {
  it('runs once and is answered as the first time', async () => {
    const { ran, write } = setUp();
    expect([await write(), await write()]).toEqual([succeed({ n: 1 }), succeed({ n: 1 })]);
    expect(ran).toEqual(['try-1']);
  });

  it('says of an answer whether it is the one of an earlier attempt', async () => {
    const { attempt, answers } = setUp();
    answers(async () => refuse('unavailable', 'away', 1));
    expect((await attempt()).replayed).toBe(false);
    answers(async () => succeed('done'));
    const others = [await attempt(), await attempt(), await attempt({ content: ['other'] })];
    expect(others.map(({ replayed }) => replayed)).toEqual([false, true, false]);
  });

  it('is refused for another content, and is another one for every part of its key', async () => {
    const { ran, write } = setUp();
    await write();
    expect(await write({ content: [{ n: 2 }] })).toMatchObject({
      error: { code: 'bad_request', message: expect.stringMatching(/^Idempotency-Key: /) },
    });
    await write({ key: ['key other', '/', 'POST', '/x', {}, 'k'], content: [{ n: 2 }] });
    expect(ran).toHaveLength(2);
  });

  it('is refused again if it was refused for good, and runs again under its first id if it was not', async () => {
    const { ran, write, answers } = setUp();
    answers(async () => refuse('unavailable', 'away', 1));
    expect(await write()).toMatchObject({ error: { code: 'unavailable' } });
    answers(() => Promise.reject(new Error('a bug')));
    await expect(write()).rejects.toThrow('a bug');
    answers(async () => succeed({ half: true }));
    expect(await write({ isComplete: () => false })).toEqual(succeed({ half: true }));
    answers(async () => refuse('not_found', 'gone'));
    const refused = await write();
    answers(async () => succeed('there'));
    expect(await write()).toEqual(refused);
    expect(ran).toEqual(['try-1', 'try-1', 'try-1', 'try-1']);
  });

  it('waits for the first attempt, which answers both', async () => {
    const { ran, write, answers, whenWaiting } = setUp();
    let answer: (outcome: Outcome<unknown>) => void = () => undefined;
    answers(() => new Promise((resolve) => (answer = resolve)));
    const first = write();
    whenWaiting(() => answer(succeed('done')));
    expect([await write(), await first]).toEqual([succeed('done'), succeed('done')]);
    expect(ran).toEqual(['try-1']);
  });

  it('is unavailable if the first attempt is not answered for long', async () => {
    const { ran, write, answers, pauses } = setUp();
    answers(() => new Promise(() => undefined));
    void write();
    expect(await write()).toMatchObject({ error: { code: 'unavailable', temporary: true } });
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(3_000);
    expect(ran).toHaveLength(1);
  });
});
