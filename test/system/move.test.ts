import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChatClient, createClient, type Room } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const ROOMS = ['tea', 'sea'];
const PER_ENTRANCE = 4;
const ENTRANCES = { embedded: 3, cluster: 2 };
/** Pairs of messages before and after the reload. */
const AROUND = 30;

interface Seat {
  readonly chat: ChatClient;
  readonly room: Room;
  readonly texts: string[];
  /** The ids of users whose join it heard. */
  readonly heard: Set<string>;
  /** Everything but messages and answers that the application hears from here on. */
  readonly others: unknown[];
  longestMs: number;
}

async function sit(chat: ChatClient, roomid: string): Promise<Seat> {
  const room = await chat.join(roomid);
  const seat: Seat = { chat, room, texts: [], heard: new Set(), others: [], longestMs: 0 };
  let last: number | undefined;
  room.on('message', ({ data }) => {
    const now = performance.now();
    seat.longestMs = Math.max(seat.longestMs, now - (last ?? now));
    last = now;
    seat.texts.push(data.text);
  });
  room.on('presence', ({ event, data }) => event === 'join' && seat.heard.add(data.userId));
  return seat;
}

/** Nobody may come, go, be lost or reconnect from here on. */
function watch({ chat, room, others }: Seat): void {
  chat.on('state', (change) => others.push(change));
  room.on('presence', (event) => others.push(event));
  room.on('gap', (gap) => others.push(gap));
  room.on('failed', (error) => others.push(error));
}

describe.each(MODES)('clients of the SDK, %s', (mode) => {
  let system: System;
  const chats: ChatClient[] = [];
  beforeAll(async () => {
    // The rooms are full: a client that moves must keep its place.
    const MAX_ROOM_CLIENTS = String(ENTRANCES[mode] * PER_ENTRANCE);
    system = await startSystem(mode, { RATE_SAY: '0', MAX_ROOM_CLIENTS }, { workersEach: 1 });
  });
  afterAll(async () => {
    for (const chat of chats) chat.close();
    await system?.stop();
  });

  it('move to the new workers of a reload: nothing is lost or repeated, and no join or quit is announced', async ({
    annotate,
  }) => {
    const seats: Seat[] = [];
    for (const [at, url] of system.entrances.entries()) {
      for (let n = 0; n < PER_ENTRANCE; n += 1) {
        // Every other one is a guest, and joins its first room with the handshake.
        const user = { username: `u${at}-${n}`, ...(n % 2 === 0 ? { userId: `u${at}-${n}` } : {}) };
        const chat = createClient(url, n % 2 === 0 ? user : { ...user, roomid: 'tea' });
        chats.push(chat);
        for (const roomid of ROOMS) {
          seats.push(await sit(chat, roomid));
          // A join is announced after its answer and reaches each worker in its own time, but must not count as one of the move.
          const heardBy = seats.filter(({ room }) => room.roomid === roomid);
          await eventually(() => {
            for (const { heard } of heardBy) expect(heard).toContain(chat.user?.id);
          });
        }
      }
    }
    const talkers = seats.filter(({ chat }) => chat === chats[0]);
    const said: Promise<unknown>[] = [];
    const talk = () => {
      for (const { room } of talkers) said.push(room.say(`${said.length}`));
    };
    const users = chats.map(({ user }) => user?.id);
    const connections = chats.map(({ hello }) => hello?.clientId);
    seats.forEach(watch);

    const [host] = system.hosts;
    const before = (await host?.status())?.workers.map(({ pid }) => pid) ?? [];
    const talking = setInterval(talk, 20);
    await eventually(() => expect(said.length).toBeGreaterThan(2 * AROUND));
    process.kill(host?.pid as number, 'SIGHUP');
    await eventually(
      async () => {
        const { workers } = (await host?.status()) ?? { workers: [] };
        expect(workers.filter(({ pid }) => before.includes(pid))).toEqual([]);
        expect(workers.map(({ state }) => state)).toEqual(before.map(() => 'ready'));
      },
      { timeout: 60_000 },
    );
    const reloaded = said.length;
    await eventually(() => expect(said.length).toBeGreaterThan(reloaded + 2 * AROUND));
    clearInterval(talking);
    await Promise.all(said);

    for (const { room } of talkers) {
      const texts = said.map((_, n) => `${n}`).filter((_, n) => ROOMS[n % ROOMS.length] === room.roomid);
      for (const seat of seats.filter((one) => one.room.roomid === room.roomid)) {
        await eventually(() => expect(seat.texts).toHaveLength(texts.length));
        expect(seat.texts).toEqual(texts);
      }
    }
    expect(seats.flatMap(({ others }) => others)).toEqual([]);
    expect(chats.map(({ user }) => user?.id)).toEqual(users);
    const moved = chats.filter(({ hello }, n) => hello?.clientId !== connections[n]);
    expect(moved).toHaveLength(chats.length / system.hosts.length);
    const longestMs = Math.max(...seats.map((seat) => seat.longestMs));
    await annotate(`${said.length} messages, longest silence ${Math.round(longestMs)} ms`);
  });
});
