import { SignJWT } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { type EventReader, readEvents } from '../support/event-reader.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';

const SECRET = 'a-secret-for-the-tokens-of-this-test';

function tokenOf(sub: string, rooms: readonly string[]): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return new SignJWT({ sub, rooms, exp })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET));
}

describe.each(MODES)('the event stream of a room, %s', (mode) => {
  const stage = systemFixture(mode, { RATE_SAY: '0' }, { workersEach: 1 });
  const readings: EventReader[] = [];
  afterEach(() => {
    for (const reading of readings.splice(0)) reading.close();
  });
  async function follow(url: string, roomid: string, headers = {}) {
    const reading = await readEvents(`${url}/api/v1/rooms/${roomid}/events`, {
      ...stage.system.keyHeader,
      ...headers,
    });
    expect(reading.status).toBe(200);
    readings.push(reading);
    return reading;
  }

  it('brings through every entrance what members say, each message once and in the order of the log', async () => {
    const roomid = stage.fresh('room');
    const streams = await Promise.all(stage.system.entrances.map((url) => follow(url, roomid)));
    const members = await Promise.all([0, 1, 2].map((n) => stage.enter(stage.at(n), roomid, `Ann ${n}`)));
    await Promise.all(
      members.flatMap((member, who) =>
        Array.from({ length: 40 }, async (_, n) => {
          const said = { text: `${who} ${n}`, clientMsgId: `${who}-${n}`, echo: n % 2 === 0 };
          // A busy machine may refuse some of so many at once, for the moment.
          await eventually(() => member.do('say', said));
        }),
      ),
    );
    for (const stream of streams) await eventually(() => expect(stream.events()).toHaveLength(120));
    const [first, ...others] = streams.map((stream) => stream.events());
    for (const other of others) expect(other).toEqual(first);
    expect(first?.map(({ id }) => Number(id.split(':')[1]))).toEqual(
      Array.from({ length: 120 }, (_, n) => n + 1),
    );
  });

  it('goes on after the last event that its reader saw, on any worker, also before the first', async () => {
    const roomid = stage.fresh('room');
    const member = await stage.enter(stage.at(0), roomid, 'Ann');
    const early = await follow(stage.at(0), roomid);
    await eventually(() => expect(early.lastId()).not.toBe(''));
    early.close();
    for (let n = 1; n <= 500; n += 1) await member.do('say', { text: String(n) });
    const wanted = Array.from({ length: 501 }, (_, n) => String(n + 1));
    const late = await follow(stage.at(1), roomid, { 'Last-Event-ID': early.lastId() });
    await member.do('say', { text: '501' });
    await eventually(() => expect(late.texts()).toEqual(wanted));
    const middle = late.events()[249]?.id as string;
    const other = await follow(stage.at(2), roomid, { 'Last-Event-ID': middle });
    await eventually(() => expect(other.texts()).toEqual(wanted.slice(250)));
  });

  it('sends a deleted message without its text, live and to a reader who comes later', async () => {
    const roomid = stage.fresh('room');
    const live = await follow(stage.at(1), roomid);
    await eventually(() => expect(live.lastId()).not.toBe(''));
    const start = live.lastId();
    const member = await stage.enter(stage.at(0), roomid, 'Ann');
    await member.do('say', { text: 'secret' });
    const path = `/api/v1/rooms/${roomid}/messages/1`;
    await fetch(stage.at(0) + path, { method: 'DELETE', headers: stage.system.keyHeader });
    await eventually(() => expect(live.events()).toHaveLength(2));
    expect(live.events()[1]?.data).toMatchObject({ event: 'deleted', ref: 1 });
    const late = await follow(stage.at(2), roomid, { 'Last-Event-ID': start });
    await eventually(() => expect(late.events()).toHaveLength(2));
    expect(late.text()).not.toContain('secret');
  });

  it('needs a key, and refuses an id that is none', async () => {
    const url = `${stage.at(0)}/api/v1/rooms/tea/events`;
    expect((await fetch(url)).status).toBe(401);
    const headers = { ...stage.system.keyHeader, 'Last-Event-ID': 'nonsense' };
    const refused = await fetch(url, { headers });
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: { code: 'bad_request', message: expect.stringMatching(/^last-event-id: /) } },
    ]);
    expect((await fetch(url, { method: 'HEAD', headers: stage.system.keyHeader })).status).toBe(200);
  });

  it('loses and repeats nothing over a rolling reload', async () => {
    const roomid = stage.fresh('room');
    const url = stage.worker(0);
    const texts: (string | undefined)[] = [];
    const first = await follow(url, roomid);
    await eventually(() => expect(first.lastId()).not.toBe(''));
    const say = async (text: string) => {
      const body = JSON.stringify({ text });
      const headers = { ...stage.system.keyHeader, 'Content-Type': 'application/json' };
      await eventually(async () => {
        const sent = await fetch(`${stage.worker(1)}/api/v1/rooms/${roomid}/messages`, {
          method: 'POST',
          headers,
          body,
        });
        expect(sent.status).toBe(200);
      });
    };
    await say('before');
    await eventually(() => expect(first.texts()).toEqual(['before']));
    process.kill(stage.system.hosts[0]?.pid as number, 'SIGHUP');
    await eventually(() => expect(first.ended()).toBe(true));
    expect(first.text()).toMatch(/retry: \d+\n: this server is going away\n\n$/);
    texts.push(...first.texts());
    await say('between');
    const second = await eventually(() => follow(url, roomid, { 'Last-Event-ID': first.lastId() }));
    await say('after');
    await eventually(() => expect([...texts, ...second.texts()]).toEqual(['before', 'between', 'after']));
  });

  it('brings a reader what a member gets, over kill -9 of its worker and then of everything', async () => {
    const roomid = stage.fresh('room');
    const url = stage.worker(0);
    const chat = createClient(url, { username: 'Ann' });
    try {
      const heard: string[] = [];
      const room = await chat.join(roomid);
      room.on('message', ({ seq, data }) => heard.push(`${seq} ${data.text}`));
      const finished: EventReader[] = [];
      let reading = await follow(url, roomid);
      const seen = () =>
        [...finished, reading].flatMap((one) =>
          one.events().map(({ id, data }) => `${id.split(':')[1]} ${data.data?.text}`),
        );
      await eventually(() => expect(reading.lastId()).not.toBe(''));
      const say = (text: string) =>
        eventually(async () => {
          const sent = await fetch(`${stage.worker(1)}/api/v1/rooms/${roomid}/messages`, {
            method: 'POST',
            headers: { ...stage.system.keyHeader, 'Content-Type': 'application/json' },
            body: JSON.stringify({ text, clientMsgId: text }),
          });
          expect(sent.status).toBe(200);
        });
      const killWorker = async () => {
        const workers = (await stage.system.hosts[0]?.status())?.workers ?? [];
        process.kill(workers.find(({ port }) => url.endsWith(`:${port}`))?.pid as number, 'SIGKILL');
      };
      const said: string[] = [];
      for (const kill of [killWorker, () => stage.system.restart('SIGKILL')]) {
        for (const when of ['before', 'after'] as const) {
          said.push(`${said.length + 1} ${said.length}-${when}`);
          if (when === 'after') {
            await kill();
            await eventually(() => expect(reading.ended()).toBe(true));
          }
          await say(`${said.length - 1}-${when}`);
          if (when === 'before') await eventually(() => expect([seen(), heard]).toEqual([said, said]));
        }
        finished.push(reading);
        const from = { 'Last-Event-ID': reading.lastId() };
        reading = await eventually(() => follow(url, roomid, from));
        await eventually(() => expect([seen(), heard]).toEqual([said, said]));
      }
    } finally {
      chat.close();
    }
  });
});

