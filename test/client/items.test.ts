import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inboxOf, receive } from './inbox-reader.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();
const { reader, inbox, keep, bring, positions, receipts } = inboxOf({ fake, chatter });

const announce = (id: string, more = {}) => fake().emit('announcement', { id, at: 5, data: id, ...more });
const bob = { id: 'bob', name: 'Bob' };

describe('items', () => {
  it('have one shape, however they come', async () => {
    const { items } = await reader({ now: () => 77 });
    bring({ to: 'ada', text: 'psst' }, { kind: 'private', from: bob });
    bring({ receiver_id: 'ada', title: 'water the tea' }, { kind: 'todo' });
    bring({ price: 3 }, { entityType: 'offer' });
    bring('soon', { entityType: 'alarm', kind: 'remind' });
    bring('for you', { kind: 'announcement' });
    announce('open day', { seq: 9 });
    await eventually(() => expect(items).toHaveLength(6));
    const id = expect.stringContaining('item');
    expect(items).toEqual([
      { id, seq: 1, at: 1_001, kind: 'private', from: bob, data: { to: 'ada', text: 'psst' } },
      { id, seq: 2, at: 1_002, kind: 'todo', data: { receiver_id: 'ada', title: 'water the tea' } },
      { id, seq: 3, at: 77, kind: 'push', entityType: 'offer', data: { price: 3 } },
      { id, seq: 4, at: 77, kind: 'remind', entityType: 'alarm', data: 'soon' },
      { id, at: 1_005, kind: 'announcement', data: 'for you' },
      { id: 'open day', at: 5, kind: 'announcement', data: 'open day' },
    ]);
  });

  it('do not come as `event` too, which has only events without a form of their own', async () => {
    const { chat } = chatter();
    const events: unknown[] = [];
    const counts: unknown[] = [];
    chat.on('event', (name) => events.push(name));
    chat.on('online', (count) => counts.push(count));
    const { lines } = receive(chat);
    await chat.inbox.list();
    bring('one');
    fake().emit('textmsg', { name: 'Bob', content: 'hi' });
    fake().emit('online', { users: 2, clients: 3 });
    await eventually(() => expect(counts).toEqual([{ users: 2, clients: 3 }]));
    expect(lines).toEqual(['live one*']);
    expect(events).toEqual(['textmsg']);
  });

  it('come at login in order, read and unread, and wait for the first listener', async () => {
    for (const data of ['one', 'two', 'three']) keep(data);
    inbox().read = 1;
    keep({ to: 'bob', text: 'mine' }, { kind: 'private', from: { id: 'ada', name: 'Ada' } });
    const { chat } = chatter();
    await chat.inbox.list();
    bring('four');
    await chat.inbox.list();
    const { lines } = receive(chat);
    await eventually(() => {
      expect(lines).toEqual([
        'login one',
        'login two*',
        'login three*',
        'login [object Object]',
        'live four*',
      ]);
    });
  });

  it('go on after an unreadable message, which is reported', async () => {
    const { lines, errors } = await reader();
    fake().emit('private', null as unknown as object);
    bring('one');
    await eventually(() => expect(lines).toEqual(['live one*']));
    expect(errors).toHaveLength(1);
  });

  it('stop when the client is closed inside a listener', async () => {
    for (const data of ['one', 'two']) keep(data);
    const storage = memory();
    const { chat } = chatter({ storage });
    const { lines } = receive(chat);
    chat.on('item', () => chat.close());
    await eventually(() => expect(lines).toEqual(['login one*']));
    await eventually(() => expect(fake().clients()).toBe(0));
    expect(lines).toEqual(['login one*']);
    expect(receipts()).toEqual([]);
    const again = await reader({ storage });
    expect(again.lines).toContain('login two*');
  });
});

