import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import {
  HOOK_SECRET,
  type HookReceiver,
  openHookReceiver,
  type ReceivedEvent,
} from '../support/hook-receiver.ts';
import { textsOf } from '../support/member.ts';
import { MODES } from '../support/system.ts';

type Message = { readonly event: string; readonly seq: number; readonly data?: { readonly text?: string } };

const messageIn = (event: ReceivedEvent) => event.message as Message;

describe.each(MODES)('webhooks in %s mode', (mode) => {
  let receiver: HookReceiver;
  beforeAll(async () => {
    receiver = await openHookReceiver();
  });
  afterEach(() => {
    receiver.answer();
    receiver.review();
  });
  afterAll(() => receiver.kill());

  const chat = systemFixture(mode, () => ({
    HOOK_URL: receiver.url,
    HOOK_SECRET,
    HOOK_EVENTS: 'message,room.occupied,room.vacated,user.online,user.offline,push.undelivered',
    HOOK_UNDELIVERED_S: '2',
    HOOK_TIMEOUT_MS: '1000',
    HOOK_BEFORE_SAY_URL: receiver.reviewUrl,
    HOOK_BEFORE_SAY_TIMEOUT_MS: '5000',
  }));

  const takenOf = (roomid: string) =>
    receiver.taken.filter((event) => event.type === 'message' && event.roomid === roomid);
  const eachOnce = (events: readonly ReceivedEvent[]) => [
    ...new Map(events.map((event) => [event.id, event])).values(),
  ];
  /** In the order taken, each id once, as a receiver should read them. */
  const onceOf = (roomid: string) => eachOnce(takenOf(roomid));
  /** What the receiver was told of a room or a user. */
  const presenceOf = (name: string) =>
    eachOnce(receiver.taken)
      .filter(({ type, roomid, userId }) => type !== 'message' && [roomid, userId].includes(name))
      .map(({ type }) => type);
  const workers = async () =>
    (await Promise.all(chat.system.hosts.map((host) => host.status()))).flatMap((status) => status.workers);

  /** Resolves when those that were killed are replaced, and serve. */
  const allReady = () =>
    eventually(async () => {
      const ready = chat.system.workerUrls.map(async (url) => (await fetch(`${url}/readyz`)).status);
      expect(await Promise.all(ready)).toEqual(chat.system.workerUrls.map(() => 200));
    });

  it('bring every entry of a room in its order, signed', async () => {
    const roomid = chat.fresh('entries');
    const ann = await chat.enter(chat.at(0), roomid, 'Ann', { auth: { userId: 'ann' } });
    const first = await ann.do('say', { text: 'helo', clientMsgId: 'm1' });
    await eventually(() => expect(onceOf(roomid)).toHaveLength(1));
    await ann.do('edit', { seq: 1, text: 'hello' });
    await ann.do('say', { text: 'secret' });
    await ann.do('delete', { seq: 3 });
    await eventually(() => expect(onceOf(roomid)).toHaveLength(4));
    expect(takenOf(roomid)[0]).toEqual({
      id: first.id,
      type: 'message',
      at: first.at,
      ns: '/',
      roomid,
      message: {
        event: 'broadcast_say',
        roomid,
        epoch: first.epoch,
        seq: 1,
        id: first.id,
        at: first.at,
        clientMsgId: 'm1',
        data: { username: 'Ann', userId: 'ann', text: 'helo', type: 0 },
      },
    });
    expect(onceOf(roomid).map((event) => messageIn(event).event)).toEqual([
      'broadcast_say',
      'edited',
      'broadcast_say',
      'deleted',
    ]);
    expect(receiver.seen.forged).toBe(0);
  });

  it('are sent again until they are taken, after the time that the receiver asks for, without a text deleted meanwhile', async () => {
    const roomid = chat.fresh('refused');
    const bodies: string[] = [];
    receiver.answer((body) => {
      if (!body.includes('"type":"message"')) return { status: 204 };
      bodies.push(body);
      return bodies.length < 3
        ? { status: 503, headers: { 'retry-after': '1' } }
        : { status: 200, body: 'x' };
    });
    const ann = await chat.enter(chat.at(1), roomid, 'Ann', { auth: { userId: 'ann' } });
    await ann.do('say', { text: 'unsaid-words' });
    await eventually(() => expect(bodies).toHaveLength(1));
    await ann.do('delete', { seq: 1 });
    await eventually(() => expect(onceOf(roomid)).toHaveLength(2));
    expect(bodies[0]).toContain('unsaid-words');
    expect(bodies.slice(1).join()).not.toContain('unsaid-words');
    expect(takenOf(roomid).map((event) => messageIn(event))).toMatchObject([{ deleted: true }, { ref: 1 }]);
  });

  it('ask before a message is stored: they allow, refuse with a reason, rewrite, and ask once for a clientMsgId', async () => {
    const roomid = chat.fresh('reviewed');
    const ann = await chat.enter(chat.at(0), roomid, 'Ann', { auth: { userId: 'ann' } });
    const asked: { type: string; text: string }[] = [];
    receiver.review(async (body) => {
      const question = JSON.parse(body) as { type: string; text: string };
      asked.push(question);
      const { text } = question;
      // The first of several says is answered last.
      if (text === 'slow') await eventually(() => expect(asked).toHaveLength(3));
      const verdict =
        text === 'bad'
          ? { allow: false, reason: 'no such words' }
          : { allow: true, ...(text === 'rude' && { text: 'polite' }) };
      return { status: 200, body: JSON.stringify(verdict) };
    });
    const says = [
      ann.ask('say', { text: 'slow' }),
      ann.ask('say', { text: 'bad' }),
      ann.ask('say', { text: 'rude', clientMsgId: 'm1' }),
    ];
    const [slow, bad, rude] = await Promise.all(says);
    expect(slow).toMatchObject({ ok: true, seq: 1 });
    expect(bad).toEqual({
      ok: false,
      error: { code: 'forbidden', message: 'no such words', temporary: false },
    });
    expect(rude).toMatchObject({ ok: true, seq: 2 });
    expect(await ann.do('say', { text: 'rude', clientMsgId: 'm1' })).toMatchObject({ seq: 2, dup: true });
    expect(await ann.ask('edit', { seq: 1, text: 'bad' })).toMatchObject({ error: { code: 'forbidden' } });
    expect(asked.map(({ type, text }) => [type, text]).sort()).toEqual([
      ['before_edit', 'bad'],
      ['before_say', 'bad'],
      ['before_say', 'rude'],
      ['before_say', 'slow'],
    ]);
    const { messages } = await ann.do('room:history', {});
    expect(textsOf(messages)).toEqual(['slow', 'polite']);
    const heard: unknown[] = [];
    const bob = await chat.connect(chat.at(1), {
      query: { roomid },
      auth: { userId: 'bob', username: 'Bob' },
    });
    bob.socket.on('textmsg', (text) => heard.push(text));
    expect(await ann.ask('textmsg', 'bad')).toMatchObject({ error: { message: 'no such words' } });
    await ann.do('textmsg', 'rude');
    await ann.do('textmsg', { name: 'Ann', content: 'rude' });
    await eventually(() => expect(heard).toEqual(['polite', { name: 'Ann', content: 'polite' }]));
    expect(asked.slice(4).map(({ type }) => type)).toEqual([
      'before_textmsg',
      'before_textmsg',
      'before_textmsg',
    ]);
    expect(receiver.seen.forged).toBe(0);
  });

  it('tell which rooms are occupied and which users are online, also when a worker is killed', async () => {
    const [roomid, userId] = [chat.fresh('lively'), chat.fresh('eve')];
    const enter = () => chat.enter(chat.at(0), roomid, 'Eve', { auth: { userId } });
    const first = await enter();
    await eventually(() => expect(presenceOf(roomid)).toEqual(['room.occupied']));
    await eventually(() => expect(presenceOf(userId)).toEqual(['user.online']));
    await first.do('leave', {});
    await eventually(() => expect(presenceOf(roomid)).toEqual(['room.occupied', 'room.vacated']));
    await enter();
    await eventually(() => expect(presenceOf(roomid)).toHaveLength(3));
    first.close();
    const victims: number[] = [];
    await eventually(async () => {
      const busy = (await workers()).filter(({ clients }) => clients > 0).map(({ pid }) => pid);
      expect(busy).toHaveLength(1);
      victims.push(...busy);
    });
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await eventually(() => {
      expect(presenceOf(roomid)).toEqual(['room.occupied', 'room.vacated', 'room.occupied', 'room.vacated']);
      expect(presenceOf(userId)).toEqual(['user.online', 'user.offline']);
    });
    await allReady();
  });

  it('tell of each push that no device of its user acknowledged in time, also when the sender is killed', async () => {
    const [here, away] = [chat.fresh('here'), chat.fresh('away')];
    const device = await chat.connect(chat.at(0), { auth: { userId: here } });
    await device.do('user_login', { userId: here });
    const push = async (text: string) => {
      const answer = await fetch(`${chat.worker(0)}/api/v1/push`, {
        method: 'POST',
        headers: { ...chat.system.keyHeader, 'content-type': 'application/json' },
        body: JSON.stringify({ users: [here, away], data: { text } }),
      });
      return ((await answer.json()) as { id: string }).id;
    };
    const first = await push('one');
    await device.do('inbox:ack', { recv: 1 });
    const undelivered = (userId: string) =>
      eachOnce(receiver.taken)
        .filter((event) => event.type === 'push.undelivered' && event.userId === userId)
        .map(({ item }) => item);
    await eventually(() =>
      expect(undelivered(away)).toEqual([
        { id: first, seq: 1, at: expect.any(Number), kind: 'push', entityType: '', data: { text: 'one' } },
      ]),
    );
    const second = await push('two');
    // One of them is the sender.
    for (const { pid } of await workers()) process.kill(pid, 'SIGKILL');
    await eventually(() => {
      expect(undelivered(away)).toMatchObject([{ id: first }, { id: second }]);
      expect(undelivered(here)).toMatchObject([{ id: second }]);
    });
    await allReady();
  });

  it('lose nothing and keep the order of each room while senders and the receiver are killed', async () => {
    const rooms = [chat.fresh('storm-a'), chat.fresh('storm-b')];
    const said: Record<string, string[]> = Object.fromEntries(rooms.map((roomid) => [roomid, []]));
    const api = async (roomid: string, n: number) => {
      const answer = await fetch(`${chat.worker(n)}/api/v1/rooms/${roomid}/messages`, {
        method: 'POST',
        headers: { ...chat.system.keyHeader, 'content-type': 'application/json' },
        body: JSON.stringify({ text: `${roomid} ${n}` }),
      }).catch(() => undefined);
      if (answer?.ok) said[roomid]?.push(((await answer.json()) as { id: string }).id);
    };
    const pids = (await workers()).map(({ pid }) => pid);
    for (let n = 0; n < 60; n += 1) {
      await Promise.all(rooms.map((roomid) => api(roomid, n)));
      if (n === 15) await receiver.kill();
      if (n === 30) await receiver.start();
      // One of them is the sender.
      if (n === 20 || n === 40) {
        const victims = pids.splice(0, pids.length / (n === 20 ? 2 : 1));
        for (const pid of victims) process.kill(pid, 'SIGKILL');
      }
    }
    await eventually(() => {
      for (const roomid of rooms) {
        const ids = onceOf(roomid).map(({ id }) => id);
        expect(ids.filter((id) => said[roomid]?.includes(id))).toEqual(said[roomid]);
        const seqs = onceOf(roomid).map((event) => messageIn(event).seq);
        expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      }
    });
    expect(said[rooms[0] as string]?.length).toBeGreaterThan(10);
  });
});
