import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemFixture } from '../support/fixture.ts';
import { connect, type Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

/** Each case so often, on workers that are busy: they keep some of their calls to the store back for a moment. */
const TIMES = 15;
const MAX_ROOM_CLIENTS = 6;

describe.each(MODES)('acknowledged changes are visible on every other worker at once, %s', (mode) => {
  const settings = { RATE_SAY: '0', MAX_ROOM_CLIENTS: String(MAX_ROOM_CLIENTS) };
  const stage = systemFixture(mode, settings, { clientsStay: true, workersEach: 1 });
  const { fresh, worker } = stage;
  let talking = true;
  const talkers: Member[] = [];
  const talks: Promise<void>[] = [];

  beforeAll(async () => {
    for (const url of stage.system.workerUrls) {
      const roomid = fresh('talk');
      const talker = await connect(url, { auth: { userId: fresh('Talker'), username: 'Talker' } });
      talkers.push(talker);
      await talker.do('join', { roomid });
      talks.push(talk(talker, roomid));
    }
  });
  afterAll(async () => {
    talking = false;
    await Promise.all(talks);
    for (const talker of talkers) talker.close();
  });

  async function talk(talker: Member, roomid: string): Promise<void> {
    while (talking) {
      const said = Array.from({ length: 10 }, () => talker.ask('say', { roomid, text: 'busy' }));
      await Promise.all(said);
    }
  }
  const device = (index: number, userId: string, username = userId) =>
    stage.connect(worker(index), { auth: { userId, username } });
  async function inRoom(index: number, userId: string, roomid: string): Promise<Member> {
    const member = await device(index, userId);
    await member.do('join', { roomid });
    return member;
  }
  async function api(
    index: number,
    method: string,
    path: string,
    body?: object,
  ): Promise<Record<string, unknown>> {
    const response = await fetch(`${worker(index)}/api/v1/${path}`, {
      method,
      headers: { ...stage.system.keyHeader, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Record<string, unknown>;
  }
  const idsIn = async (asking: Member, roomid: string) =>
    (await asking.do('room:members', { roomid })).members.map(({ userId }) => userId).sort();
  const roomsOf = async (asking: Member) => (await asking.do('rooms:mine')).rooms.map(({ roomid }) => roomid);

  it.concurrent('members of a room, and the rooms of a user', async () => {
    for (let n = 0; n < TIMES; n += 1) {
      const [roomid, ann, bob] = [fresh('room'), fresh('ann'), fresh('bob')];
      const here = await inRoom(n, ann, roomid);
      const there = await device(n + 1, ann);
      expect(await roomsOf(there)).toEqual([roomid]);
      const other = await inRoom(n + 1, bob, roomid);
      expect(await idsIn(here, roomid)).toEqual([ann, bob].sort());
      await other.do('leave', { roomid });
      expect(await idsIn(here, roomid)).toEqual([ann]);
      await here.do('leave', { roomid });
      expect(await roomsOf(there)).toEqual([]);
    }
  });

  it.concurrent('the user of a connection, in its rooms too, and its end', async () => {
    for (let n = 0; n < TIMES; n += 1) {
      const [roomid, ann, bob, dan] = [fresh('room'), fresh('ann'), fresh('bob'), fresh('dan')];
      const mover = await inRoom(n, ann, roomid);
      const witness = await inRoom(n + 1, dan, roomid);
      const second = await device(n + 1, bob);
      await mover.do('user_login', { userId: bob });
      expect(await idsIn(witness, roomid)).toEqual([bob, dan].sort());
      expect(await roomsOf(second)).toEqual([roomid]);
      expect(await api(n + 1, 'GET', `users/${ann}`)).toMatchObject({ connections: 0 });
      expect(await api(n + 1, 'GET', `users/${bob}`)).toMatchObject({ connections: 2 });
      await mover.do('close');
      expect(await api(n + 1, 'GET', `users/${bob}`)).toMatchObject({ connections: 1 });
    }
  });

  it.concurrent('the name by which a user is found, from the first message on', async () => {
    for (let n = 0; n < TIMES; n += 1) {
      const [one, two] = [fresh('one'), fresh('two')];
      const writer = await device(n, fresh('writer'));
      const reader = await device(n + 1, fresh('reader'), one);
      const answer = await writer.do('textmsg', { name: 'writer', to: one, content: 'hello' });
      expect(answer).toMatchObject({ live: 1 });
      const roomid = fresh('room');
      await writer.do('join', { roomid });
      await reader.do('join', { roomid });
      await reader.do('join', { roomid, username: two });
      const { members: named } = await writer.do('room:members', { roomid });
      expect(named.map(({ username }) => username)).toContain(two);
    }
  });

  it.concurrent('kicks, bans and disconnects by an operator', async () => {
    for (let n = 0; n < TIMES; n += 1) {
      const [roomid, ann, bob] = [fresh('room'), fresh('ann'), fresh('bob')];
      const witness = await inRoom(n, ann, roomid);
      const devices = [await inRoom(n + 1, bob, roomid), await inRoom(n + 2, bob, roomid)];
      await api(n, 'POST', `rooms/${roomid}/kick`, { userId: bob });
      expect(await idsIn(witness, roomid)).toEqual([ann]);
      for (const one of devices) {
        expect(await one.ask('say', { roomid, text: 'x' })).toMatchObject({ error: { code: 'not_joined' } });
        await one.do('join', { roomid });
      }
      await api(n, 'POST', `rooms/${roomid}/ban`, { userId: bob });
      expect(await idsIn(witness, roomid)).toEqual([ann]);
      expect(await api(n, 'POST', `users/${bob}/disconnect`)).toEqual({ connections: 2 });
      expect(await api(n + 1, 'GET', `users/${bob}`)).toMatchObject({ connections: 0 });
    }
  });

  it.concurrent('a full room, and not before: users who join at once fill it to its limit', async () => {
    for (let n = 0; n < TIMES; n += 1) {
      const roomid = fresh('room');
      const coming = Array.from({ length: MAX_ROOM_CLIENTS + 2 }, () => device(n, fresh('ann')));
      const crowd = await Promise.all(coming);
      const answers = await Promise.all(crowd.map((one) => one.ask('join', { roomid })));
      expect(answers.filter(({ ok }) => ok)).toHaveLength(MAX_ROOM_CLIENTS);
      const late = await device(n + 1, fresh('late'));
      expect(await late.ask('join', { roomid })).toMatchObject({ error: { code: 'limit' } });
      await crowd[answers.findIndex(({ ok }) => ok)]?.do('leave', { roomid });
      await late.do('join', { roomid });
    }
  });
});
