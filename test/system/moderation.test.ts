import { describe, expect, it } from 'vitest';
import type { PushMessage } from '../../src/protocol/people.ts';
import type { MessagePage } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectRaw, type Member, type MemberOptions, textsOf } from '../support/member.ts';
import { MODES } from '../support/system.ts';

type Json = Readonly<Record<string, unknown>>;

describe.each(MODES)('moderation, %s', (mode) => {
  const settings = { RATE_SAY: '0', NAMESPACES: '/,/post', BUS_SECRET: 's'.repeat(32) };
  const stage = systemFixture(mode, settings, { workersEach: 1 });
  const { worker, fresh, connect } = stage;
  let asked = 0;

  async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> {
    asked += 1;
    const response = await fetch(`${worker(asked)}/api/v1/${path}`, {
      method,
      headers: {
        ...stage.system.keyHeader,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Json };
  }
  const device = (index: number, userId: string, options?: MemberOptions) =>
    stage.device(worker(index), userId, options);
  async function inRoom(index: number, userId: string, roomid: string): Promise<Member> {
    const member = await device(index, userId);
    await member.do('join', { roomid });
    return member;
  }
  const all = (member: Member, event: string) =>
    member.heard.filter((one) => one.event === event).map(({ data }) => data);
  const quits = (member: Member, userId: string) =>
    member.messages.filter((message) => message.event === 'broadcast_quit' && message.data.userId === userId);

  it('kicks all connections of a user from the room on all workers; they stay connected and may join again', async () => {
    const [roomid, other, bob] = [fresh('room'), fresh('room'), fresh('Bob')];
    const ann = await inRoom(0, fresh('Ann'), roomid);
    const devices = await Promise.all(stage.system.workerUrls.map((_, index) => inRoom(index, bob, roomid)));
    await devices[0]?.do('join', { roomid: other });
    const { status, json } = await ask('POST', `rooms/${roomid}/kick`, { userId: bob });
    expect([status, json]).toEqual([200, { userId: bob, roomid }]);
    for (const one of devices) {
      await eventually(() => expect(all(one, 'removed')).toEqual([{ roomid, code: 'kicked' }]));
      expect(await one.ask('say', { roomid, text: 'still here?' })).toMatchObject({
        error: { code: 'not_joined' },
      });
    }
    await eventually(() => expect(quits(ann, bob)).toHaveLength(1));
    await ann.do('say', { roomid, text: 'gone' });
    await eventually(() => expect(ann.said).toHaveLength(1));
    await devices[0]?.do('say', { roomid: other, text: 'elsewhere' });
    expect(await devices[1]?.do('join', { roomid })).toMatchObject({ users: 2, clients: 2, seq: 1 });
    expect(devices.flatMap(({ said }) => said.map(({ data }) => data.text))).toEqual(['elsewhere']);
    expect(quits(ann, bob)).toHaveLength(1);
  });

  it('bans a user from joining and sending until it expires or is lifted', async () => {
    const [roomid, bob] = [fresh('room'), fresh('Bob')];
    const ann = await inRoom(0, fresh('Ann'), roomid);
    const [here, there] = [await inRoom(1, bob, roomid), await inRoom(2, bob, roomid)];
    const { status, json } = await ask('POST', `rooms/${roomid}/ban`, { userId: bob, seconds: 600 });
    expect([status, json]).toEqual([200, { userId: bob, roomid, until: expect.any(Number) }]);
    for (const one of [here, there]) {
      await eventually(() =>
        expect(all(one, 'removed')).toEqual([{ roomid, code: 'banned', until: json.until }]),
      );
    }
    await eventually(() => expect(quits(ann, bob)).toHaveLength(1));
    const refused = await here.ask('join', { roomid });
    expect(refused).toMatchObject({ ok: false, error: { code: 'forbidden', temporary: false } });
    const leftMs = refused.ok ? 0 : refused.error.retryAfterMs;
    expect(leftMs).toBeGreaterThan(500_000);
    expect(leftMs).toBeLessThanOrEqual(600_000);
    const late = await device(3, bob, { query: { roomid, username: 'Bob' } });
    await eventually(() =>
      expect(all(late, 'refused')).toMatchObject([{ event: 'join', error: { code: 'forbidden' } }]),
    );
    await here.do('join', { roomid: fresh('room') });
    expect((await ask('DELETE', `rooms/${roomid}/ban/${bob}`)).status).toBe(200);
    expect((await ask('DELETE', `rooms/${roomid}/ban/${bob}`)).status).toBe(404);
    await here.do('join', { roomid });
    await here.do('say', { roomid, text: 'back' });
  });

  it('lets a ban end by itself', async () => {
    const [roomid, bob] = [fresh('room'), fresh('Bob')];
    const here = await inRoom(0, bob, roomid);
    await ask('POST', `rooms/${roomid}/ban`, { userId: bob, seconds: 1 });
    await eventually(() => expect(all(here, 'removed')).toHaveLength(1));
    await eventually(async () => expect((await here.ask('join', { roomid })).ok).toBe(true));
  });

  it('leaves no banned user in a room who joined while the ban was made', async () => {
    const [roomid, bob] = [fresh('room'), fresh('Bob')];
    const devices = await Promise.all(Array.from({ length: 12 }, (_, index) => device(index, bob)));
    const joins = devices.map((one) => one.ask('join', { roomid }));
    await ask('POST', `rooms/${roomid}/ban`, { userId: bob });
    await Promise.all(joins);
    await eventually(async () => {
      expect((await ask('GET', `rooms/${roomid}`)).json).toMatchObject({ users: 0, clients: 0 });
    });
    for (const one of devices) expect((await one.ask('leave', { roomid })).ok).toBe(false);
  });

  it('mutes a user, who still gets messages and learns the end', async () => {
    const [roomid, bob] = [fresh('room'), fresh('Bob')];
    const ann = await inRoom(0, fresh('Ann'), roomid);
    const [here, there] = [await inRoom(1, bob, roomid), await inRoom(2, bob, roomid)];
    const outside = await device(3, bob);
    for (const one of [here, there]) await one.do('signal', { roomid, name: 'x' });
    const { json } = await ask('POST', `rooms/${roomid}/mute`, { userId: bob, seconds: 600 });
    for (const one of [here, there]) {
      await eventually(() => expect(all(one, 'muted')).toEqual([{ roomid, until: json.until }]));
      const refused = await one.ask('say', { roomid, text: 'no' });
      expect(refused).toMatchObject({
        error: { code: 'forbidden', retryAfterMs: expect.any(Number), temporary: false },
      });
      const leftMs = refused.ok ? 0 : (refused.error.retryAfterMs ?? 0);
      expect(leftMs).toBeGreaterThan(500_000);
      expect(leftMs).toBeLessThanOrEqual(600_000);
      expect(await one.ask('typing', { roomid, on: true })).toMatchObject({
        error: { code: 'forbidden', retryAfterMs: expect.any(Number) },
      });
      expect(await one.ask('signal', { roomid, name: 'x' })).toMatchObject({
        error: { code: 'forbidden', retryAfterMs: expect.any(Number) },
      });
    }
    await ann.do('say', { roomid, text: 'quiet' });
    await eventually(() => expect(there.said).toHaveLength(1));
    await ask('DELETE', `rooms/${roomid}/mute/${bob}`);
    await here.do('say', { roomid, text: 'thanks' });
    await eventually(() => expect(ann.said.map(({ data }) => data.text)).toEqual(['quiet', 'thanks']));
    expect(all(outside, 'muted')).toEqual([]);
    expect(all(here, 'removed')).toEqual([]);
    expect(all(ann, 'typing')).toEqual([]);
    await here.do('typing', { roomid, on: false });
    await eventually(() => expect(all(ann, 'typing')).toHaveLength(1));
  });

  it('mutes the connection of a muted user for every later user, until it is lifted', async () => {
    const [roomid, bob, carl] = [fresh('room'), fresh('Bob'), fresh('Carl')];
    const [ann, one] = [await inRoom(0, fresh('Ann'), roomid), await inRoom(1, bob, roomid)];
    for (const muted of [roomid, 'lobby']) await ask('POST', `rooms/${muted}/mute`, { userId: bob });
    await eventually(() => expect(all(one, 'muted')).toHaveLength(1));
    const forbidden = { error: { code: 'forbidden' } };
    const quiet = async (on: boolean) => {
      expect(await one.ask('say', { roomid, text: 'no' })).toMatchObject(forbidden);
      expect(await one.ask('typing', { roomid, on })).toMatchObject(forbidden);
      expect(await one.ask('signal', { roomid, name: 'x' })).toMatchObject(forbidden);
      expect(await one.ask('textmsg', 'no')).toMatchObject(forbidden);
    };
    await quiet(true);
    await one.do('user_login', { userId: carl });
    await quiet(false);
    for (const muted of [roomid, 'lobby']) await ask('DELETE', `rooms/${muted}/mute/${bob}`);
    await one.do('say', { roomid, text: 'yes' });
    await eventually(() => expect(ann.said.map(({ data }) => data.text)).toEqual(['yes']));
    expect(all(ann, 'typing')).toEqual([]);
  });

  it('holds for textmsg too, in the default room', async () => {
    const bob = await device(0, fresh('Bob'));
    const userId = bob.hello.user.id;
    await ask('POST', 'rooms/lobby/mute', { userId });
    expect(await bob.ask('textmsg', 'hi')).toMatchObject({ error: { code: 'forbidden' } });
    expect(await bob.ask('textmsg', { name: 'Bob', content: 'hi' })).toMatchObject({
      error: { code: 'forbidden' },
    });
    await ask('DELETE', `rooms/lobby/mute/${userId}`);
    expect(await bob.ask('textmsg', 'hi')).toMatchObject({ ok: true });
  });

  it('sends a banned user who never joined no textmsg', async () => {
    const [roomid, bob] = ['lobby', fresh('Bob')];
    const [ann, listener] = [await device(0, fresh('Ann')), await device(1, bob)];
    const texts = (one: Member) => all(one, 'textmsg');
    await ann.do('textmsg', 'before');
    await eventually(() => expect(texts(listener)).toEqual(['before']));
    await ask('POST', `rooms/${roomid}/ban`, { userId: bob });
    const later = await device(2, bob);
    await eventually(async () => {
      await ann.do('textmsg', 'after');
      const [heard, heardLater] = [texts(listener).length, texts(later).length];
      await ann.do('textmsg', 'once more');
      const third = await device(0, fresh('Carl'));
      await ann.do('textmsg', 'last');
      await eventually(() => expect(texts(third)).toContain('last'));
      expect([texts(listener).length, texts(later).length]).toEqual([heard, heardLater]);
    });
    await ask('DELETE', `rooms/${roomid}/ban/${bob}`);
  });

  it('removes a connection from the rooms where its new user is banned', async () => {
    const [roomid, free, bob] = [fresh('room'), fresh('room'), fresh('Bob')];
    const ann = await inRoom(0, fresh('Ann'), roomid);
    await ann.do('join', { roomid: free });
    await ask('POST', `rooms/${roomid}/ban`, { userId: bob });
    await ann.do('user_login', { userId: bob });
    await eventually(() => expect(all(ann, 'removed')).toEqual([{ roomid, code: 'banned' }]));
    expect(await ann.ask('say', { roomid, text: 'x' })).toMatchObject({ error: { code: 'not_joined' } });
    await ann.do('say', { roomid: free, text: 'still here' });
    await eventually(async () => {
      expect((await ask('GET', `rooms/${roomid}`)).json).toMatchObject({ users: 0, clients: 0 });
    });
  });

  it('applies to guests by their ids, and per namespace', async () => {
    const roomid = fresh('room');
    const guest = await connect(worker(0));
    const elsewhere = await connect(`${worker(1)}/post`, {
      auth: { userId: guest.hello.user.id, guestToken: guest.hello.guestToken },
    });
    await guest.do('join', { roomid, username: 'Guest' });
    await elsewhere.do('join', { roomid, username: 'Guest' });
    const userId = elsewhere.hello.user.id;
    await ask('POST', `rooms/${roomid}/ban`, { userId: guest.hello.user.id });
    await eventually(() => expect(all(guest, 'removed')).toEqual([{ roomid, code: 'banned' }]));
    await elsewhere.do('say', { roomid, text: 'other namespace' });
    await ask('POST', `rooms/${roomid}/kick?ns=/post`, { userId });
    await eventually(() => expect(all(elsewhere, 'removed')).toEqual([{ roomid, code: 'kicked' }]));
  });

  it('refuses a banned guest’s connection and new guests of the address, and no one else', async () => {
    const roomid = fresh('room');
    const from = (index: number, address: string, auth: object = {}) =>
      connect(worker(index), { auth, extraHeaders: { 'X-Forwarded-For': address } });
    const guest = await from(0, '203.0.113.7');
    const before = await from(1, '203.0.113.7');
    const { user, guestToken } = before.hello;
    await guest.do('join', { roomid, username: 'Guest' });
    const userId = guest.hello.user.id;
    await ask('POST', `rooms/${roomid}/ban`, { userId });
    await eventually(() => expect(all(guest, 'removed')).toEqual([{ roomid, code: 'banned' }]));
    expect(await guest.ask('user_login', { userId: fresh('Other') })).toMatchObject({ ok: true });
    const forbidden = { ok: false, error: { code: 'forbidden' } };
    expect(await guest.ask('join', { roomid, username: 'Other' })).toMatchObject(forbidden);
    const again = await Promise.all(stage.system.workerUrls.map((_, index) => from(index, '203.0.113.7')));
    const elsewhere = await from(0, '203.0.113.8');
    const named = await from(1, '203.0.113.7', { userId: fresh('Carl'), username: 'Carl' });
    const returning = await from(0, '203.0.113.7', { userId: user.id, guestToken });
    for (const one of again) {
      await eventually(async () => {
        expect(await one.ask('join', { roomid, username: 'New' })).toMatchObject(forbidden);
      });
    }
    for (const one of [elsewhere, named, returning]) await one.do('join', { roomid, username: 'Welcome' });
    await ask('DELETE', `rooms/${roomid}/ban/${userId}`);
    for (const one of [guest, ...again]) await one.do('join', { roomid, username: 'Back' });
  });

  it('deletes a message: live, in history and for later joins; its position stays', async () => {
    const roomid = fresh('room');
    const ann = await inRoom(0, fresh('Ann'), roomid);
    const bob = await inRoom(1, fresh('Bob'), roomid);
    for (const text of ['one', 'two', 'three']) await ann.do('say', { roomid, text, clientMsgId: text });
    const path = `rooms/${roomid}/messages/2`;
    expect(await ask('DELETE', path)).toEqual({ status: 200, json: { roomid, seq: 2 } });
    const deletions = (one: Member) =>
      all(one, 'message').filter((message) => (message as { event: string }).event === 'deleted');
    for (const one of [ann, bob]) {
      await eventually(() => expect(deletions(one)).toMatchObject([{ roomid, seq: 4, ref: 2 }]));
    }
    expect((await ask('DELETE', path)).status).toBe(200);
    expect((await ask('DELETE', `rooms/${roomid}/messages/9`)).status).toBe(404);
    await ann.do('say', { roomid, text: 'four' });
    await eventually(() => expect(bob.said.map(({ seq }) => seq)).toEqual([1, 2, 3, 5]));
    const { id, at, epoch } = bob.said[1] ?? {};
    const tombstone = {
      event: 'broadcast_say',
      roomid,
      epoch,
      seq: 2,
      id,
      at,
      deleted: true,
      data: { username: '', userId: '', text: '', type: 0 },
    };
    const { messages } = (await bob.do('room:history', { roomid })) as MessagePage;
    expect(textsOf(messages)).toEqual(['one', '', 'three', '-2', 'four']);
    expect(messages[1]).toEqual(tombstone);
    const { id: _, at: __, ...deletion } = (deletions(bob)[0] ?? {}) as Json;
    expect(deletion).toEqual({ event: 'deleted', roomid, epoch, seq: 4, ref: 2 });
    expect(messages[3]).toEqual(deletions(ann)[0]);
    const { json } = await ask('GET', `rooms/${roomid}/messages`);
    expect((json.messages as unknown[])[1]).toEqual(tombstone);
    const carl = await device(2, fresh('Carl'));
    expect((await carl.do('join', { roomid })).messages[1]).toEqual(tombstone);
    const back = await device(3, fresh('Dan'));
    const resumedFrom = (seq: number) => back.do('join', { roomid, resume: { epoch: epoch as string, seq } });
    const resumed = await resumedFrom(1);
    expect(resumed).toMatchObject({ recovered: true, seq: 5 });
    expect(resumed.messages).toEqual(messages.slice(1));
    // Who had read the message before it was taken out learns that it was.
    expect((await resumedFrom(3)).messages).toEqual(messages.slice(3));
    expect(deletions(ann)).toHaveLength(1);
  });

  it('survives a kill and restart of everything', async () => {
    const out = fresh('out');
    const [roomid, ann, bob, carl] = ['room', 'Ann', 'Bob', 'Carl'].map(fresh) as [
      string,
      string,
      string,
      string,
    ];
    const before = await inRoom(0, ann, roomid);
    for (const text of ['one', 'two']) await before.do('say', { roomid, text });
    const { json: banned } = await ask('POST', `rooms/${roomid}/ban`, { userId: bob, seconds: 600 });
    await ask('POST', `rooms/${roomid}/mute`, { userId: carl });
    await ask('DELETE', `rooms/${roomid}/messages/1`);
    await ask('POST', `users/${out}/ban`, {});
    await stage.system.restart('SIGKILL');
    for (const [index] of stage.system.workerUrls.entries()) {
      const refused = await (await device(index, bob)).ask('join', { roomid });
      expect(refused).toMatchObject({ error: { code: 'forbidden', retryAfterMs: expect.any(Number) } });
      const muted = await inRoom(index, carl, roomid);
      expect(await muted.ask('say', { roomid, text: 'x' })).toMatchObject({ error: { code: 'forbidden' } });
      const { messages } = (await muted.do('room:history', { roomid })) as MessagePage;
      expect(textsOf(messages)).toEqual(['', 'two', '-1']);
    }
    expect(banned.until).toBeGreaterThan(Date.now());
    await inRoom(0, ann, roomid);
    const refused = connectRaw(worker(1), { auth: { userId: out } });
    expect(await new Promise((resolve) => refused.on('bye', resolve))).toMatchObject({ code: 3503 });
  });

  it('erases a user: connected devices get the empty inbox, and later items reach them', async () => {
    const [bob, ann] = [fresh('Bob'), await device(0, fresh('Ann'))];
    const devices = [await device(0, bob), await device(1, bob)];
    await ann.do('private', { to: bob, text: 'secret' });
    for (const one of devices) {
      await eventually(() => expect(all(one, 'private')).toHaveLength(1));
    }
    expect(await ask('DELETE', `users/${bob}`)).toEqual({ status: 200, json: { userId: bob } });
    for (const one of devices) {
      await eventually(() => {
        const shown = all(one, 'push_message').at(-1) as PushMessage;
        expect(all(one, 'push_message').length).toBeGreaterThan(1);
        expect([shown.top, shown.unread, shown.read]).toEqual([0, [], []]);
      });
    }
    expect((await ask('GET', `users/${bob}`)).json).toMatchObject({
      connections: 2,
      inbox: { top: 0, recvSeq: 0, readSeq: 0 },
    });
    await ann.do('private', { to: bob, text: 'anew' });
    for (const one of devices) {
      await eventually(() =>
        expect(all(one, 'private').map((item) => (item as { text: string }).text)).toEqual([
          'secret',
          'anew',
        ]),
      );
    }
  });

  it('bans a guest, whose id is not admitted any more', async () => {
    const [guest, ann] = [await connect(worker(0)), await device(1, fresh('ann'))];
    const { user, guestToken } = guest.hello;
    expect((await ask('POST', `users/${user.id}/ban`, {})).status).toBe(200);
    await eventually(() => expect(all(guest, 'bye')).toMatchObject([{ code: 3503, reconnect: false }]));
    const back = connectRaw(worker(1), { auth: { userId: user.id, guestToken } });
    expect(await new Promise((resolve) => back.on('bye', resolve))).toMatchObject({ code: 3503 });
    const eve = fresh('eve');
    await ask('POST', `users/${eve}/ban`, { seconds: 600 });
    expect(await ann.ask('user_login', { userId: eve })).toMatchObject({
      ok: false,
      error: { code: 'forbidden', message: 'this user is banned', retryAfterMs: expect.any(Number) },
    });
    // Another id is another user.
    await connect(worker(1));
  });
});
