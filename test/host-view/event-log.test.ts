import { expect, it } from 'vitest';
import { createEventLog } from '../../src/host-view/event-log.ts';

function setUp() {
  let at = 0;
  const events = createEventLog({ now: () => ++at });
  return { events, texts: () => events.events().map(({ level, text }) => `${level}: ${text}`) };
}

it('processes come, hang, report again, and go unasked or as they were told', () => {
  const { events, texts } = setUp();
  for (const state of ['starting', 'ready', 'suspect', 'ready', 'draining'] as const)
    events.onProcess({ slot: 1, pid: 7, state });
  events.onProcess({ slot: 1, pid: 7, state: 'ended', cause: 'exit code 0', replaced: false });
  events.onProcess({ slot: 0, pid: 6, state: 'ended', cause: 'signal SIGKILL', replaced: true });
  expect(texts()).toEqual([
    'error: worker ended unasked (signal SIGKILL) and is replaced',
    'info: worker ended (exit code 0)',
    'info: worker drains',
    'info: worker reports again',
    'warning: worker does not report: it gets no new clients',
    'info: worker is ready',
    'info: worker starts',
  ]);
  expect(events.events()[0]).toEqual({
    at: 7,
    level: 'error',
    slot: 0,
    pid: 6,
    text: 'worker ended unasked (signal SIGKILL) and is replaced',
  });
  expect([events.restarts(0), events.restarts(1)]).toEqual([1, 0]);
});

it('it says once why the host is degraded, and when it is not any more', () => {
  const { events, texts } = setUp();
  events.onDegraded([]);
  for (let n = 0; n < 3; n += 1) events.onDegraded(['the store is away', 'the store is away']);
  events.onDegraded(['redis2 is away']);
  events.onDegraded([]);
  events.onDegraded([]);
  expect(texts()).toEqual([
    'info: the host serves well again',
    'warning: degraded: redis2 is away',
    'warning: degraded: the store is away',
  ]);
});

it('it keeps the last 200', () => {
  const { events } = setUp();
  for (let n = 1; n <= 250; n += 1) events.note('info', `event ${n}`);
  expect(events.events()).toHaveLength(200);
  expect(events.events()[0]?.text).toBe('event 250');
  expect(events.events().at(-1)?.text).toBe('event 51');
});
