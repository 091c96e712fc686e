import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdmission } from '../../src/chat/admission.ts';
import type { Refusal } from '../../src/protocol/codes.ts';

const FIRST_WINDOW = 64;
const QUIET_WINDOW = 512;
const refused = { ok: false, error: { code: 'rate_limited', retryAfterMs: expect.any(Number) } };

function setUp() {
  const admission = createAdmission({ now: Date.now, random: () => 0.5 });
  const begun: string[] = [];
  const answers: (() => void)[] = [];

  /** Something that the store answers when `answer` is called. */
  function ask(who: object, name = '', patient?: 'patient'): Promise<string | Refusal> {
    const task = () => {
      begun.push(name);
      return new Promise<string>((resolve) => answers.push(() => resolve(name)));
    };
    return admission.run(who, task, patient);
  }
  async function answer(count = 1): Promise<void> {
    await vi.advanceTimersByTimeAsync(0);
    for (const resolve of answers.splice(0, count)) resolve();
    await vi.advanceTimersByTimeAsync(0);
  }
  /** As much as there is room for. */
  async function fill(): Promise<void> {
    const { window, inFlight } = admission.state();
    for (let index = inFlight; index < window; index += 1) void ask({}, 'filler');
    await answer(0);
    begun.length = 0;
  }
  return { admission, ask, answer, fill, begun, inFlight: () => admission.state().inFlight };
}

describe('admission to the store', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('admits at once while few requests are in flight, up to the window', async () => {
    const { ask, answer, fill, begun, inFlight } = setUp();
    void ask({}, 'first');
    await answer(0);
    expect(begun).toEqual(['first']);
    await fill();
    void ask({}, 'waits');
    await answer(0);
    expect(begun).toEqual([]);
    expect(inFlight()).toBe(FIRST_WINDOW);
  });

  it('begins the tasks of a caller in the order of its calls, waiting ones included', async () => {
    const { ask, answer, fill, begun } = setUp();
    const ann = {};
    await fill();
    for (const name of ['1', '2', '3']) void ask(ann, name);
    await answer(0);
    expect(begun).toEqual([]);
    await answer(1);
    void ask(ann, '4');
    await answer(5);
    expect(begun).toEqual(['1', '2', '3', '4']);
  });

  it('serves the callers in turn, however much one of them asks', async () => {
    const { ask, answer, fill, begun } = setUp();
    const flooder = {};
    await fill();
    for (let index = 0; index < 100; index += 1) void ask(flooder, 'flood');
    void ask({}, 'Bob');
    void ask({}, 'Eve');
    await answer(4);
    expect(begun.filter((name) => name !== 'flood')).toEqual(['Bob', 'Eve']);
  });

  it('refuses a task that has waited half a second: it never begins and gets a retry time', async () => {
    const { ask, answer, fill, begun } = setUp();
    await fill();
    const late = ask({}, 'late');
    await vi.advanceTimersByTimeAsync(600);
    await expect(late).resolves.toMatchObject(refused);
    await answer(FIRST_WINDOW);
    expect(begun).toEqual([]);
  });

  it('refuses a caller with too long a queue at once, but not the others', async () => {
    const { ask, fill, admission } = setUp();
    const flooder = {};
    await fill();
    const answers = Array.from({ length: 5_000 }, () => ask(flooder));
    await expect(answers.at(-1)).resolves.toMatchObject(refused);
    const { waiting } = admission.state();
    expect(waiting).toBeLessThan(2_000);
    void ask({});
    expect(admission.state().waiting).toBe(waiting + 1);
  });

  it('shrinks the window when answers are slow and grows it when they are fast and the window is full', async () => {
    const { ask, answer, fill, admission } = setUp();
    await fill();
    await vi.advanceTimersByTimeAsync(1_000);
    await answer(FIRST_WINDOW);
    const slow = admission.state().window;
    expect(slow).toBeLessThan(FIRST_WINDOW);
    for (let round = 0; round < 20; round += 1) {
      for (let index = 0; index < FIRST_WINDOW * 2; index += 1) void ask({});
      await vi.advanceTimersByTimeAsync(10);
      await answer(FIRST_WINDOW * 10);
    }
    expect(admission.state().window).toBeGreaterThan(FIRST_WINDOW);
  });

  it('does not grow the window because a few requests are answered fast', async () => {
    const { ask, answer, admission } = setUp();
    for (let round = 0; round < 1_000; round += 1) {
      void ask({});
      await answer();
    }
    expect(admission.state().window).toBe(QUIET_WINDOW);
  });

  it('lets a patient caller wait as long as it takes', async () => {
    const { ask, answer, fill, begun } = setUp();
    await fill();
    void ask({}, 'login', 'patient');
    await vi.advanceTimersByTimeAsync(5_000);
    await answer(FIRST_WINDOW);
    expect(begun).toEqual(['login']);
  });

  it('gives the place of a failed task to the next', async () => {
    const { admission, fill, ask, begun, answer } = setUp();
    const failed = admission.run({}, () => Promise.reject(new Error('broken')));
    await expect(failed).rejects.toThrow('broken');
    await fill();
    void ask({}, 'next');
    await answer(1);
    expect(begun).toEqual(['next']);
  });

  it('refuses a caller that does not read the answers once its queue is half a second behind', async () => {
    const { admission, inFlight } = setUp();
    const ann = {};
    let before: Promise<unknown> = Promise.resolve();
    /** Gets its permit at once, and begins when the one before is done. */
    async function serial(): Promise<string | Refusal> {
      const permit = admission.acquire(ann);
      if (!permit.ok) return permit;
      const { begin, release } = permit.value;
      const mine = before.then(async () => {
        const task = () => new Promise<string>((resolve) => setTimeout(() => resolve('done'), 100));
        return (await begin()) ?? (await task());
      });
      before = mine;
      return mine.finally(release);
    }
    const burst = Array.from({ length: 20 }, serial);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(serial()).resolves.toMatchObject(refused);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await Promise.all(burst)).toEqual(Array.from({ length: 20 }, () => 'done'));
    expect(inFlight()).toBe(0);
    const again = serial();
    await vi.advanceTimersByTimeAsync(100);
    await expect(again).resolves.toBe('done');
  });

  it('lets no task wait while the event loop is late', async () => {
    const { ask, fill, admission } = setUp();
    const ann = {};
    await fill();
    void ask(ann, '', 'patient');
    void ask({});
    // A turn of the event loop that takes 400 ms: the timer that was due fires late.
    vi.setSystemTime(Date.now() + 400);
    await vi.advanceTimersByTimeAsync(50);
    for (let index = 0; index < 10; index += 1) void ask(ann);
    expect(admission.state().waiting).toBeLessThanOrEqual(6);
  });
});
