import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ROSTER_REAP_CHECK_MS } from '../src/chat/roster.ts';
import { CHAT_MESSAGES } from '../src/chat-messages.ts';
import type { WorkerIpc } from '../src/cluster/ipc.ts';
import { createDeadInstances } from '../src/dead-instances.ts';
import { PRESENCE_GRACE_MS } from '../src/protocol/limits.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const { fence, reap, reapExpired } = CHAT_MESSAGES;

function setUp() {
  const notified: unknown[] = [];
  let serving = true;
  const worker = {
    notify: (kind: string, body: { instanceId: string } | null) =>
      notified.push(body ? [kind, body.instanceId] : [kind]),
  } as unknown as WorkerIpc;
  const dead = createDeadInstances({ pick: () => (serving ? worker : undefined) });
  return {
    dead,
    notified,
    serve(now: boolean) {
      serving = now;
      dead.onServing();
    },
  };
}

test('a dead instance is fenced at once and reaped after the grace time', () => {
  const { dead, notified } = setUp();
  dead.add('a');
  expect(notified).toEqual([[fence, 'a']]);
  vi.advanceTimersByTime(PRESENCE_GRACE_MS);
  expect(notified).toContainEqual([reap, 'a']);
});

test('what died while no worker was ready is fenced once, by the next that is', () => {
  const { dead, notified, serve } = setUp();
  serve(false);
  dead.add('a');
  dead.add('b');
  expect(notified).toEqual([]);
  serve(true);
  serve(true);
  expect(notified).toEqual([
    [fence, 'a'],
    [fence, 'b'],
  ]);
});

test('expired leases are looked for at intervals, until it is closed', () => {
  const { dead, notified } = setUp();
  vi.advanceTimersByTime(2 * ROSTER_REAP_CHECK_MS);
  expect(notified).toEqual([[reapExpired], [reapExpired]]);
  dead.add('a');
  dead.close();
  notified.length = 0;
  vi.advanceTimersByTime(10 * ROSTER_REAP_CHECK_MS + PRESENCE_GRACE_MS);
  expect(notified).toEqual([]);
});
