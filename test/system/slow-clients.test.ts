import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bye } from '../../src/protocol/events.ts';
import type { Joined } from '../../src/protocol/rooms.ts';
import { type ClientSocket, enter, type Member } from '../support/member.ts';
import { openRawClient } from '../support/raw-client.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const MAX_BYTES = 131_072;
const TEXT = 'x'.repeat(8_000);
/** More than the system keeps of a link that nobody reads. */
const MOST_SAYS = 4_000;
const AT_ONCE = 10;

/** What is private of the stock client: how it reads. */
interface Engine {
  readonly transport: {
    readonly name: string;
    doPoll: () => void;
    readonly ws?: { readonly _socket: { pause(): void; resume(): void } };
  };
}

interface Reader {
  readonly socket: ClientSocket;
  readonly byes: Bye[];
  /** What it has by now, live or read when it was back. */
  readonly seqs: ReadonlySet<number>;
  /** What came live, of each connection in its order. */
  readonly live: readonly number[][];
  readonly joins: Joined[];
  stall(): void;
  readOn(): void;
}

async function openReader(url: string, roomid: string, transport: 'websocket' | 'polling'): Promise<Reader> {
  const [byes, live, joins]: [Bye[], number[][], Joined[]] = [[], [], []];
  const seqs = new Set<number>();
  let last: { epoch: string; seq: number } | undefined;
  const socket: ClientSocket = io(url, {
    forceNew: true,
    transports: [transport],
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    query: { roomid, username: 'Reader' },
    auth: (give) => give({ userId: 'reader', ...(last === undefined ? {} : { resume: last }) }),
  });
  socket.on('bye', (bye) => byes.push(bye));
  socket.on('message', (message) => {
    if (message.event !== 'broadcast_say') return;
    const { epoch, seq } = message;
    last = { epoch, seq };
    seqs.add(seq);
    live.at(-1)?.push(seq);
  });
  socket.on('joined', async (joined) => {
    // More was missed than is resumed: the rest is read page by page, as any client does.
    let after = last?.seq ?? joined.seq;
    last = { epoch: joined.epoch, seq: joined.seq };
    live.push([]);
    for (const { seq } of joined.messages) seqs.add(seq);
    while (joined.recovered === false && !seqs.has(after + 1)) {
      const page = await socket.emitWithAck('room:history', { after, limit: 50 });
      if (!page.ok) throw new Error(page.error.message);
      for (const { seq } of page.messages) seqs.add(seq);
      after = page.messages.at(-1)?.seq ?? after;
    }
    joins.push(joined);
  });
  await expect.poll(() => joins.length).toBe(1);
  const engine = socket.io.engine as unknown as Engine;
  const { transport: first } = engine;
  const { doPoll } = first;
  let missed = false;
  return {
    socket,
    byes,
    seqs,
    live,
    joins,
    stall() {
      first.ws?._socket.pause();
      if (first.name !== 'polling') return;
      first.doPoll = () => {
        missed = true;
      };
    },
    readOn() {
      first.ws?._socket.resume();
      first.doPoll = doPoll;
      if (missed) doPoll.call(first);
    },
  };
}

describe.each(MODES)('a client that stops reading, %s', (mode) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem(mode, { RATE_SAY: '0', MAX_BUFFERED_BYTES: String(MAX_BYTES) });
  });
  afterAll(() => system?.stop());

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${system.workerUrls[0]}/metrics`, { headers: system.keyHeader })).text();
    return Number(new RegExp(`^roomcast_${name} (\\d+)`, 'm').exec(text)?.[1]);
  }

  /** Says until a client of the first worker was let go; answers how many were acked. */
  async function sayUntilLetGo(writer: Member, letGoBefore: number) {
    for (let said = AT_ONCE; said <= MOST_SAYS; said += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => writer.do('say', { text: TEXT })));
      if ((await metric('slow_clients_total')) > letGoBefore) return said;
    }
    throw new Error('nobody was let go');
  }

  it.each(['websocket', 'polling'] as const)(
    'over %s is closed with 3008, reconnects and has everything; the others have it meanwhile',
    async (transport) => {
      const roomid = `stalled-${transport}`;
      const reader = await openReader(system.workerUrls[0] as string, roomid, transport);
      const beside = await enter(system.workerUrls[0] as string, roomid, 'Beside');
      const writer = await enter(system.workerUrls[1] as string, roomid, 'Writer');
      reader.stall();
      const said = await sayUntilLetGo(writer, await metric('slow_clients_total'));
      const all = Array.from({ length: said }, (_, index) => index + 1);
      // All of it, while nothing was read by the other.
      await expect.poll(() => beside.said.length).toBe(said);
      expect(beside.said.map(({ seq }) => seq)).toEqual(all);
      expect(reader.seqs.size).toBeLessThan(said);

      reader.readOn();
      await expect.poll(() => reader.byes).toHaveLength(1);
      expect(reader.byes[0]).toMatchObject({ code: 3008, reconnect: true, afterMs: expect.any(Number) });
      await expect.poll(() => reader.joins.length).toBe(2);
      await writer.do('say', { text: 'and on' });
      await expect.poll(() => reader.seqs.has(said + 1)).toBe(true);
      expect([...reader.seqs].sort((a, b) => a - b)).toEqual([...all, said + 1]);
      for (const seqs of reader.live) expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      await expect.poll(() => metric('client_waiting_bytes_max')).toBeLessThan(MAX_BYTES / 4);
      reader.socket.disconnect();
      beside.close();
      writer.close();
    },
  );

  it('but goes on sending is closed too, and terminated if it never reads again', async () => {
    const silent = openRawClient(system.workerUrls[0] as string, {
      query: { roomid: 'never', username: 'Silent' },
    });
    await silent.hear('joined');
    const writer = await enter(system.workerUrls[1] as string, 'never', 'Writer');
    const clients = async () => (await system.clientsByWorker())[0];
    await expect.poll(clients).toBe(1);
    silent.pause();
    const typing = setInterval(() => void silent.ask('typing', { on: true }), 200);
    await sayUntilLetGo(writer, await metric('slow_clients_total'));
    await expect.poll(clients).toBe(0);
    clearInterval(typing);
    silent.close();
    writer.close();
  });
});
