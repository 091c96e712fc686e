import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { HookQueue } from '../../../src/chat/hook-queue.ts';
import { draftOf, type OutgoingItem } from '../../../src/chat/inbox/items.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { succeed } from '../../../src/protocol/codes.ts';
import { createHookedPushes } from '../../../src/server/hooks/hooked-logs.ts';
import { createHookListing } from '../../../src/server/hooks/listing.ts';
import type { HookEvent } from '../../../src/server/hooks/log-events.ts';
import type { PostResult } from '../../../src/server/hooks/post.ts';
import { createPresenceEvents } from '../../../src/server/hooks/presence-events.ts';
import { createPushEvents } from '../../../src/server/hooks/push-events.ts';
import { createHookSender, type HookSender } from '../../../src/server/hooks/sender.ts';
import { granted } from '../../contract/peers.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryHooks } from '../../support/memory-hooks.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const UNDELIVERED_MS = 60_000;
/** Later than the store's clock, which begins here and goes on by 1 ms with each write. */
const BEGIN = 1_000;
const ANN = inboxOf('/', 'ann');

function openPushes() {
  const { logs, inboxes, roster, trim } = createMemoryStore({ now: BEGIN });
  const memory = createMemoryHooks({ answer: async (_what, _room, work) => succeed(work()) });
  const taken: string[] = [];
  const queue: HookQueue = {
    ...memory,
    async take(...given) {
      const sources = await memory.take(...given);
      taken.push(...granted(sources).map(({ subject }) => subject));
      return sources;
    },
  };
  const elapsedMs = () => performance.now();
  const listing = createHookListing({ queue, restored: ({ state }) => state, elapsedMs });
  const world = { now: BEGIN, answer: { taken: true, text: '' } as PostResult };
  const now = () => world.now;
  const posted: HookEvent[] = [];
  const senders: HookSender[] = [];
  return {
    world,
    inboxes,
    trim,
    logs,
    pushLogs: createHookedPushes(logs, listing),
    posted,
    openSender(holder: string): HookSender {
      const sender = createHookSender({
        queue,
        logs,
        presence: createPresenceEvents({
          roster: { ...roster, count: async () => succeed({ users: 0, clients: 0, rev: 0 }) },
          wanted: [],
          now,
        }),
        pushes: createPushEvents({ logs, inboxes, undeliveredMs: UNDELIVERED_MS, now }),
        sendsMessages: false,
        async post(body) {
          posted.push(...(JSON.parse(body) as { events: HookEvent[] }).events);
          return world.answer;
        },
        timeoutMs: 100,
        holder,
        now,
        elapsedMs,
        random: () => 0,
        log: pino({ level: 'silent' }),
      });
      senders.push(sender);
      return sender;
    },
    /** Resolves when a sender knows of what was stored. */
    noted: () => eventually(() => expect(taken).not.toEqual([])),
    async close(): Promise<void> {
      await listing.close();
      await Promise.all(senders.map((sender) => sender.close()));
    },
  };
}

const item = (id: string, more: Partial<OutgoingItem> = {}): OutgoingItem => ({
  id,
  kind: 'push',
  json: '{"text":"hi"}',
  ...more,
});

describe('push.undelivered', () => {
  let pushes: ReturnType<typeof openPushes>;
  afterEach(() => pushes.close());
  const push = async (id: string, more?: Partial<OutgoingItem>) =>
    granted(await pushes.pushLogs.append(ANN, draftOf(item(id, more))));
  async function storedAt(seq: number): Promise<number> {
    const page = granted(await pushes.logs.read(ANN, { after: seq - 1, limit: 1, maxBytes: 10_000 }));
    return (JSON.parse(page.entries[0]?.json ?? '') as { readonly at: number }).at;
  }
  const ids = () =>
    pushes.posted.map((event) => (event.item as { id: string } | undefined)?.id ?? event.type);

  it('is sent of each push that no device has acknowledged in its time, with the item, and of no other', async () => {
    pushes = openPushes();
    const stored = await push('seen');
    await push('missed', { entityType: 'mail' });
    granted(await pushes.logs.append(ANN, draftOf(item('from bob', { kind: 'private' }))));
    await push('reminder', { kind: 'remind' });
    granted(await pushes.inboxes.raise(ANN, { recv: stored.seq }));
    pushes.openSender('a');
    await pushes.noted();
    pushes.world.now = BEGIN + UNDELIVERED_MS + 100;
    await eventually(() => expect(ids()).toEqual(['missed', 'reminder']));
    const at = await storedAt(2);
    expect(pushes.posted[0]).toEqual({
      id: `undelivered:${ANN.tag}:e1:2`,
      type: 'push.undelivered',
      at: at + UNDELIVERED_MS,
      ns: '/',
      userId: 'ann',
      item: { id: 'missed', seq: 2, at, kind: 'push', entityType: 'mail', data: { text: 'hi' } },
    });
  });

  it('waits for the time of each push, also of one that follows while others wait', async () => {
    pushes = openPushes();
    pushes.openSender('a');
    await push('first');
    await pushes.noted();
    await push('second');
    pushes.world.now = (await storedAt(1)) + UNDELIVERED_MS;
    await eventually(() => expect(ids()).toEqual(['first']));
    pushes.world.now = (await storedAt(2)) + UNDELIVERED_MS;
    await eventually(() => expect(ids()).toEqual(['first', 'second']));
  });

  it('is sent by the next sender if the first one ended while the push waited', async () => {
    pushes = openPushes();
    const first = pushes.openSender('a');
    await push('kept');
    await pushes.noted();
    await first.close();
    pushes.openSender('b');
    pushes.world.now = BEGIN + UNDELIVERED_MS + 100;
    await eventually(() => expect(ids()).toEqual(['kept']));
  });

  it('is sent again under the same id until it is taken, but not once the push is acknowledged', async () => {
    pushes = openPushes();
    pushes.world.answer = { taken: false, reason: 'status 503', status: 503 };
    pushes.openSender('a');
    await push('late');
    await pushes.noted();
    pushes.world.now = BEGIN + UNDELIVERED_MS + 100;
    await eventually(() => expect(pushes.posted.length).toBeGreaterThan(1));
    expect(new Set(pushes.posted.map(({ id }) => id)).size).toBe(1);
    granted(await pushes.inboxes.raise(ANN, { recv: 1 }));
    pushes.world.answer = { taken: true, text: '' };
    pushes.posted.splice(0);
    await push('next');
    pushes.world.now += 2 * UNDELIVERED_MS;
    await eventually(() => expect(ids().at(-1)).toBe('next'));
  });

  it('counts the items that left the inbox undecided', async () => {
    pushes = openPushes();
    for (const id of ['one', 'two', 'three']) await push(id);
    pushes.trim(ANN, 2);
    const sender = pushes.openSender('a');
    pushes.world.now = BEGIN + UNDELIVERED_MS + 100;
    await eventually(() => expect(ids()).toEqual(['dropped', 'three']));
    expect(pushes.posted[0]).toMatchObject({ ns: '/', userId: 'ann', from: 1, to: 2, count: 2 });
    expect(sender.counts().dropped).toBe(2);
  });
});