describe('the event stream of a room in token mode', () => {
  const stage = systemFixture('embedded', { AUTH_SECRET: SECRET });
  const readings: EventReader[] = [];
  afterEach(() => {
    for (const reading of readings.splice(0)) reading.close();
  });

  it('is also for the token of a user who may read the room, until the user is banned', async () => {
    const token = await tokenOf('ann', ['tea']);
    const bearer = { Authorization: `Bearer ${token}` };
    const events = (roomid: string) => `${stage.at(0)}/api/v1/rooms/${roomid}/events`;
    const cookie = await readEvents(events('tea'), { Cookie: `token=${token}` });
    const stream = await readEvents(events('tea'), bearer);
    readings.push(stream, cookie);
    expect([stream.status, cookie.status]).toEqual([200, 200]);
    expect((await fetch(events('coffee'), { headers: bearer })).status).toBe(403);
    expect((await fetch(events('tea'), { headers: { Authorization: 'Bearer x' } })).status).toBe(401);
    expect((await fetch(`${stage.at(0)}/api/v1/rooms`, { headers: bearer })).status).toBe(401);
    const headers = { ...stage.system.keyHeader, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ userId: 'ann' });
    await fetch(`${stage.at(1)}/api/v1/rooms/tea/ban`, { method: 'POST', headers, body });
    for (const one of [stream, cookie]) await eventually(() => expect(one.ended()).toBe(true));
    expect((await fetch(events('tea'), { headers: bearer })).status).toBe(403);
  });
});
