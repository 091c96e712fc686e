import { expect, it } from 'vitest';
import type { InboxItem } from '../../../src/client/index.ts';
import {
  EMPTY_INBOX,
  type InboxEvent,
  type InboxState,
  readUpTo,
  reduceInbox,
  threadsOf,
} from '../../../src/page/session/inbox-state.ts';

const ME = { id: 'me', name: 'Mia' };
const ANN = { id: 'ann', name: 'Ann' };

const reduced = (...events: InboxEvent[]): InboxState => events.reduce(reduceInbox, EMPTY_INBOX);
function fromAnn(seq: number, text: string, unread = true): InboxEvent {
  const item: InboxItem = {
    id: `i${seq}`,
    seq,
    at: seq,
    kind: 'private',
    from: ANN,
    data: { to: 'me', text },
  };
  return { type: 'item', item, unread };
}
const draft = { clientMsgId: 'c1', to: 'ann', text: 'hello', at: 10 };
const shownOf = (state: InboxState) =>
  threadsOf(state, 'me', () => undefined).map(({ user, messages, drafts, unread }) => ({
    name: user.name,
    texts: messages.map(({ data }) => (data as { text: string }).text),
    drafts: drafts.map(({ text, problem }) => [text, problem?.code]),
    unread,
  }));

it('gathers what two people wrote each other, also before it is stored', () => {
  const sending = reduced(fromAnn(1, 'hi'), { type: 'sending', draft });
  expect(shownOf(sending)).toEqual([
    { name: 'Ann', texts: ['hi'], drafts: [['hello', undefined]], unread: 1 },
  ]);
  const stored = reduceInbox(sending, {
    type: 'stored',
    draft,
    ack: { id: 'i9', seq: 4, at: 11, live: 1 },
    me: ME,
  });
  expect(shownOf(stored)).toEqual([{ name: 'Ann', texts: ['hi', 'hello'], drafts: [], unread: 1 }]);
});

it('shows a refusal until the message is sent again or given up', () => {
  const problem = { code: 'forbidden', message: 'blocked' } as const;
  const failed = reduced({ type: 'sending', draft }, { type: 'failed', clientMsgId: 'c1', problem });
  expect(shownOf(failed)).toMatchObject([{ name: 'ann', drafts: [['hello', 'forbidden']] }]);
  expect(shownOf(reduceInbox(failed, { type: 'sending', draft }))).toMatchObject([
    { drafts: [['hello', undefined]] },
  ]);
  expect(shownOf(reduceInbox(failed, { type: 'discarded', clientMsgId: 'c1' }))).toEqual([]);
});

it('has each item once, by time, whether it came live or by a page', () => {
  const items = [2, 1].map((seq) => (fromAnn(seq, `text ${seq}`) as { item: InboxItem }).item);
  const state = reduced(fromAnn(2, 'text 2'), { type: 'page', items, readSeq: 1, more: false });
  expect(shownOf(state)).toMatchObject([{ texts: ['text 1', 'text 2'], unread: 1 }]);
  expect(state.more).toBe(false);
});

it('is read up to the first item that is not', () => {
  const state = reduced(fromAnn(1, 'a'), fromAnn(2, 'b'), fromAnn(3, 'c'));
  expect(readUpTo(state.entries)).toBeUndefined();
  const some = reduceInbox(state, { type: 'read', ids: new Set(['i1', 'i3']) });
  expect(readUpTo(some.entries)).toBe(1);
  expect(readUpTo(reduceInbox(some, { type: 'read', ids: new Set(['i2']) }).entries)).toBe(3);
});

it('learns the number of a live announcement from a page, so that it can be told as read', () => {
  const live: InboxItem = { id: 'a1', at: 5, kind: 'announcement', data: 'Cake' };
  const state = reduced({ type: 'item', item: live, unread: true }, { type: 'read', ids: new Set(['a1']) });
  expect(readUpTo(state.entries)).toBeUndefined();
  const paged = reduceInbox(state, { type: 'page', items: [{ ...live, seq: 3 }], readSeq: 0 });
  expect(readUpTo(paged.entries)).toBe(3);
  expect(paged.more).toBe(true);
});
