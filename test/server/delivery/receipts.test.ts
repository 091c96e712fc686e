import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { draftOf } from '../../../src/chat/inbox/items.ts';
import { createMessageReceipts } from '../../../src/chat/inbox/message-receipts.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createReceipts } from '../../../src/server/delivery/receipts.ts';
import type { ChatNamespace } from '../../../src/server/socket-types.ts';
import { granted } from '../../contract/peers.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const inbox = inboxOf('/', 'eve');

/** A worker on which Eve acknowledges, in a room with everybody. */
function worker({ logs, inboxes }: ReturnType<typeof createMemoryStore>, sent: unknown[]) {
  const messageReceipts = createMessageReceipts({
    logs,
    inboxes,
    blocks: { list: async () => succeed([]) },
    roomSubscriptions: { list: async () => succeed([{ roomid: 'tea', read: 0 }]) },
    roster: { isInAny: async () => succeed(true) },
  });
  let running: Promise<unknown> = Promise.resolve();
  const receipts = createReceipts({
    receipts: {
      ofReader(...args) {
        const found = messageReceipts.ofReader(...args);
        running = found;
        return found;
      },
    },
    of: () =>
      ({
        to: () => ({ emit: (_event: string, receipt: unknown) => void sent.push(receipt) }),
      }) as unknown as ChatNamespace,
  });
  async function acknowledge(to: { readonly recv?: number; readonly read?: number }): Promise<void> {
    const reader = { nsp: '/', userId: 'eve', rooms: [roomOf('/', 'tea')] };
    receipts.acknowledged(reader, granted(await inboxes.raise(inbox, to)));
    await running;
  }
  return { acknowledge, messageReceipts };
}

function setUp() {
  const store = createMemoryStore();
  const sent: unknown[] = [];
  async function write(from: string, count = 1): Promise<void> {
    for (let n = 1; n <= count; n += 1) {
      const user = { id: from, name: from };
      const json = JSON.stringify({ to: 'eve', text: 'x' });
      granted(
        await store.logs.append(inbox, draftOf({ id: `${from} ${n}`, kind: 'private', from: user, json })),
      );
    }
  }
  return { store, sent, write, ...worker(store, sent) };
}

it('all senders get a receipt of what a receiver acknowledges after being away for long', async () => {
  const { sent, write, acknowledge } = setUp();
  await write('ann');
  await write('bob', 120);
  await acknowledge({ recv: 121 });
  expect(sent).toEqual([
    { by: 'eve', delivered: 'ann 1' },
    { by: 'eve', delivered: 'bob 120' },
  ]);
});

it('only those of the newest 200 items get one', async () => {
  const { sent, write, acknowledge } = setUp();
  await write('ann');
  await write('bob', 200);
  await acknowledge({ recv: 201 });
  expect(sent).toEqual([{ by: 'eve', delivered: 'bob 200' }]);
});

it('what was acknowledged before, here or on another worker, is not told again', async () => {
  const { store, sent, write, acknowledge } = setUp();
  const { acknowledge: elsewhere } = worker(store, sent);
  await write('ann');
  await acknowledge({ recv: 1 });
  await write('bob');
  await elsewhere({ recv: 2 });
  await acknowledge({ recv: 2 });
  vi.advanceTimersByTime(1_000);
  await acknowledge({ recv: 2 });
  expect(sent).toEqual([
    { by: 'eve', delivered: 'ann 1' },
    { by: 'eve', delivered: 'bob 1' },
  ]);
});

it('what is acknowledged within a second goes out as one', async () => {
  const { sent, write, acknowledge } = setUp();
  await write('ann', 5);
  for (const recv of [1, 2, 3]) await acknowledge({ recv });
  await acknowledge({ read: 2 });
  expect(sent).toEqual([{ by: 'eve', delivered: 'ann 1' }]);
  vi.advanceTimersByTime(1_000);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ by: 'eve', delivered: 'ann 3', read: 'ann 2' });
});

