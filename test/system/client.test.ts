import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ChatClient,
  type ChatMessage,
  createClient,
  type Room,
  type RoomEntry,
} from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const CLIENTS = 4;
const ROOMS = ['tea', 'sea'];
const SAYS = 400;
const PER_ROOM = SAYS / ROOMS.length;

interface Seat {
  readonly room: Room;
  readonly heard: ChatMessage[];
  readonly gaps: unknown[];
}

async function sit(chat: ChatClient, roomid: string): Promise<Seat> {
  const room = await chat.join(roomid);
  const heard: ChatMessage[] = [];
  const gaps: unknown[] = [];
  room.on('message', (message) => heard.push(message));
  room.on('gap', (gap) => gaps.push(gap));
  return { room, heard, gaps };
}

async function readAll(room: Room): Promise<RoomEntry[]> {
  const all: RoomEntry[] = [];
  for (;;) {
    const page = await room.history({ after: all.at(-1)?.seq ?? 0, limit: 200 });
    all.push(...page.messages);
    if (!page.more) return all;
  }
}

describe.each(MODES)('the client over faults, %s', (mode) => {
  const stage = systemFixture(mode, { RATE_SAY: '0' }, { workersEach: 1 });
  const proxies: TcpProxy[] = [];
  const chats: ChatClient[] = [];
  beforeAll(async () => {
    for (let n = 0; n < CLIENTS; n += 1) {
      proxies.push(await openTcpProxy({ port: Number(new URL(stage.at(n)).port) }));
    }
  });
  afterAll(async () => {
    for (const chat of chats) chat.close();
    for (const proxy of proxies) await proxy.close();
  });

  it(`settles ${SAYS} says while a worker is killed and connections are cut, and everyone has the log’s messages once`, async () => {
    const seats: Seat[] = [];
    for (const [n, { port }] of proxies.entries()) {
      const chat = createClient(`http://127.0.0.1:${port}`, { userId: `user${n}`, username: `user${n}` });
      chats.push(chat);
      for (const roomid of ROOMS) seats.push(await sit(chat, roomid));
    }

    let acked = 0;
    const saying = seats.map(async ({ room }) => {
      const said: { seq: number; id: string }[] = [];
      for (let n = 0; n < SAYS / seats.length; n += 1) {
        said.push(await room.say(`${n}`, { clientMsgId: randomUUID() }));
        acked += 1;
      }
      return said;
    });
    const faults = (async () => {
      const reached = (count: number) =>
        eventually(() => expect(acked).toBeGreaterThanOrEqual(count), { timeout: 30_000, interval: 2 });
      const { workers } = (await stage.system.hosts[0]?.status()) ?? { workers: [] };
      await reached(SAYS * 0.1);
      proxies[0]?.cut();
      proxies[2]?.cut();
      await reached(SAYS * 0.3);
      process.kill(workers[0]?.pid as number, 'SIGKILL');
      await reached(SAYS * 0.6);
      for (const proxy of proxies) proxy.cut();
    })();
    const outcomes = await Promise.allSettled(saying);
    await faults;
    expect(outcomes.map(({ status }) => status)).toEqual(seats.map(() => 'fulfilled'));
    const acks = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));

    for (const [index, { room, heard, gaps }] of seats.entries()) {
      const log = await eventually(() => readAll(room));
      expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: PER_ROOM }, (_, n) => n + 1));
      await eventually(() => expect(heard).toHaveLength(PER_ROOM));
      expect(heard).toEqual(log);
      expect(gaps).toEqual([]);
      const own = heard.filter(({ data }) => data.userId === `user${Math.floor(index / ROOMS.length)}`);
      expect(own.map(({ seq, id }) => ({ seq, id }))).toEqual(
        acks[index]?.map(({ seq, id }) => ({ seq, id })),
      );
      expect(own.map(({ data }) => data.text)).toEqual(own.map((_, n) => `${n}`));
    }
  });

  it('is the same guest after a lost connection, and gets the code of a refusal', async () => {
    const proxy = await openTcpProxy({ port: Number(new URL(stage.at(0)).port) });
    proxies.push(proxy);
    const chat = createClient(`http://127.0.0.1:${proxy.port}`, { transports: ['polling'] });
    chats.push(chat);
    const room = await chat.join('guests');
    const user = chat.user;
    expect(user?.id).toMatch(/^g-/);
    const again = new Promise((resolve) => chat.on('hello', resolve));
    // Between two polls there is no link to cut, or one that is done with.
    await eventually(() => {
      proxy.cut();
      expect(chat.state).not.toBe('online');
    });
    await again;
    expect(chat.user).toEqual(user);
    expect((await room.say('still me')).seq).toBe(1);
    await expect(room.say('x'.repeat(9_000))).rejects.toMatchObject({ code: 'too_large' });
    await expect(room.say(' ')).rejects.toMatchObject({ code: 'bad_request', temporary: false });
  });
});