describe('coming back', () => {
  it('brings the items stored meanwhile, each once', async () => {
    keep('one');
    const { lines, chat } = await reader();
    bring('two');
    await eventually(() => expect(lines).toHaveLength(2));
    fake().cut();
    for (const data of ['three', 'four']) keep(data);
    await eventually(() => expect(lines).toHaveLength(4));
    bring('five');
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(3));
    await chat.inbox.list();
    expect(lines).toEqual(['login one*', 'live two*', 'login three*', 'login four*', 'live five*']);
    expect(positions()).toEqual([undefined, { epoch: 'i1', seq: 2 }, { epoch: 'i1', seq: 5 }]);
  });

  it('repeats nothing of an inbox that was empty, whose items did not say their epoch', async () => {
    const { lines } = await reader();
    for (const data of ['one', 'two']) bring(data);
    await eventually(() => expect(lines).toHaveLength(2));
    inbox().epoch = 'i2';
    fake().cut();
    keep('three');
    await eventually(() => expect(lines).toEqual(['live one*', 'live two*', 'login three*']));
    expect(positions()).toEqual([undefined, { epoch: 'i1', seq: 0 }]);
  });

  it('repeats nothing when the server shows the whole inbox again', async () => {
    const { chat, lines } = await reader();
    for (const data of ['one', 'two']) bring(data);
    await chat.login('ada');
    bring('three');
    await eventually(() => expect(lines).toEqual(['live one*', 'live two*', 'live three*']));
  });

  it('brings what is new under another epoch, whose numbers begin below ours', async () => {
    const { lines } = await reader();
    for (const data of ['one', 'two', 'three']) bring(data);
    await eventually(() => expect(lines).toHaveLength(3));
    fake().cut();
    const box = inbox();
    box.log.pop();
    Object.assign(box, { epoch: 'i2', top: 2 });
    for (const data of ['three anew', 'four']) keep(data);
    await eventually(() => expect(lines.slice(3)).toEqual(['login three anew*', 'login four*']));
    fake().cut();
    await eventually(() => expect(positions().at(-1)).toEqual({ epoch: 'i2', seq: 4 }));
    expect(lines).toHaveLength(5);
  });

  it('brings each once when the epoch changes during a connection, also items without an epoch', async () => {
    for (const data of ['one', 'two']) keep(data);
    const { lines } = await reader();
    bring('three');
    await eventually(() => expect(lines).toHaveLength(3));
    Object.assign(inbox(), { epoch: 'i2', top: 0, log: [] });
    bring('push');
    await eventually(() => expect(lines).toHaveLength(4));
    fake().cut();
    keep('away');
    await eventually(() => expect(lines).toHaveLength(5));
    expect(positions()).toEqual([undefined, undefined]);
    Object.assign(inbox(), { epoch: 'i3', top: 0, log: [] });
    bring({ to: 'ada', text: 'hi' }, { kind: 'private', from: bob });
    await eventually(() => expect(lines).toHaveLength(6));
    fake().cut();
    await eventually(() => expect(positions().at(-1)).toEqual({ epoch: 'i3', seq: 1 }));
    expect(lines.slice(3)).toEqual(['live push*', 'login away*', 'live [object Object]*']);
  });

  it('brings a live announcement only once, although it gets a number later', async () => {
    const { chat, lines, items } = await reader();
    announce('fire drill', { seq: 40 });
    announce('heard in some rooms');
    await eventually(() => expect(lines).toHaveLength(2));
    expect(items.map(({ seq }) => seq)).toEqual([undefined, undefined]);
    expect(chat.inbox.unread).toBe(1);
    fake().cut();
    keep('fire drill', { id: 'fire drill', kind: 'announcement' });
    keep('sale', { id: 'sale', kind: 'announcement' });
    keep('mail');
    await eventually(() => {
      expect(lines).toEqual(['live fire drill*', 'live heard in some rooms', 'login sale*', 'login mail*']);
    });
    expect(chat.inbox.unread).toBe(3);
    await chat.inbox.ack({ read: 1 });
    expect(chat.inbox.unread).toBe(2);
  });

  it('knows a guest again by what came before it had an inbox to show', async () => {
    const { chat } = chatter({ userId: undefined });
    const { lines } = receive(chat);
    await chat.inbox.list();
    fake().people.bring('g-1', 'one');
    await eventually(() => expect(lines).toEqual(['live one*']));
    fake().cut();
    fake().people.keep('g-1', 'two');
    await eventually(() => expect(lines).toEqual(['live one*', 'login two*']));
  });

  it('starts anew when the token is of another user now, and misses nothing of that inbox', async () => {
    const token = vi.fn().mockResolvedValueOnce('of ada').mockResolvedValue('of eve');
    fake().hello = { user: { id: 'ada', name: 'Ada' }, auth: 'token' };
    const { chat } = chatter({ token, userId: undefined });
    const { lines } = receive(chat);
    keep('for ada');
    await chat.inbox.list();
    expect(lines).toEqual(['login for ada*']);
    fake().people.keep('eve', 'for eve');
    fake().hello = { user: { id: 'eve', name: 'Eve' }, auth: 'token' };
    fake().bye({ code: 3500, reason: 'expired' });
    await eventually(() => expect(positions()).toEqual([undefined, { epoch: 'i1', seq: 1 }, undefined]));
    await chat.inbox.list();
    expect(chat.user?.id).toBe('eve');
    expect(lines).toEqual(['login for ada*', 'login for eve*']);
  });
});

describe('with a storage', () => {
  it('goes on in a new run where the application stopped hearing', async () => {
    const storage = memory();
    keep('one');
    const first = await reader({ storage });
    bring('two');
    await eventually(() => expect(first.lines).toHaveLength(2));
    first.chat.close();
    keep('three');
    const silent = chatter({ storage });
    await silent.chat.inbox.list();
    silent.chat.close();
    const { lines } = await reader({ storage });
    expect(lines).toEqual(['login three*']);
    expect(positions()).toEqual([undefined, { epoch: 'i1', seq: 2 }, { epoch: 'i1', seq: 2 }]);
  });

  it('says nothing of one person to another, nor what was spoiled', async () => {
    const entries = new Map([['roomcast.inbox', '{"userId":"ada","epoch":"","seq":4}']]);
    const { chat, lines } = await reader({ storage: memory(entries) });
    bring('one');
    await eventually(() => expect(lines).toHaveLength(1));
    chat.close();
    await chatter({ storage: memory(entries), userId: 'bob' }).chat.inbox.list();
    expect(positions()).toEqual([undefined, undefined]);
  });
});
