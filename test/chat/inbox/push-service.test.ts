import { describe, expect, it } from 'vitest';
import { parseItem } from '../../../src/chat/inbox/items.ts';
import { createPushService, type PushRequest } from '../../../src/chat/inbox/push-service.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const order: PushRequest = {
  nsp: '/',
  users: ['ann', 'bob'],
  entityType: 'like',
  kind: 'push',
  json: '{"n":1}',
};

function setUp() {
  let made = 0;
  let epochs = 0;
  const store = createMemoryStore({ newEpoch: () => `e${++epochs}` });
  const desk = createPushService({ ...store, newId: () => `p${++made}`, onAppended: () => undefined });
  const items = (userId: string) => store.entries(inboxOf('/', userId)).map(parseItem);
  async function push(given: Partial<PushRequest> = {}) {
    const report = await desk.push({ ...order, ...given });
    if (!report.ok) return report.error;
    return { id: report.value.id, reach: Object.fromEntries(report.value.reach) };
  }
  async function receipts(id: string) {
    const found = await desk.receipts(id);
    return found.ok ? Object.fromEntries(found.value.users) : found.error;
  }
  return { store, desk, items, push, receipts };
}

describe('a push', () => {
  it('is stored in each inbox under one id and returns whom it reaches', async () => {
    const { store, items, push } = setUp();
    store.connected.set(inboxOf('/', 'ann').tag, 2);
    expect(await push()).toEqual({
      id: 'p1',
      reach: { ann: { live: 2, stored: true }, bob: { live: 0, stored: true } },
    });
    for (const user of ['ann', 'bob']) {
      expect(items(user)).toMatchObject([{ id: 'p1', kind: 'push', entityType: 'like', data: { n: 1 } }]);
    }
  });

  it('under the same operation is answered with its id and stored once', async () => {
    const { items, push } = setUp();
    const first = await push({ operation: 'o1' });
    expect(await push({ operation: 'o1' })).toEqual(first);
    expect(items('ann')).toMatchObject([{ id: 'o1' }]);
    expect(await push({ operation: 'o2' })).not.toEqual(first);
  });

  it('returns for whom it could not be stored, and completes under the same operation', async () => {
    const { store, items, push } = setUp();
    store.fail((what, room) => what === 'append' && room?.roomid === 'bob');
    const half = await push({ operation: 'p1' });
    expect(half).toMatchObject({ reach: { ann: { stored: true }, bob: { stored: false } } });
    store.fail(() => false);
    expect(await push({ operation: 'p1' })).toMatchObject({ id: 'p1', reach: { bob: { stored: true } } });
    expect([items('ann').length, items('bob').length]).toEqual([1, 1]);
  });

  it('is refused if it could be stored for no user', async () => {
    const { store, push } = setUp();
    store.fail((what) => what === 'append');
    expect(await push()).toMatchObject({ code: 'unavailable' });
  });

  it('reaches users with odd ids', async () => {
    const { push } = setUp();
    const report = await push({ users: ['__proto__', 'constructor', '日本'] });
    expect(Object.keys('reach' in report ? report.reach : {})).toEqual(['__proto__', 'constructor', '日本']);
  });
});

describe('the receipts of a push', () => {
  it('state for each user how far the push came, and when', async () => {
    const { store, push, receipts } = setUp();
    await push({ users: ['queued', 'sent', 'delivered', 'read'] });
    await store.inboxes.raise(inboxOf('/', 'sent'), { sent: 1 });
    await store.inboxes.raise(inboxOf('/', 'delivered'), { sent: 1 });
    await store.inboxes.raise(inboxOf('/', 'delivered'), { recv: 1 });
    await store.inboxes.raise(inboxOf('/', 'read'), { read: 1 });
    const when = expect.any(Number);
    expect(await receipts('p1')).toEqual({
      queued: { state: 'queued', queuedAt: when },
      sent: { state: 'sent', queuedAt: when, sentAt: when },
      delivered: { state: 'delivered', queuedAt: when, sentAt: when, deliveredAt: when },
      read: { state: 'read', queuedAt: when, deliveredAt: when, readAt: when },
    });
  });

  it('say nothing of what a user reads in the inbox that follows an erased one', async () => {
    const { store, push, receipts } = setUp();
    await push({ users: ['ann'] });
    await store.inboxes.erase(inboxOf('/', 'ann'));
    await push({ users: ['ann'] });
    await store.inboxes.raise(inboxOf('/', 'ann'), { sent: 1, read: 1 });
    expect(await receipts('p1')).toEqual({ ann: { state: 'queued', queuedAt: expect.any(Number) } });
    expect(await receipts('p2')).toMatchObject({ ann: { state: 'read' } });
  });

  it('of an unknown push are not found', async () => {
    expect(await setUp().receipts('nope')).toMatchObject({ code: 'not_found' });
  });
});
