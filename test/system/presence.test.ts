import { describe, expect, it } from 'vitest';
import { ROSTER_DOUBT_MS } from '../../src/chat/roster.ts';
import { PRESENCE_GRACE_MS, TYPING_INTERVAL_MS } from '../../src/protocol/limits.ts';
import type { MemberPage, Signal, Typing } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const MAX_ROOM_CLIENTS = 6;

describe.each(MODES)('presence, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { RATE_SAY: '0', MAX_ROOM_CLIENTS: String(MAX_ROOM_CLIENTS) },
    { clientsStay: true },
  );
  const { at, fresh, device, connect, enter } = stage;
  const inRoom = (url: string, roomid: string, userId: string) =>
    enter(url, roomid, userId.split('-')[0] as string, { auth: { userId } });
  /** `event userId` of what is not said, in its order. */
  function moves({ messages }: Member): string[] {
    return messages.flatMap((message) =>
      message.event === 'join' || message.event === 'broadcast_quit'
        ? [`${message.event} ${message.data.userId}`]
        : [],
    );
  }
  const typings = ({ heard }: Member) =>
    heard.filter(({ event }) => event === 'typing').map(({ data }) => data as Typing);
  const mineOf = async (member: Member) => (await member.do('rooms:mine')).rooms;

  it('lists the members of a room page by page, with their connections, the same on every worker', async () => {
    const roomid = fresh('room');
    const [ann, bob, carl] = [fresh('Ann'), fresh('Bob'), fresh('Carl')];
    const first = await inRoom(at(0), roomid, ann);
    const [second] = [await inRoom(at(1), roomid, ann), await inRoom(at(1), roomid, bob)];
    const last = await inRoom(at(2), roomid, carl);
    const listed = async (asking: Member): Promise<MemberPage> => {
      const one = await asking.do('room:members', { limit: 2 });
      expect(one.members).toHaveLength(2);
      const two = await asking.do('room:members', { roomid, limit: 2, cursor: one.cursor as string });
      expect(two).not.toHaveProperty('cursor');
      return {
        rev: two.rev,
        users: two.users,
        clients: two.clients,
        members: [...one.members, ...two.members],
      };
    };
    const there = (userId: string, clients: number) => ({
      userId,
      username: userId.split('-')[0],
      clients,
      state: 'online',
      seenAt: expect.any(Number),
    });
    for (const asking of [first, second, last]) {
      await eventually(async () =>
        expect(await listed(asking as Member)).toEqual({
          rev: expect.any(Number),
          users: 3,
          clients: 4,
          members: [there(ann, 2), there(bob, 1), there(carl, 1)],
        }),
      );
    }
    await first.do('leave', { roomid });
    await eventually(async () =>
      expect((await last.do('room:members')).members).toContainEqual(there(ann, 1)),
    );
    expect(await first.ask('room:members', { roomid })).toMatchObject({ error: { code: 'not_joined' } });
    for (const wrong of [{ limit: 0 }, { limit: 201 }, { cursor: '_' }, { cursor: '_w' }]) {
      expect(await last.ask('room:members', wrong)).toMatchObject({
        error: { code: 'bad_request', message: expect.stringContaining(Object.keys(wrong)[0] as string) },
      });
    }
  });

  it('announces nothing of a user who refreshes repeatedly', async () => {
    const roomid = fresh('room');
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const watcher = await inRoom(at(0), roomid, bob);
    let member = await inRoom(at(0), roomid, ann);
    for (let n = 1; n <= 20; n += 1) {
      member.close();
      // The room has a limit: a worker may not have noticed yet that the last one is gone.
      await eventually(async () => expect((await watcher.do('room:members')).clients).toBe(1));
      member = await inRoom(at(n), roomid, ann);
    }
    await member.do('leave');
    await eventually(() => expect(moves(watcher)).toContain(`broadcast_quit ${ann}`));
    expect(moves(watcher).filter((move) => move.endsWith(ann))).toEqual([
      `join ${ann}`,
      `broadcast_quit ${ann}`,
    ]);
  });

  it('marks users of a killed worker doubtful at once, and gone after the grace time, announced once', async () => {
    const roomid = fresh('room');
    const [ann, bob, carl, dan] = [fresh('Ann'), fresh('Bob'), fresh('Carl'), fresh('Dan')];
    const [dying, living] = stage.system.workerUrls as [string, string];
    const watcher = await inRoom(living, roomid, carl);
    await inRoom(dying, roomid, ann);
    await inRoom(dying, roomid, bob);
    const [host] = stage.system.hosts;
    const worker = (await host?.status())?.workers.find(({ port }) => dying.endsWith(`:${port}`));
    const killedAt = performance.now();
    process.kill(worker?.pid as number, 'SIGKILL');
    await eventually(async () => {
      const { members } = await watcher.do('room:members');
      expect(members.map(({ userId, state }) => `${userId} ${state}`)).toEqual([
        `${ann} doubtful`,
        `${bob} doubtful`,
        `${carl} online`,
      ]);
      const { at: now } = await watcher.do('say', { text: 'what is the time' });
      // Sooner than its silence alone would tell.
      expect(now - (members[0]?.seenAt ?? 0)).toBeLessThan(ROSTER_DOUBT_MS);
    });
    await inRoom(living, roomid, bob);
    await eventually(() => expect(moves(watcher)).toContain(`broadcast_quit ${ann}`));
    expect(performance.now() - killedAt).toBeGreaterThanOrEqual(PRESENCE_GRACE_MS);
    await eventually(async () =>
      expect(await watcher.do('room:members')).toMatchObject({
        users: 2,
        clients: 2,
        members: [
          { userId: bob, state: 'online', clients: 1 },
          { userId: carl, state: 'online', clients: 1 },
        ],
      }),
    );
    await eventually(async () => {
      const workers = (await host?.status())?.workers ?? [];
      expect(workers.map(({ state }) => state)).toEqual(['ready', 'ready']);
    });
    await inRoom(dying, roomid, dan);
    await eventually(() => expect(moves(watcher)).toContain(`join ${dan}`));
    expect(moves(watcher).filter((move) => move !== `join ${carl}`)).toEqual([
      `join ${ann}`,
      `join ${bob}`,
      `broadcast_quit ${ann}`,
      `join ${dan}`,
    ]);
  });

  it('keeps a user’s read markers on all devices, until they leave, and over a restart', async () => {
    const [tea, milk] = [fresh('tea'), fresh('milk')];
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const writer = await device(at(0), bob);
    for (const roomid of [tea, milk]) await writer.do('join', { roomid });
    for (let n = 1; n <= 3; n += 1) await writer.do('say', { roomid: tea, text: `before ${n}` });
    const phone = await device(at(1), ann);
    expect(await mineOf(phone)).toEqual([]);
    for (const roomid of [tea, milk]) await phone.do('join', { roomid });
    expect(await mineOf(phone)).toEqual(
      expect.arrayContaining([
        { roomid: tea, top: 3, read: 3, unread: 0 },
        { roomid: milk, top: 0, read: 0, unread: 0 },
      ]),
    );
    for (let n = 1; n <= 4; n += 1) await writer.do('say', { roomid: tea, text: `since ${n}` });
    const laptop = await device(at(2), ann);
    const inTea = async (member: Member) => (await mineOf(member)).find(({ roomid }) => roomid === tea);
    expect(await inTea(laptop)).toEqual({ roomid: tea, top: 7, read: 3, unread: 4 });
    await laptop.do('join', { roomid: tea });
    expect(await inTea(laptop)).toEqual({ roomid: tea, top: 7, read: 3, unread: 4 });
    expect(await laptop.do('room:read', { roomid: tea, seq: 5 })).toMatchObject({ roomid: tea, read: 5 });
    expect(await inTea(phone)).toEqual({ roomid: tea, top: 7, read: 5, unread: 2 });
    expect(await phone.do('room:read', { roomid: tea, seq: 4 })).toMatchObject({ read: 5 });
    expect(await phone.do('room:read', { roomid: tea, seq: 99 })).toMatchObject({ read: 7 });
    // Joined by the user, not by this connection.
    expect(await laptop.do('room:read', { roomid: milk, seq: 1 })).toMatchObject({ read: 0 });
    expect(await laptop.ask('room:read', { roomid: 'never', seq: 1 })).toMatchObject({
      error: { code: 'not_joined' },
    });
    await phone.do('leave', { roomid: milk });
    expect((await mineOf(phone)).map(({ roomid }) => roomid)).toEqual([tea]);
    await writer.do('say', { roomid: tea, text: 'one more' });

    await stage.system.restart('SIGKILL');
    const again = await device(at(0), ann);
    expect(await mineOf(again)).toEqual([{ roomid: tea, top: 8, read: 7, unread: 1 }]);
    await again.do('join', { roomid: tea });
    expect(await mineOf(again)).toEqual([{ roomid: tea, top: 8, read: 7, unread: 1 }]);
    await again.do('leave', { roomid: tea });
    expect(await mineOf(again)).toEqual([]);
    await again.do('join', { roomid: tea });
    expect(await mineOf(again)).toEqual([{ roomid: tea, top: 8, read: 8, unread: 0 }]);
  });

  it('counts later messages of others that still exist as unread, the same for every tab, even after one leaves', async () => {
    const [roomid, ann] = [fresh('room'), fresh('Ann')];
    const bob = await inRoom(at(0), roomid, fresh('Bob'));
    const tabs = [await inRoom(at(0), roomid, ann), await inRoom(at(1), roomid, ann)] as const;
    const agreed = async (top: number, read: number, unread: number) => {
      for (const tab of tabs) expect(await mineOf(tab)).toEqual([{ roomid, top, read, unread }]);
    };
    for (let n = 1; n <= 4; n += 1) await bob.do('say', { text: `${n}` });
    await agreed(4, 0, 4);
    const path = `${at(0)}/api/v1/rooms/${roomid}/messages`;
    await fetch(`${path}/2`, { method: 'DELETE', headers: stage.system.keyHeader });
    await agreed(5, 0, 3);
    await tabs[1].do('say', { text: 'hello', clientMsgId: 'once' });
    await agreed(6, 6, 0);
    const body = JSON.stringify({ text: 'of a back end', from: { userId: ann } });
    const headers = { 'Content-Type': 'application/json', ...stage.system.keyHeader };
    await fetch(path, { method: 'POST', headers, body });
    await agreed(7, 6, 1);
    await bob.do('say', { text: 'and one more' });
    await tabs[1].do('say', { text: 'hello', clientMsgId: 'once' });
    await tabs[0].do('leave');
    await agreed(8, 6, 2);
    expect(await tabs[0].do('room:read', { roomid, seq: 5 })).toMatchObject({ read: 6 });
    expect(await tabs[1].do('room:read', { roomid, seq: 7 })).toMatchObject({ read: 7 });
    await agreed(8, 7, 1);
    await tabs[1].do('leave');
    for (const tab of tabs) expect(await mineOf(tab)).toEqual([]);
  });

  it('lists only this connection’s rooms for a guest, and stores nothing', async () => {
    const roomid = fresh('room');
    const writer = await device(at(0), fresh('Bob'));
    await writer.do('join', { roomid });
    await writer.do('say', { roomid, text: 'before' });
    const guest = await enter(at(1), roomid, 'Guest');
    await writer.do('say', { roomid, text: 'since' });
    expect(await mineOf(guest)).toEqual([{ roomid, top: 2, read: 1, unread: 1 }]);
    expect(await guest.do('room:read', { seq: 2 })).toMatchObject({ roomid, read: 2 });
    expect(await mineOf(guest)).toEqual([{ roomid, top: 2, read: 2, unread: 0 }]);
    for (const [who, text] of [
      [writer, 'a question'],
      [guest, 'an answer'],
      [writer, 'thanks'],
    ] as const) {
      await who.do('say', { roomid, text });
    }
    expect(await mineOf(guest)).toEqual([{ roomid, top: 5, read: 4, unread: 1 }]);
    await guest.do('room:read', { seq: 5 });
    const { user, guestToken } = guest.hello;
    const back = await connect(at(2), { auth: { userId: user.id, guestToken } });
    expect(await mineOf(back)).toEqual([]);
    const ann = fresh('Ann');
    await guest.do('user_login', { userId: ann });
    expect(await mineOf(guest)).toEqual([{ roomid, top: 5, read: 5, unread: 0 }]);
    expect(await mineOf(await device(at(0), ann))).toEqual([{ roomid, top: 5, read: 5, unread: 0 }]);
  });

  it('sends typing to the others in the room, each once, and not to the typist or another room', async () => {
    const [roomid, elsewhere] = [fresh('room'), fresh('room')];
    const ann = fresh('Ann');
    const typist = await inRoom(at(0), roomid, ann);
    const others = [await inRoom(at(0), roomid, fresh('Bob')), await inRoom(at(1), roomid, fresh('Carl'))];
    const outside = await inRoom(at(1), elsewhere, fresh('Dan'));
    const told = { roomid, userId: ann, username: 'Ann' };
    for (const on of [true, false]) {
      const saidAt = performance.now();
      for (let n = 0; n < 5; n += 1) expect(await typist.ask('typing', { on })).toEqual({ ok: true });
      for (const other of others) {
        await eventually(async () => {
          // The worker of a receiver may not have subscribed to what the room types yet.
          await typist.do('typing', { on });
          expect(typings(other).at(-1)).toEqual({ ...told, on });
        });
        const times = typings(other).filter((typing) => typing.on === on).length;
        expect(times).toBeLessThanOrEqual(1 + Math.floor((performance.now() - saidAt) / TYPING_INTERVAL_MS));
      }
    }
    await eventually(async () => {
      await others[1]?.do('typing', { on: true });
      expect(typings(typist)).not.toEqual([]);
    });
    expect(typings(typist)[0]?.username).toBe('Carl');
    expect(typings(outside)).toEqual([]);
    expect(await typist.ask('typing', { roomid: elsewhere, on: true })).toMatchObject({
      error: { code: 'not_joined' },
    });
    expect(await typist.ask('typing', {} as never)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('on:') },
    });
  });

  const signals = ({ heard }: Member) =>
    heard.filter(({ event }) => event === 'signal').map(({ data }) => data as Signal);

  it('sends a signal to the others in the room, or to one user’s connections there, on every worker', async () => {
    const [roomid, elsewhere] = [fresh('room'), fresh('room')];
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const sender = await inRoom(at(0), roomid, ann);
    const ofBob = [await inRoom(at(0), roomid, bob), await inRoom(at(1), roomid, bob)];
    const others = [...ofBob, await inRoom(at(1), roomid, ann), await inRoom(at(2), roomid, fresh('Carl'))];
    const outside = [await inRoom(at(1), elsewhere, bob), await device(at(2), bob)];
    const from = { userId: ann, username: 'Ann' };
    const point = { roomid, name: 'point', from, data: { x: 1 } };
    const ring = { roomid, name: 'ring', from };
    for (const [one, payload, receivers] of [
      [point, { name: 'point', data: { x: 1 } }, others],
      [ring, { roomid, name: 'ring', to: bob }, ofBob],
    ] as const) {
      // The worker of a receiver may not have subscribed to the room's signals yet.
      await eventually(async () => {
        expect(await sender.ask('signal', payload)).toEqual({ ok: true });
        for (const receiver of receivers) expect(signals(receiver)).toContainEqual(one);
      });
    }
    for (const other of others.slice(2)) expect(signals(other)).not.toContainEqual(ring);
    for (const silent of [sender, ...outside]) expect(signals(silent)).toEqual([]);
    expect((await sender.do('room:history', {})).messages).toEqual([]);
    expect(await sender.ask('signal', { roomid: elsewhere, name: 'x' })).toMatchObject({
      error: { code: 'not_joined' },
    });
    expect(await sender.ask('signal', { name: 'x', data: 'é'.repeat(2_048) })).toEqual({
      ok: false,
      error: {
        code: 'too_large',
        message: 'data: must not be longer than 4096 bytes as JSON',
        temporary: false,
      },
    });
    for (const name of [undefined, '', '\n', 'x'.repeat(65)]) {
      expect(await sender.ask('signal', { name } as never)).toMatchObject({
        error: { code: 'bad_request', message: expect.stringMatching(/^name: must be 1 to 64/) },
      });
    }
  });

  it('sends a burst of signals whole and in order, to a room and to one user, on every worker', async () => {
    const roomid = fresh('room');
    const bob = fresh('Bob');
    const sender = await inRoom(at(0), roomid, fresh('Ann'));
    const ofBob = [await inRoom(at(0), roomid, bob), await inRoom(at(1), roomid, bob)];
    await eventually(async () => {
      await sender.do('signal', { name: 'ready' });
      for (const receiver of ofBob) expect(signals(receiver)).not.toEqual([]);
    });
    for (const to of [undefined, bob]) {
      const numbers = Array.from({ length: 10 }, (_, n) => n);
      const name = to === undefined ? 'all' : 'one';
      await Promise.all(numbers.map((data) => sender.do('signal', { name, data, to })));
      await eventually(() => {
        for (const receiver of ofBob) {
          const received = signals(receiver).filter((signal) => signal.name === name);
          expect(received.map(({ data }) => data)).toEqual(numbers);
        }
      });
    }
  });

  it('limits signals by RATE_SIGNAL, apart from messages', async () => {
    const roomid = fresh('room');
    const ann = await inRoom(at(0), roomid, fresh('Ann'));
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ann.ask('signal', { roomid, name: 'x' })),
    );
    const refused = answers.filter((answer) => !answer.ok);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(60);
    expect(refused[0]).toEqual({
      ok: false,
      error: {
        code: 'rate_limited',
        message: 'too many signals',
        temporary: true,
        retryAfterMs: expect.any(Number),
      },
    });
    await ann.do('say', { text: 'still heard' });
  });

  it('admits no one into a full room, on any worker, until somebody leaves', async () => {
    const roomid = fresh('room');
    const inside: Member[] = [];
    for (let n = 0; n < MAX_ROOM_CLIENTS; n += 1) inside.push(await inRoom(at(n), roomid, fresh('Ann')));
    const late = await device(at(1), fresh('Late'));
    expect(await late.ask('join', { roomid })).toMatchObject({ error: { code: 'limit', temporary: false } });
    expect(await late.ask('say', { roomid, text: 'x' })).toMatchObject({ error: { code: 'not_joined' } });
    const { users, clients, members } = await (inside[0] as Member).do('room:members');
    expect([users, clients, members.length]).toEqual([MAX_ROOM_CLIENTS, MAX_ROOM_CLIENTS, MAX_ROOM_CLIENTS]);
    expect(await (inside[0] as Member).do('join')).toMatchObject({ clients: MAX_ROOM_CLIENTS });
    await (inside[2] as Member).do('leave');
    await late.do('join', { roomid });
    await eventually(() => expect(moves(inside[0] as Member).join()).toContain('Late'));
    expect(moves(inside[0] as Member).filter((move) => move.includes('Late'))).toHaveLength(1);
  });
});