it('an inbox that begins anew after it was erased gives receipts from its first item on', async () => {
  const { store, sent, write, acknowledge } = setUp();
  await write('ann', 5);
  await acknowledge({ recv: 3 });
  await acknowledge({ recv: 5 });
  granted(await store.inboxes.erase(inbox));
  await write('bob');
  await acknowledge({ recv: 1, read: 1 });
  vi.advanceTimersByTime(1_000);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent).toEqual([
    { by: 'eve', delivered: 'ann 3' },
    { by: 'eve', delivered: 'bob 1', read: 'bob 1' },
  ]);
});

it('a list of receipts has none of what was written before the receiver’s inbox was erased', async () => {
  let epochs = 0;
  const store = createMemoryStore({ newEpoch: () => `e${++epochs}` });
  const { messageReceipts } = worker(store, []);
  const [eve, ann] = [inbox, inboxOf('/', 'ann')];
  const from = { id: 'eve', name: 'eve' };
  const json = JSON.stringify({ to: 'ann', text: 'x' });
  async function write(id: string): Promise<void> {
    const item = { id, kind: 'private', from, json } as const;
    const { epoch, seq } = granted(await store.logs.append(ann, draftOf(item)));
    const copy = draftOf({ ...item, receiverSeq: seq, receiverEpoch: epoch });
    granted(await store.logs.append(eve, copy));
  }
  const listed = async () =>
    granted(await messageReceipts.ofSender({ nsp: '/', userId: 'eve', rooms: [] }, () => undefined));
  await write('before');
  granted(await store.inboxes.raise(ann, { read: 1 }));
  expect(await listed()).toEqual([{ by: 'ann', delivered: 'before', read: 'before' }]);
  granted(await store.inboxes.erase(ann));
  const other = { id: 'from another', kind: 'private', from: { id: 'bob', name: 'bob' }, json } as const;
  granted(await store.logs.append(ann, draftOf(other)));
  granted(await store.inboxes.raise(ann, { read: 1 }));
  expect(await listed()).toEqual([]);
  await write('after');
  granted(await store.inboxes.raise(ann, { recv: 2 }));
  expect(await listed()).toEqual([{ by: 'ann', delivered: 'after' }]);
  // A copy of an earlier release says no epoch.
  const old = { id: 'old', kind: 'private', from, json, receiverSeq: 1 } as const;
  granted(await store.logs.append(eve, draftOf(old)));
  expect(await listed()).toEqual([{ by: 'ann', delivered: 'old', read: 'old' }]);
});

it('a list of receipts is charged by the users that it looks up, and looks up none before', async () => {
  const { store, messageReceipts } = setUp();
  const eve = { id: 'eve', name: 'eve' };
  for (const [index, to] of ['ann', 'bob', 'bob'].entries()) {
    const item = {
      kind: 'private',
      from: eve,
      json: JSON.stringify({ to, text: 'x' }),
      receiverSeq: 1,
    } as const;
    granted(await store.logs.append(inbox, draftOf({ id: `to ${to} ${index}`, ...item })));
  }
  const asked: string[] = [];
  store.fail((what) => {
    asked.push(what);
    return false;
  });
  const sender = { nsp: '/', userId: 'eve', rooms: [roomOf('/', 'tea')] };
  const refusal = refuse('rate_limited', 'too many', 5);
  const charged: number[] = [];
  const charge = (peers: number) => {
    charged.push(peers);
    return charged.length === 1 ? refusal : undefined;
  };
  expect(await messageReceipts.ofSender(sender, charge)).toEqual(refusal);
  expect(asked).not.toContain('marks');
  expect(await messageReceipts.ofSender(sender, charge)).toEqual(succeed([]));
  expect(charged).toEqual([2, 2]);
  expect(asked.filter((what) => what === 'marks')).toHaveLength(2);
});
