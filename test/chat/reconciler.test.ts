import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AttemptResult, createReconciler, type ReconcilerOptions } from '../../src/chat/reconciler.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(options: Partial<ReconcilerOptions<string>> = {}) {
  const attempts: string[] = [];
  const results = new Map<string, AttemptResult[]>();
  const errors: unknown[] = [];
  const reconciler = createReconciler<string>({
    attempt: async (item) => {
      attempts.push(item);
      return results.get(item)?.shift() ?? 'done';
    },
    onError: (error) => errors.push(error),
    retryMs: 1_000,
    ...options,
  });
  const attemptedIn = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return attempts.splice(0);
  };
  return { reconciler, results, errors, attemptedIn };
}

/** An attempt that ends when the test says so. */
function gated() {
  const started: string[] = [];
  const ends: ((result: AttemptResult) => void)[] = [];
  const attempt = (item: string) => {
    started.push(item);
    return new Promise<AttemptResult>((resolve) => ends.push(resolve));
  };
  return { attempt, started, end: (result: AttemptResult = 'done') => ends.shift()?.(result) };
}

describe('an item that the store did not accept', () => {
  it('is attempted after the retry time, and no more once it is done', async () => {
    const { reconciler, attemptedIn } = setUp();
    reconciler.schedule('a');
    expect(await attemptedIn(999)).toEqual([]);
    expect(await attemptedIn(1)).toEqual(['a']);
    expect(reconciler.has('a')).toBe(false);
    expect(await attemptedIn(60_000)).toEqual([]);
  });

  it('is attempted again with growing waits up to the longest', async () => {
    const { reconciler, results, attemptedIn } = setUp({ maxRetryMs: 3_000 });
    results.set('a', ['failed', 'failed', 'failed', 'failed']);
    reconciler.schedule('a', 0);
    expect(await attemptedIn(0)).toEqual(['a']);
    for (const waitMs of [1_000, 2_000, 3_000, 3_000]) {
      expect(await attemptedIn(waitMs - 1)).toEqual([]);
      expect(await attemptedIn(1)).toEqual(['a']);
    }
    expect(reconciler.size).toBe(0);
  });

  it('is dropped after so many failures in a row', async () => {
    const { reconciler, results, attemptedIn } = setUp({ maxAttempts: 3 });
    results.set(
      'a',
      Array.from({ length: 9 }, () => 'failed'),
    );
    reconciler.schedule('a');
    expect(await attemptedIn(60_000)).toEqual(['a', 'a', 'a']);
    expect(reconciler.has('a')).toBe(false);
  });

  it('waits as long as the attempt says, without counting that as a failure', async () => {
    const { reconciler, results, attemptedIn } = setUp({ maxAttempts: 1 });
    results.set('a', [{ waitMs: 250 }, { waitMs: 5_000 }]);
    reconciler.schedule('a', 0);
    expect(await attemptedIn(0)).toEqual(['a']);
    expect(await attemptedIn(249)).toEqual([]);
    expect(await attemptedIn(1)).toEqual(['a']);
    expect(await attemptedIn(4_999)).toEqual([]);
    expect(await attemptedIn(1)).toEqual(['a']);
  });

  it('is attempted again when its attempt rejects', async () => {
    const error = new Error('bug');
    const { reconciler, errors, attemptedIn } = setUp({ attempt: () => Promise.reject(error) });
    reconciler.schedule('a');
    await attemptedIn(2_000);
    expect(errors).toEqual([error, error]);
    expect(reconciler.has('a')).toBe(true);
  });

  it('is not attempted after it was cancelled, nor again if its attempt was under way', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt });
    reconciler.schedule('a');
    reconciler.cancel('a');
    reconciler.schedule('b');
    await attemptedIn(1_000);
    expect(started).toEqual(['b']);
    reconciler.cancel('b');
    end('failed');
    await attemptedIn(60_000);
    expect(started).toEqual(['b']);
  });
});

describe('items scheduled again', () => {
  it('are attempted once, at the earlier time, as they are by then', async () => {
    const attempted: { readonly id: string; readonly name: string }[] = [];
    const reconciler = createReconciler<{ readonly id: string; readonly name: string }>({
      attempt: async (item) => {
        attempted.push(item);
        return 'done';
      },
      onError: () => undefined,
      keyOf: ({ id }) => id,
      retryMs: 1_000,
    });
    reconciler.schedule({ id: 'a', name: 'old' }, 500);
    reconciler.schedule({ id: 'a', name: 'new' }, 5_000);
    reconciler.schedule({ id: 'a', name: 'newest' }, 200);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempted).toEqual([{ id: 'a', name: 'newest' }]);
  });

  it('during their attempt are attempted once more, never twice at the same time', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt });
    reconciler.schedule('a', 0);
    await attemptedIn(0);
    reconciler.schedule('a', 0);
    reconciler.schedule('a', 0);
    reconciler.flush();
    await attemptedIn(5_000);
    expect(started).toEqual(['a']);
    end();
    await attemptedIn(0);
    expect(started).toEqual(['a', 'a']);
    end();
    await attemptedIn(5_000);
    expect(started).toEqual(['a', 'a']);
  });
});

