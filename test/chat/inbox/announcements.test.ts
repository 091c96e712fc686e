import { describe, expect, it } from 'vitest';
import { createAnnouncements } from '../../../src/chat/inbox/announcements.ts';
import { parseItem } from '../../../src/chat/inbox/items.ts';
import { announcementsOf, inboxOf } from '../../../src/chat/room.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const ann = inboxOf('/', 'ann');

function setUp() {
  const store = createMemoryStore();
  let made = 0;
  const news = createAnnouncements({ ...store, newId: () => `n${++made}` });
  const itemsOf = (inbox = ann) => store.entries(inbox).map(parseItem);
  return { store, news, itemsOf };
}

describe('announcements to everybody', () => {
  it('are appended once, and are copied into an inbox when its owner logs in', async () => {
    const { store, news, itemsOf } = setUp();
    const announced = await news.announce('/', '{"text":"maintenance"}');
    expect(announced).toMatchObject({ ok: true, value: { id: 'n1', seq: 1 } });
    expect(store.entries(announcementsOf('/'))).toHaveLength(1);
    expect(itemsOf()).toEqual([]);
    await news.copyInto(ann);
    expect(itemsOf()).toMatchObject([
      { id: 'n1', seq: 1, kind: 'announcement', data: { text: 'maintenance' } },
    ]);
  });

  it('keep the time at which they were announced', async () => {
    const { store, news, itemsOf } = setUp();
    const announced = await news.announce('/', '1');
    store.pass(60_000);
    await news.copyInto(ann);
    expect(itemsOf()[0]?.at).toBe(announced.ok && announced.value.at);
  });

  it('are copied in once, however many logins run at the same time', async () => {
    const { news, itemsOf } = setUp();
    for (const text of ['1', '2', '3']) await news.announce('/', text);
    await Promise.all([news.copyInto(ann), news.copyInto(ann), news.copyInto(ann)]);
    await news.copyInto(ann);
    await news.announce('/', '4');
    await Promise.all([news.copyInto(ann), news.copyInto(ann)]);
    expect(itemsOf().map(({ data }) => data)).toEqual([1, 2, 3, 4]);
  });

  it('are all copied in when the slower of two logins is answered', async () => {
    const { news, itemsOf } = setUp();
    for (const text of ['1', '2', '3']) await news.announce('/', text);
    const seen = await Promise.all([0, 1].map(() => news.copyInto(ann).then(() => itemsOf().length)));
    expect(seen).toEqual([3, 3]);
  });

  it('stay in their namespace', async () => {
    const { news, itemsOf } = setUp();
    await news.announce('/post', '1');
    await news.copyInto(ann);
    await news.copyInto(inboxOf('/post', 'ann'));
    expect(itemsOf()).toEqual([]);
    expect(itemsOf(inboxOf('/post', 'ann'))).toHaveLength(1);
  });

  it('are the newest 50 for a new user', async () => {
    const { news, itemsOf } = setUp();
    for (let n = 1; n <= 60; n += 1) await news.announce('/', String(n));
    await news.copyInto(ann);
    expect(itemsOf().map(({ data }) => data)).toEqual(Array.from({ length: 50 }, (_, index) => index + 11));
  });

  it('are all of them for a user who was away, however many', async () => {
    const { news, itemsOf } = setUp();
    await news.announce('/', '1');
    await news.copyInto(ann);
    for (let n = 2; n <= 251; n += 1) await news.announce('/', String(n));
    expect(await news.copyInto(ann)).toEqual({ ok: true, value: 251 });
    expect(itemsOf().map(({ data }) => data)).toEqual(Array.from({ length: 251 }, (_, index) => index + 1));
  });

  it('are copied in by the next login if the store failed in between', async () => {
    const { store, news, itemsOf } = setUp();
    for (const text of ['1', '2']) await news.announce('/', text);
    let folds = 0;
    store.fail((what) => what === 'appendAnnouncement' && ++folds > 1);
    expect(await news.copyInto(ann)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    store.fail(() => false);
    await news.copyInto(ann);
    expect(itemsOf().map(({ data }) => data)).toEqual([1, 2]);
  });
});
