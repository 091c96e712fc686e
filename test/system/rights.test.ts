import { type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import type { RoomEntry } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const SECRET = 'a-secret-that-is-long-enough-for-HS256';
const ENV = { AUTH_SECRET: SECRET, HOST: '127.0.0.1' };

async function sign(claims: JWTPayload): Promise<string> {
  return new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET));
}

const lacks = (right: string, roomid: string) => ({
  ok: false,
  error: {
    code: 'forbidden',
    message: `roomid: the right ${right} is missing in ${roomid}`,
    temporary: false,
  },
});
const entriesOf = ({ heard }: Member) =>
  heard.flatMap(({ event, data }) =>
    event === 'message' && 'seq' in (data as object) ? [data as RoomEntry] : [],
  );

describe.each(MODES)('the rights of a token, %s', (mode) => {
  const stage = systemFixture(mode, ENV, { workersEach: 1 });

  async function enterAs(index: number, roomid: string, sub: string, can?: readonly string[]) {
    const token = await sign({ sub, name: sub, ...(can && { rooms: [{ room: roomid, can }, 'own'] }) });
    return stage.enter(stage.at(index), roomid, sub, { auth: { token } });
  }

  it('are told, and hold on every worker', async () => {
    const roomid = stage.fresh('news');
    const member = await enterAs(0, roomid, 'bob');
    expect(member.hello.can).toEqual(['read', 'say', 'react']);
    await member.do('say', { text: 'hello' });
    const readers = [await enterAs(1, roomid, 'ann', ['read']), await enterAs(2, roomid, 'ann', ['read'])];
    for (const reader of readers) {
      expect([reader.hello.can, reader.joined.can]).toEqual([['read'], ['read']]);
      expect((await reader.do('join', { roomid: 'own' })).can).toEqual(['read', 'say', 'react']);
      expect(await reader.ask('say', { text: 'x' })).toEqual(lacks('say', roomid));
      expect(await reader.ask('edit', { seq: 1, text: 'x' })).toEqual(lacks('say', roomid));
      expect(await reader.ask('delete', { seq: 1 })).toEqual(lacks('say', roomid));
      expect(await reader.ask('typing', { on: true })).toEqual(lacks('say', roomid));
      expect(await reader.ask('signal', { name: 'x' })).toEqual(lacks('say', roomid));
      expect(await reader.ask('textmsg', 'x')).toEqual(lacks('say', roomid));
      expect(await reader.ask('private', { toName: 'bob', text: 'x' })).toEqual(lacks('say', roomid));
      expect(await reader.ask('react', { seq: 1, reaction: '+' })).toEqual(lacks('react', roomid));
      expect((await reader.do('room:history', {})).messages).toMatchObject([{ data: { text: 'hello' } }]);
      await reader.do('room:members', {});
      await reader.do('room:read', { seq: 1 });
    }
    expect((await readers[0]?.do('rooms:mine'))?.rooms.map((room) => room.roomid).sort()).toEqual(
      [roomid, 'own'].sort(),
    );
  });

  it('change with a new token while connected, and end a membership with read', async () => {
    const roomid = stage.fresh('news');
    const ann = await enterAs(0, roomid, 'ann', ['read', 'react']);
    const bob = await enterAs(1, roomid, 'bob');
    const renew = async (can: readonly string[]) =>
      ann.do('token:refresh', { token: await sign({ sub: 'ann', rooms: [{ room: roomid, can }] }) });
    expect(await ann.ask('say', { text: 'x' })).toEqual(lacks('say', roomid));
    expect(await renew(['read', 'say'])).toMatchObject({ left: [], can: [{ roomid, can: ['read', 'say'] }] });
    await ann.do('say', { text: 'now' });
    expect(await ann.ask('react', { seq: 1, reaction: '+' })).toEqual(lacks('react', roomid));
    expect(await renew(['say', 'react', 'moderate'])).toMatchObject({ left: [roomid], can: [] });
    expect(await ann.ask('say', { text: 'x' })).toEqual(lacks('say', roomid));
    expect(await ann.ask('join', { roomid })).toEqual(lacks('read', roomid));
    await bob.do('say', { text: 'after' });
    await eventually(() => expect(bob.said.map(({ data }) => data.text)).toEqual(['now', 'after']));
    expect(ann.said.map(({ data }) => data.text)).toEqual(['now']);
  });

  it('hold mentions back from whoever may not read the room, live and listed', async () => {
    const roomid = stage.fresh('news');
    const author = await enterAs(0, roomid, stage.fresh('author'));
    const ann = stage.fresh('ann');
    const left = await enterAs(1, roomid, ann);
    const allowed = await stage.enter(stage.at(2), 'own', ann, {
      auth: { token: await sign({ sub: ann, name: ann }) },
    });
    const places = ({ heard }: Member) =>
      heard.flatMap(({ event, data }) =>
        event === 'mention' ? [(data as { data: { seq: number } }).data.seq] : [],
      );
    const listed = async (member: Member) =>
      (await member.do('inbox:list', {})).items.map(({ data }) => (data as { seq: number }).seq);
    const mention = () => author.do('say', { text: 'look', mentions: [ann] });
    const renew = async (can: readonly string[]) =>
      left.do('token:refresh', { token: await sign({ sub: ann, rooms: [{ room: roomid, can }] }) });

    const first = await mention();
    await eventually(() => expect([places(left), places(allowed)]).toEqual([[first.seq], [first.seq]]));
    await allowed.do('join', { roomid });
    expect(await renew(['say'])).toMatchObject({ left: [roomid] });
    const second = await mention();
    await eventually(() => expect(places(allowed)).toEqual([first.seq, second.seq]));
    expect(await listed(allowed)).toEqual([first.seq, second.seq]);
    expect([places(left), await listed(left)]).toEqual([[first.seq], []]);

    // The user's last connection in the room loses the right: nobody is mentioned there any more.
    await allowed.do('leave', { roomid });
    await renew(['read']);
    await left.do('join', { roomid });
    expect(await renew([])).toMatchObject({ left: [roomid] });
    await mention();
    await renew(['read']);
    expect([await listed(left), await listed(allowed)]).toEqual([
      [first.seq, second.seq],
      [first.seq, second.seq],
    ]);
  });

  it('let a moderator delete the messages of others, and nobody else', async () => {
    const roomid = stage.fresh('forum');
    const [ann, bob] = [await enterAs(0, roomid, 'ann'), await enterAs(1, roomid, 'bob')];
    const guard = await enterAs(2, roomid, 'guard', ['read', 'moderate']);
    await ann.do('say', { text: 'rude' });
    expect(await bob.ask('delete', { seq: 1 })).toMatchObject({
      ok: false,
      error: { code: 'forbidden', message: expect.stringContaining('the right moderate') },
    });
    await guard.do('delete', { seq: 1 });
    await eventually(() =>
      expect(entriesOf(bob)).toMatchObject([
        { seq: 1 },
        { event: 'deleted', ref: 1, by: { userId: 'guard', username: 'guard' } },
      ]),
    );
    expect((await bob.do('room:history', {})).messages).toMatchObject([{ seq: 1, deleted: true }, {}]);
  });

  it('let a moderator act as a back end does, on every worker', async () => {
    const roomid = stage.fresh('forum');
    const token = await sign({ sub: 'guard', rooms: [{ room: roomid, can: ['read', 'moderate'] }] });
    const chat = createClient(stage.at(0), { token });
    const room = await chat.join(roomid);
    const [bob, ann] = [await enterAs(1, roomid, 'bob'), await enterAs(2, roomid, 'ann')];
    const heard = (event: string) => bob.heard.filter((one) => one.event === event).map(({ data }) => data);
    const order = { roomid, action: 'ban', userId: 'ann' } as const;

    expect(await bob.ask('moderate', order)).toEqual(lacks('moderate', roomid));
    await expect(room.moderate('unmute', 'guard')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(room.moderate('unban', 'bob')).rejects.toMatchObject({ code: 'not_found' });

    const muted = await room.moderate('mute', 'bob', 600);
    await eventually(() => expect(heard('muted')).toEqual([{ roomid, ...muted }]));
    expect(await bob.ask('say', { text: 'x' })).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(await room.moderate('unmute', 'bob')).toEqual({});
    await bob.do('say', { text: 'back' });

    expect(await room.moderate('kick', 'bob')).toEqual({});
    await eventually(() => expect(heard('removed')).toEqual([{ roomid, code: 'kicked' }]));
    await bob.do('join', { roomid });
    const banned = await room.moderate('ban', 'bob', 600);
    await eventually(() =>
      expect(heard('removed')).toEqual([
        { roomid, code: 'kicked' },
        { roomid, code: 'banned', ...banned },
      ]),
    );
    expect(await bob.ask('join', { roomid })).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    await eventually(() => expect(ann.messages.at(-1)).toMatchObject({ event: 'broadcast_quit' }));
    await room.moderate('unban', 'bob');
    await bob.do('join', { roomid });
    chat.close();
  });

  it('give a moderator no power in a room whose back end has banned them', async () => {
    const roomid = stage.fresh('forum');
    const guard = await enterAs(0, roomid, 'guard', ['read', 'moderate']);
    const answer = await fetch(`${stage.at(1)}/api/v1/rooms/${roomid}/ban`, {
      method: 'POST',
      headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
      body: JSON.stringify({ userId: 'guard' }),
    });
    expect(answer.status).toBe(200);
    for (const userId of ['guard', 'bob']) {
      expect(await guard.ask('moderate', { action: 'unban', userId })).toMatchObject({
        ok: false,
        error: { code: 'not_joined' },
      });
    }
  });

  it('open the event stream to whoever may read, and to nobody else', async () => {
    const roomid = stage.fresh('news');
    async function statusOf(can: readonly string[]): Promise<number> {
      const token = await sign({ sub: 'ann', rooms: [{ room: roomid, can }] });
      const answer = await fetch(`${stage.at(0)}/api/v1/rooms/${roomid}/events`, {
        headers: { authorization: `Bearer ${token}` },
      });
      await answer.body?.cancel();
      return answer.status;
    }
    expect(await statusOf(['read'])).toBe(200);
    expect(await statusOf(['say', 'react', 'moderate'])).toBe(403);
  });
});