describe('an item cancelled during its attempt', () => {
  it('and scheduled again is attempted once more only after that attempt, whose failure no longer counts', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt });
    reconciler.schedule('a', 0);
    await attemptedIn(0);
    reconciler.cancel('a');
    reconciler.schedule('a', 0);
    expect([reconciler.has('a'), reconciler.size]).toEqual([true, 1]);
    await attemptedIn(5_000);
    expect(started).toEqual(['a']);
    end('failed');
    await attemptedIn(0);
    expect(started).toEqual(['a', 'a']);
    end();
    await attemptedIn(60_000);
    expect([started, reconciler.size]).toEqual([['a', 'a'], 0]);
  });

  it('does not count, nor after it was scheduled and cancelled again', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt });
    reconciler.schedule('a', 0);
    await attemptedIn(0);
    for (let round = 0; round < 2; round += 1) {
      reconciler.cancel('a');
      expect([reconciler.has('a'), reconciler.size]).toEqual([false, 0]);
      reconciler.schedule('a', 0);
    }
    reconciler.cancel('a');
    end({ waitMs: 10 });
    await attemptedIn(60_000);
    expect([started, reconciler.has('a'), reconciler.size]).toEqual([['a'], false, 0]);
  });
});

describe('all waiting items', () => {
  it('are attempted at once in the order scheduled when they are flushed', async () => {
    const { reconciler, attemptedIn } = setUp();
    for (const item of ['c', 'a', 'b']) reconciler.schedule(item);
    reconciler.flush();
    expect(await attemptedIn(0)).toEqual(['c', 'a', 'b']);
    expect(await attemptedIn(60_000)).toEqual([]);
  });

  it('are attempted with bounded concurrency', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt, concurrency: 2 });
    for (const item of ['a', 'b', 'c']) reconciler.schedule(item);
    await attemptedIn(1_000);
    expect(started).toEqual(['a', 'b']);
    end();
    await attemptedIn(0);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('wait while the store is known to be away', async () => {
    let paused = true;
    const { reconciler, attemptedIn } = setUp({ isPaused: () => paused });
    reconciler.schedule('a');
    reconciler.schedule('b');
    reconciler.flush();
    expect(await attemptedIn(5_000)).toEqual([]);
    paused = false;
    expect(await attemptedIn(1_000)).toEqual(['a', 'b']);
  });

  it('share one timer while the store is away, and are attempted at once when it is back', async () => {
    let paused = true;
    // Each timer that fires asks once. A count of all timers would have those that other files left in this process.
    let asked = 0;
    const isPaused = () => {
      asked += 1;
      return paused;
    };
    const { reconciler, attemptedIn } = setUp({ isPaused });
    const items = Array.from({ length: 250 }, (_, index) => `item ${index}`);
    for (const item of items) reconciler.schedule(item);
    reconciler.schedule('cancelled');
    expect(await attemptedIn(1_000)).toEqual([]);
    asked = 0;
    expect(await attemptedIn(4_500)).toEqual([]);
    expect([asked, reconciler.size, reconciler.has('item 7')]).toEqual([4, 251, true]);
    reconciler.cancel('cancelled');
    paused = false;
    reconciler.flush();
    expect(await attemptedIn(0)).toEqual(items);
    paused = true;
    reconciler.schedule('late', 0);
    await attemptedIn(500);
    reconciler.close();
    asked = 0;
    await attemptedIn(60_000);
    expect(asked).toBe(0);
  });

  it('are forgotten when the reconciler closes, and none is accepted after that', async () => {
    const { attempt, started, end } = gated();
    const { reconciler, attemptedIn } = setUp({ attempt });
    reconciler.schedule('a', 0);
    reconciler.schedule('b');
    await attemptedIn(0);
    reconciler.close();
    reconciler.schedule('c', 0);
    end('failed');
    await attemptedIn(60_000);
    expect(started).toEqual(['a']);
    expect(reconciler.size).toBe(0);
  });
});
