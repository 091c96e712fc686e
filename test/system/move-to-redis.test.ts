import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type ChatClient, type ChatMessage, createClient, type InboxItem } from '../../src/client/index.ts';
import { type Host, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter } from '../support/member.ts';
import { openRedis } from '../support/redis-server.ts';

const ENV = { RATE_SAY: '0', RATE_EVENTS: '0', RATE_BYTES: '0', DRAIN_S: '1', DRAIN_DELAY_S: '0' };
const USERS = ['ann', 'bob', 'carol'] as const;
const ROOMS = ['tea', 'sea'];

/** An SDK client and everything that it heard. */
interface Seat {
  readonly chat: ChatClient;
  readonly heard: Record<string, ChatMessage[]>;
  readonly items: InboxItem[];
  readonly gaps: unknown[];
}

async function run(args: readonly string[], env: Record<string, string>) {
  const { child, output } = runRoomcast(args, env);
  const [code] = (await once(child, 'exit')) as [number];
  return { code, ...output() };
}

describe('roomcast move-to-redis', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function sit(url: string, userId: string): Promise<Seat> {
    const chat = createClient(url, { userId, username: userId });
    closing.push(() => chat.close());
    const seat: Seat = { chat, heard: {}, items: [], gaps: [] };
    chat.on('item', (item) => seat.items.push(item));
    for (const roomid of ROOMS) {
      const heard: ChatMessage[] = [];
      seat.heard[roomid] = heard;
      const room = await chat.join(roomid);
      room.on('message', (message) => heard.push(message));
      room.on('gap', (gap) => seat.gaps.push(gap));
    }
    return seat;
  }

  function ask(host: Host, path: string, body: unknown): Promise<Response> {
    const headers = { 'x-api-key': host.apiKey, 'Content-Type': 'application/json' };
    return fetch(`${host.workerUrls[0]}/api/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
  }

  it('takes rooms, inboxes, markers, bans and keys along, and clients that talk on miss and repeat nothing', async () => {
    const redis = await openRedis();
    closing.push(() => redis.close());
    const embedded = await startHost({ workers: 2, env: ENV });
    const { basePort, dataDir, apiKey } = embedded;
    let hosts = [embedded];
    closing.push(async () => {
      await Promise.all(hosts.map((host) => host.stop()));
      await Promise.all(hosts.map((host) => host.remove()));
    });
    const env = { DATA_DIR: dataDir, REDIS_URL: redis.url };

    const seats = await Promise.all(
      USERS.map((userId, index) => sit(embedded.workerUrls[index % 2] as string, userId)),
    );
    const [ann, bob] = seats as [Seat, Seat, Seat];
    const said: Promise<unknown>[] = [];
    let count = 0;
    const talk = (times: number) => {
      for (let time = 0; time < times; time += 1) {
        for (const { chat } of seats) {
          for (const roomid of ROOMS) {
            count += 1;
            said.push(chat.join(roomid).then((room) => room.say(`${count}`)));
          }
        }
        said.push(ann.chat.private('bob', `private ${time}`), bob.chat.todo('carol', { time }));
      }
    };
    talk(20);
    await Promise.all(said);
    const guest = await enter(embedded.workerUrls[0] as string, 'tea', 'Guest');
    const { user, guestToken } = guest.hello;
    await guest.do('say', { text: 'once', clientMsgId: 'g-1' });
    guest.close();
    const { seq: read } = await (await bob.chat.join('tea')).say('read up to here');
    await bob.chat.inbox.ack({ read: 5 });
    const { epoch: _, recvSeq: __, ...inbox } = await bob.chat.inbox.list({ limit: 50 });
    expect(inbox).toMatchObject({ top: 20, readSeq: 5 });
    expect((await ask(embedded, '/rooms/tea/ban', { userId: 'dan' })).status).toBe(200);
    expect((await ask(embedded, '/rooms/sea/mute', { userId: 'carol', seconds: 3_600 })).status).toBe(200);

    expect(await run(['move-to-redis'], env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is in use by another Roomcast'),
    });
    await embedded.stop();
    hosts = [];
    // Said while nobody serves: the clients have it in their outboxes.
    said.length = 0;
    for (const { chat } of [ann, bob]) said.push(chat.join('tea').then((room) => room.say('meanwhile')));
    const moved = await run(['move-to-redis'], env);
    expect(moved).toMatchObject({
      code: 0,
      // A busy machine takes long enough to be told how far it is.
      stderr: expect.stringMatching(/^((copied|compared): \d+ [\w ,]+\n)*$/),
      stdout: expect.stringContaining('has everything'),
    });
    expect(moved.stdout).toMatch(/messages, items +\d{3} {2}\S{43}\n/);
    // No text, id or key of anybody.
    expect(moved.stdout).not.toContain(apiKey);
    expect(await run(['move-to-redis'], env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^This store has been moved to Redis at \S+ already\./),
    });

    hosts.push(await startHost({ workers: 2, env: ENV, redisUrl: redis.url, basePort, dataDir }));
    hosts.push(await startHost({ workers: 1, env: ENV, redisUrl: redis.url }));
    const other = hosts[1] as Host;
    expect(other.apiKey).toBe(apiKey);
    await Promise.all(said);
    for (const roomid of ROOMS) {
      const room = await ann.chat.join(roomid);
      const { seq: last } = await room.say('after');
      await eventually(() => {
        for (const { heard } of seats) expect(heard[roomid]?.at(-1)?.seq).toBe(last);
      });
      for (const { heard } of seats) {
        expect(heard[roomid]?.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, at) => at + 1));
      }
    }
    expect(seats.flatMap(({ gaps }) => gaps)).toEqual([]);
    const data = (seat: Seat) => seat.items.map((item) => item.data);
    expect(data(seats[1] as Seat)).toEqual(
      Array.from({ length: 20 }, (_, time) => ({ to: 'bob', text: `private ${time}` })),
    );
    expect(data(seats[2] as Seat).length).toBe(20);

    const forbidden = { code: 'forbidden' };
    const url = other.workerUrls[0] as string;
    const dan = await connect(url, { auth: { userId: 'dan' } });
    closing.push(() => dan.close());
    expect(await dan.ask('join', { roomid: 'tea' })).toMatchObject({ error: forbidden });
    await expect((await (seats[2] as Seat).chat.join('sea')).say('x')).rejects.toMatchObject(forbidden);
    const bobAgain = await connect(url, { auth: { userId: 'bob' } });
    closing.push(() => bobAgain.close());
    const tea = (await bobAgain.do('rooms:mine')).rooms.find(({ roomid }) => roomid === 'tea');
    expect(tea?.read).toBeGreaterThanOrEqual(read);
    expect(await bob.chat.inbox.list({ limit: 50 })).toMatchObject(inbox);

    const auth = { userId: user.id, guestToken };
    const back = await enter(url, 'tea', 'Guest', { auth });
    closing.push(() => back.close());
    expect(back.hello.user.id).toBe(user.id);
    expect(await back.do('say', { text: 'once', clientMsgId: 'g-1' })).toMatchObject({ dup: true });
  });
});
