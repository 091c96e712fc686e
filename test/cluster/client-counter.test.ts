import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createClientCounter } from '../../src/cluster/client-counter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open() {
  const sent: [kind: string, count: number][] = [];
  return {
    sent,
    counter: createClientCounter(
      { notify: (kind, body) => void sent.push([kind, (body as { count: number }).count]) },
      Date.now,
    ),
  };
}

it('clients that connect and disconnect in one turn of the event loop are sent as one count of each', () => {
  const { sent, counter } = open();
  for (let n = 0; n < 3; n++) counter.connected();
  counter.disconnected();
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(sent).toEqual([
    ['client connect', 3],
    ['client disconnect', 1],
  ]);
  counter.connected();
  vi.advanceTimersByTime(0);
  expect(sent.at(-1)).toEqual(['client connect', 1]);
});

it('a crowd that connects for seconds is sent in few reports, without losing a client', () => {
  const { sent, counter } = open();
  const CLIENTS = 2_000;
  for (let n = 0; n < CLIENTS; n++) {
    counter.connected();
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(25);
  expect(sent.reduce((sum, [, count]) => sum + count, 0)).toBe(CLIENTS);
  expect(sent.length).toBeLessThan(CLIENTS / 10);
});

it('clients that come after a crowd are sent in their own turn again', () => {
  const { sent, counter } = open();
  for (let n = 0; n < 100; n++) {
    counter.connected();
    vi.advanceTimersByTime(0);
  }
  vi.advanceTimersByTime(1_000);
  const before = sent.length;
  counter.connected();
  vi.advanceTimersByTime(0);
  expect(sent.slice(before)).toEqual([['client connect', 1]]);
});

it('what the whole count includes is not sent after it', () => {
  const { sent, counter } = open();
  counter.connected();
  counter.reset();
  vi.advanceTimersByTime(1_000);
  expect(sent).toEqual([]);
});
