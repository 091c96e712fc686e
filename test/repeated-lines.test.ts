import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../src/log.ts';
import { createRepeatedLines } from '../src/repeated-lines.ts';

interface Written {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

function logForTest(level = 'info') {
  const written: Written[] = [];
  const destination = { write: (text: string) => void written.push(JSON.parse(text) as Written) };
  const log = createLog({ level, pretty: false, base: { slot: 0 }, destination });
  return { log, written, texts: () => written.map(({ msg }) => msg) };
}

const refused = (message: string) => ({ err: new Error(message) });

describe('a line that repeats', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is written at once, then once in ten seconds with their number and cause', () => {
    const { log, written } = logForTest();
    const sayOnce = () => log.warn({ tag: 'x', code: 'unavailable' }, 'a room cannot be read');
    for (let n = 0; n < 36_798; n += 1) {
      sayOnce();
      if (n % 1_500 === 0) vi.advanceTimersByTime(1_000);
    }
    expect(written.map(({ msg }) => msg)).toEqual([
      'a room cannot be read',
      expect.stringMatching(/^a room cannot be read \(\d+ more in the last 10 s\)$/),
      expect.stringMatching(/^a room cannot be read \(\d+ more in the last 10 s\)$/),
    ]);
    vi.advanceTimersByTime(10_000);
    expect(written.reduce((sum, { more }) => sum + Number(more ?? 1), 0)).toBe(36_798);
    expect(written.at(-1)).toMatchObject({ level: 40, slot: 0, cause: 'unavailable' });
    expect(written.at(-1)).not.toHaveProperty('tag');
  });

  it('is a first one again after ten quiet seconds, and a single one is never summed up', () => {
    const { log, texts } = logForTest();
    log.warn('deaf');
    vi.advanceTimersByTime(60_000);
    log.warn('deaf');
    expect(texts()).toEqual(['deaf', 'deaf']);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('is distinguished by its text, its cause, its level and its place', () => {
    const { log, texts } = logForTest();
    for (let n = 0; n < 3; n += 1) {
      log.warn(refused('NOPERM no hset'), 'one');
      log.warn(refused('NOPERM no xadd'), 'one');
      log.warn(refused('LOADING Redis is loading'), 'one');
      log.warn({ err: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) }, 'one');
      log.error({ reply: 'NOPERM no hset' }, 'one');
      log.error({ slot: 1 }, 'two');
      log.error({ slot: 2 }, 'two');
    }
    expect(texts()).toEqual(['one', 'one', 'one', 'one', 'two', 'two']);
    vi.advanceTimersByTime(10_000);
    expect(texts().slice(6)).toEqual([
      'one (5 more in the last 10 s)',
      ...Array(3).fill('one (2 more in the last 10 s)'),
      ...Array(2).fill('two (2 more in the last 10 s)'),
    ]);
  });

  it('passes new lines and fatal ones unchanged', () => {
    const { log, texts } = logForTest();
    for (let n = 0; n < 3; n += 1) {
      log.info('a request');
      log.info({ redis: 'h:1' }, 'redis: connected');
      log.fatal('over');
    }
    expect(texts()).toEqual([
      'a request',
      'redis: connected',
      'over',
      'a request',
      'over',
      'a request',
      'over',
    ]);
  });

  it('applies to child loggers, and not below their level', () => {
    const { log, texts } = logForTest('error');
    log.child({ part: 'a' }).error('lost');
    log.child({ part: 'a' }).error('lost');
    log.warn('nothing');
    expect(texts()).toEqual(['lost']);
  });

  it('remembers a bounded number of causes', () => {
    const { log, texts } = logForTest();
    for (let n = 0; n < 5_000; n += 1) log.warn(`trouble ${n}`);
    expect(texts()).toHaveLength(101);
    vi.advanceTimersByTime(10_000);
    expect(texts().slice(101)).toEqual(['lines of further causes (4899 more in the last 10 s)']);
    vi.advanceTimersByTime(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('names no cause for a process that a signal ended', () => {
    const { log, written } = logForTest();
    for (let n = 0; n < 2; n += 1) log.error({ code: null, signal: 'SIGKILL' }, 'worker ended');
    vi.advanceTimersByTime(10_000);
    expect(written.at(-1)).toMatchObject({ more: 1 });
    expect(written.at(-1)).not.toHaveProperty('cause');
  });

  it('is summed up before the process ends', () => {
    const repeated = createRepeatedLines({ timers: globalThis });
    const written: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      repeated.pass({ level: 40, text: 'lost', about: {} }, ({ text }) => void written.push(text));
    }
    repeated.flush();
    repeated.flush();
    expect(written).toEqual(['lost', 'lost (2 more in the last 10 s)']);
  });
});
