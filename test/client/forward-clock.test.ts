import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createForwardClock } from '../../src/client/forward-clock.ts';
import { createOutbox } from '../../src/client/outbox.ts';
import { createTypists } from '../../src/client/typists.ts';
import type { Unsent } from '../../src/client/unsent-queue.ts';

const STEPS_MS = [15_000, -15_000, 3_600_000, -3_600_000];
const DEDUPE_MS = 600_000;

const forwardClock = () => createForwardClock({ now: Date.now, elapsedMs: () => performance.now() });
const step = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** Sends, and loses the connection before each answer. */
function unanswered(now: () => number) {
  const sent: string[] = [];
  const failed: string[] = [];
  const outbox = createOutbox<Unsent, unknown>({
    send: ({ clientMsgId }, answered) => {
      sent.push(clientMsgId);
      outbox.shut();
      answered(undefined);
    },
    check: () => undefined,
    dedupeMs: () => DEDUPE_MS,
    onStored: () => undefined,
    onFailed: ({ code }) => failed.push(code),
    onChange: () => undefined,
    now,
    random: () => 0.5,
  });
  return { outbox, sent, failed };
}

describe('a wall clock that is set', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it.each(STEPS_MS)('by %d ms: nothing is sent again that the server may have forgotten', (ms) => {
    const { outbox, sent, failed } = unanswered(forwardClock());
    void outbox.add({ clientMsgId: 'm-1' });
    outbox.open();
    expect(sent).toEqual(['m-1']);
    step(ms);
    vi.advanceTimersByTime(DEDUPE_MS);
    outbox.open();
    expect({ sent, failed }).toEqual({ sent: ['m-1'], failed: ['unknown'] });
  });

  it.each([15_000, -15_000, -3_600_000])(
    'by %d ms: a message that the server remembers is sent again',
    (ms) => {
      const { outbox, sent } = unanswered(forwardClock());
      void outbox.add({ clientMsgId: 'm-1' });
      outbox.open();
      step(ms);
      vi.advanceTimersByTime(DEDUPE_MS / 2);
      outbox.open();
      expect(sent).toEqual(['m-1', 'm-1']);
    },
  );

  it('back over a reload: a message sent before it is not sent again', () => {
    const firstSentAt = Date.now();
    step(-3_600_000);
    const { outbox, sent, failed } = unanswered(forwardClock());
    void outbox.add({ clientMsgId: 'm-1', firstSentAt });
    outbox.open();
    expect({ sent, failed }).toEqual({ sent: [], failed: ['unknown'] });
  });

  it.each(STEPS_MS)('by %d ms: typing is still repeated', (ms) => {
    const said: boolean[] = [];
    const typists = createTypists({
      send: (on) => said.push(on),
      onChange: () => undefined,
      now: forwardClock(),
    });
    typists.report(true);
    step(ms);
    vi.advanceTimersByTime(2_500);
    typists.report(true);
    expect(said).toEqual([true, true]);
  });

  it.each([-15_000, -3_600_000])(
    'by %d ms and then right again: a message that the server remembers is sent again',
    (ms) => {
      const { outbox, sent, failed } = unanswered(forwardClock());
      void outbox.add({ clientMsgId: 'm-1' });
      outbox.open();
      step(ms);
      vi.advanceTimersByTime(DEDUPE_MS / 4);
      outbox.open();
      step(-ms + 20);
      vi.advanceTimersByTime(DEDUPE_MS / 4);
      outbox.open();
      expect({ sent, failed }).toEqual({ sent: ['m-1', 'm-1', 'm-1'], failed: [] });
      vi.advanceTimersByTime(DEDUPE_MS / 2);
      expect(failed).toEqual(['unknown']);
    },
  );

  it('counts time after it was set right, and a sleep after it was set back', () => {
    const clock = forwardClock();
    const before = clock();
    for (const ms of [-3_600_000, 3_600_000, 3_600_000, -3_600_000, 8 * 3_600_000]) {
      step(ms);
      clock();
    }
    expect(clock() - before).toBe(9 * 3_600_000);
  });

  it('counts a sleep in which only the wall clock went on', () => {
    const clock = forwardClock();
    const before = clock();
    step(8 * 3_600_000);
    vi.advanceTimersByTime(1_000);
    expect(clock() - before).toBe(8 * 3_600_000 + 1_000);
  });
});
