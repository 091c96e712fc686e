import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LogPage, LogQuery } from '../../src/chat/log-store.ts';
import { roomOf } from '../../src/chat/room.ts';
import { createSharedReads } from '../../src/chat/shared-reads.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';

const [tea, coffee] = [roomOf('/', 'tea'), roomOf('/', 'coffee')];
const LATEST: LogQuery = { limit: 50, maxBytes: 1_000 };
const MANY = 1_000;

/** A log that grows between readings, and whose readings take until they are answered. */
function setUp() {
  const waiting: ((answer: Outcome<LogPage>) => void)[] = [];
  let top = 0;
  const pageOf = (end: number): Outcome<LogPage> =>
    succeed({ epoch: 'e', top: end, previousEpochs: [], entries: [], more: false, first: 1 });
  const reads = createSharedReads({
    read: () => new Promise((resolve) => waiting.push(resolve)),
  });
  return {
    read: (room = tea, query = LATEST) =>
      reads.read(room, query).then((page) => (page.ok ? page.value.top : page.error.code)),
    waiting,
    append: () => (top += 1),
    answer: () => waiting.shift()?.(pageOf(top)),
    fail: () => waiting.shift()?.(refuse('unavailable', 'away')),
  };
}

const turn = () => new Promise(setImmediate);

describe('readers of one page', () => {
  it('share one further reading if they ask while it is read', async () => {
    const { read, waiting, answer } = setUp();
    const first = read();
    const others = Array.from({ length: MANY }, () => read());
    expect(waiting).toHaveLength(1);
    answer();
    await first;
    await turn();
    expect(waiting).toHaveLength(1);
    answer();
    expect(await Promise.all(others)).toEqual(Array(MANY).fill(0));
    expect(waiting).toHaveLength(0);
  });

  it('get everything that was stored before they asked', async () => {
    const { read, append, answer } = setUp();
    const first = read();
    answer();
    append();
    const second = read();
    expect(await first).toBe(0);
    await turn();
    answer();
    expect(await second).toBe(1);
  });

  it('read it again if the reading before failed', async () => {
    const { read, answer, fail } = setUp();
    const [first, second] = [read(), read()];
    fail();
    expect(await first).toBe('unavailable');
    await turn();
    answer();
    expect(await second).toBe(0);
  });

  it('do not wait for the end of a reading that the store does not answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { read, waiting, answer, fail } = setUp();
    const [first, second, third] = [read(), read(), read()];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waiting).toHaveLength(2);
    fail();
    expect(await first).toBe('unavailable');
    answer();
    expect(await Promise.all([second, third])).toEqual([0, 0]);
    void read();
    expect(waiting).toHaveLength(1);
  });

  it('read at once after the last one is done', async () => {
    const { read, waiting, answer } = setUp();
    for (let n = 0; n < 3; n += 1) {
      const page = read();
      expect(waiting).toHaveLength(1);
      answer();
      await page;
      await turn();
    }
  });
});

it('other pages and other rooms are not waited for', () => {
  const { read, waiting } = setUp();
  void read();
  void read(coffee);
  void read(tea, { ...LATEST, after: 3 });
  void read(tea, { ...LATEST, limit: 10 });
  expect(waiting).toHaveLength(4);
});
