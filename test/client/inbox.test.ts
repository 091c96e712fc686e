import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { refusal, type Step } from './fake-chat.ts';
import { inboxOf, receive } from './inbox-reader.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();
const { reader, inbox, keep, bring, receipts } = inboxOf({ fake, chatter });

describe('receipts', () => {
  it('are sent for delivered items, one for a burst', async () => {
    const { lines } = await reader();
    for (let n = 1; n <= 30; n += 1) bring(n);
    await eventually(() => expect(lines).toHaveLength(30));
    await eventually(() => expect(inbox().recv).toBe(30));
    expect(receipts().length).toBeLessThanOrEqual(2);
    const [first, second] = fake().ask('inbox:ack');
    if (second) expect(second.at - (first?.at ?? 0)).toBeGreaterThan(900);
  });

  it('are sent over the next connection when theirs was lost', async () => {
    const { lines } = await reader();
    const lost: Step = ({ socket }) => socket.conn.close();
    fake().script('inbox:ack', lost);
    bring('one');
    await eventually(() => expect(inbox().recv).toBe(1));
    expect(receipts()).toEqual([1, 1]);
    expect(lines).toEqual(['live one*']);
  });

  it('are sent again after a temporary refusal', async () => {
    await reader();
    fake().script('inbox:ack', refusal('unavailable', 'no store', 10));
    bring('one');
    await eventually(() => expect(inbox().recv).toBe(1));
    expect(receipts()).toEqual([1, 1]);
  });

  it('wait for a listener, and are not sent when the application sends its own', async () => {
    const silent = chatter();
    keep('one');
    await silent.chat.inbox.list();
    expect(receipts()).toEqual([]);
    const { lines } = receive(silent.chat);
    await eventually(() => expect(receipts()).toEqual([1]));
    expect(lines).toEqual(['login one*']);
    silent.chat.close();

    const deaf = chatter().chat;
    const stop = deaf.on('item', () => undefined);
    stop();
    await deaf.inbox.list();
    await deaf.inbox.list();
    expect(receipts()).toEqual([1]);
    deaf.close();

    const { chat } = await reader({ autoReceipt: false });
    bring('two');
    expect(await chat.inbox.ack({ recv: 2 })).toEqual({ recvSeq: 2, readSeq: 0 });
    expect(receipts()).toEqual([1, 2]);
  });

  it('never concern an inbox that the connection no longer belongs to', async () => {
    const { chat, lines } = await reader();
    bring('one');
    await eventually(() => expect(inbox().recv).toBe(1));
    let proceed: () => void = () => undefined;
    fake().script('user_login', (turn) => {
      proceed = turn.proceed;
    });
    const login = chat.login('bob');
    await eventually(() => expect(fake().ask('user_login')).toHaveLength(1));
    bring('two');
    await eventually(() => expect(lines).toEqual(['live one*', 'live two*']));
    proceed();
    await login;
    fake().people.bring('bob', 'for bob');
    await eventually(() => expect(fake().people.inbox('bob').recv).toBe(1));
    expect(inbox().recv).toBe(1);
    expect(receipts()).toEqual([1, 1]);
  });
});

describe('the inbox', () => {
  it('is listed and marked as read, and counts what is unread', async () => {
    keep('one');
    const { chat } = await reader();
    bring('two');
    bring('three');
    await eventually(() => expect(chat.inbox.unread).toBe(3));
    const page = await chat.inbox.list({ before: 3, limit: 1 });
    expect(page).toMatchObject({ epoch: 'i1', top: 3, readSeq: 0, items: [{ data: 'two' }] });
    expect(page).not.toHaveProperty('ok');
    expect(await chat.inbox.ack({ read: 2 })).toEqual({ recvSeq: expect.any(Number), readSeq: 2 });
    expect(chat.inbox.unread).toBe(1);
    inbox().read = 3;
    await chat.inbox.list();
    expect(chat.inbox.unread).toBe(0);
  });

  it('does not count items that a login brings as read', async () => {
    const { chat, lines } = await reader({ autoReceipt: false });
    bring('one');
    await eventually(() => expect(lines).toHaveLength(1));
    inbox().read = 1;
    await chat.login('ada');
    await eventually(() => expect(chat.inbox.unread).toBe(0));
  });

  it('is asked once by a listener of the state online', async () => {
    const { chat } = chatter();
    const tops: number[] = [];
    chat.on('state', ({ state }) => {
      if (state === 'online') void chat.inbox.list().then(({ top }) => tops.push(top));
    });
    await eventually(() => expect(tops).toEqual([0]));
    await chat.inbox.list();
    expect(fake().ask('inbox:list')).toHaveLength(2);
  });

  it('reports when a login did not bring all unread items', async () => {
    for (let n = 0; n < 51; n += 1) keep(n);
    const { chat, lines } = await reader();
    expect(lines).toHaveLength(50);
    expect(chat.inbox.more).toBe(true);
  });

  it('is asked again over the next connection, rejects refusals, and rejects at once in a closed client', async () => {
    const { chat } = await reader();
    fake().script('inbox:list', ({ socket }) => socket.conn.close());
    expect((await chat.inbox.list()).top).toBe(0);
    fake().script('inbox:ack', refusal('bad_request', 'recv: must be given, or read'));
    await expect(chat.inbox.ack({})).rejects.toMatchObject({ code: 'bad_request' });
    fake().script('inbox:list', () => undefined);
    const listing = chat.inbox.list();
    chat.close();
    await expect(listing).rejects.toMatchObject({ code: 'closed' });
    await expect(chat.inbox.list()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('logging in', () => {
  it('changes the user and the inbox of this connection and the next ones', async () => {
    fake().people.keep('bob', 'for bob');
    const { chat } = chatter({ userId: undefined });
    const { lines } = receive(chat);
    expect(await chat.login('bob')).toEqual({ id: 'bob', name: 'bob' });
    expect(chat.user?.id).toBe('bob');
    await eventually(() => expect(lines).toEqual(['login for bob*']));
    fake().cut();
    fake().people.keep('bob', 'more');
    await eventually(() => expect(lines).toEqual(['login for bob*', 'login more*']));
    expect(fake().auths[1]).toEqual({ userId: 'bob', inbox: { epoch: 'i1', seq: 1 } });
  });

  it('is repeated when the connection is lost before the answer, and rejects when it is refused', async () => {
    const { chat } = chatter();
    fake().script('user_login', ({ socket }) => socket.conn.close());
    expect((await chat.login('bob')).id).toBe('bob');
    fake().script('user_login', refusal('forbidden', 'userId: not yours'));
    await expect(chat.login('eve')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(chat.login('\n')).rejects.toMatchObject({ code: 'bad_request' });
    expect(chat.user?.id).toBe('bob');
  });

  it('keeps the guest’s proof when the guest logs in as itself', async () => {
    const { chat } = chatter({ userId: undefined });
    await chat.login('g-1');
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(2));
    expect(fake().auths[1]).toMatchObject({ userId: 'g-1', guestToken: 'proof of g-1' });
  });
});
