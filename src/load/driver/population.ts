import type { Histogram } from 'hdr-histogram-js';
import { createLiveFindings } from '../checker/live/findings.ts';
import { MemberOrder } from '../checker/live/member-order.ts';
import { createRoomBlocks, type RoomBlock } from '../checker/live/room-blocks.ts';
import { RoomCheck } from '../checker/live/room-check.ts';
import { createSenderRecord, type SenderRecord } from '../checker/live/sender-record.ts';
import type { Random } from '../random.ts';
import { Client, type ClientDeps } from './client.ts';
import type { Clock } from './clock.ts';
import type { Dialect } from './dialects.ts';
import { createHistogram, type Ledger, record } from './ledger.ts';
import type { ClientSpec, ConnectOrder } from './orders.ts';
import type { PrivateCheck } from './private-messages.ts';
import { Sender } from './sender.ts';
import type { Sources } from './sources.ts';

const KEPT = 64;
/** More than any benchmark leaves unanswered. */
const RING = 8_192;
const RETURN_LEAST_MS = 300;
const RETURN_SPREAD_MS = 1_200;

export interface PopulationDeps {
  readonly order: ConnectOrder;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly buffer: Buffer;
  readonly clock: Clock;
  readonly sources: Sources;
  readonly random: Random;
  readonly privateCheck: PrivateCheck | undefined;
}

/** The clients of one connect order: they are dialled, come back after a cut, and leave to come again. */
export interface Population {
  readonly clients: readonly Client[];
  readonly senders: readonly Sender[];
  readonly rooms: ReadonlyMap<string, RoomCheck>;
  readonly returning: boolean;
  /** What became whole since the last call, of the rooms that several processes share. */
  takeBlocks(): RoomBlock[];
  /** Acked messages in whose place others came. */
  replaced(): number;
  /** Resolves when all are in, or none is on its way any more, or at the limit. */
  connect(): Promise<{ readonly joined: number; readonly tookMs: number; readonly joinUs: Histogram }>;
  /** Nobody who has not been dialled yet is any more. */
  stopDialling(): void;
  /** One of the clients leaves, and comes again a little later. */
  churn(): void;
  /** No client comes back any more. */
  close(): void;
}

export function createPopulation(deps: PopulationDeps): Population {
  const { order, dialect, ledger, clock, random, privateCheck } = deps;
  const { talk, returning = false, namePrefix = 'u' } = order;
  const rooms = new Map<string, RoomCheck>();
  const shared = new Map(order.sharedRooms?.map((room) => [room, createRoomBlocks(room)]));
  const records = new Map<number, { readonly record: SenderRecord; readonly sender: Sender }>();
  const clients: Client[] = [];
  const senders: Sender[] = [];
  const waiting: Client[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;
  let isStopped = false;
  let onChange: () => void = () => undefined;
  let dialling = 0;
  let joinedOnce = 0;
  let lastJoinAt = performance.now();
  const everJoined = new Set<Client>();
  const joinUs = createHistogram();
  const nameOf = (id: number) => `${namePrefix}${id}`;

  const clientDeps: ClientDeps = {
    buffer: deps.buffer,
    dialect,
    ledger,
    clock,
    timedOneIn: talk.timedOneIn,
    sources: deps.sources,
    nameOf,
    isIdentified: order.namePrefix !== undefined,
    onJoined(client) {
      const tookUs = clock() - client.dialledUs;
      record(ledger.joinUs, tookUs);
      record(joinUs, tookUs);
      ledger.joined += 1;
      if (everJoined.has(client)) return;
      everJoined.add(client);
      joinedOnce += 1;
      dialling -= 1;
      lastJoinAt = performance.now();
      onChange();
    },
    onGone(client, reason, wasIn) {
      if (isClosed) return;
      if (!wasIn) ledger.failConnection(reason);
      if (!everJoined.has(client)) dialling -= 1;
      if (returning && !client.stalled) comeBack(client, client.bye?.afterMs ?? 0);
      else if (!wasIn) ledger.fault(`client ${client.spec.id}: ${reason}`);
      onChange();
    },
    onInbox: (client, top) => privateCheck?.begin(client, top),
    onPrivate: (client, message) => privateCheck?.take(client, message),
  };

  function comeBack(client: Client, leastMs: number): void {
    after(leastMs + RETURN_LEAST_MS + random.fraction() * RETURN_SPREAD_MS, () => {
      if (!everJoined.has(client)) dialling += 1;
      client.dial();
    });
  }

  function after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isClosed) act();
    }, ms);
    timers.add(timer);
  }

  function roomCheckOf(room: string): RoomCheck {
    const known = rooms.get(room);
    if (known) return known;
    const check = new RoomCheck({
      room,
      textBytes: talk.textBytes,
      kept: talk.kept ?? KEPT,
      read: dialect.read,
      nameOf,
      checkSender(origin, number) {
        const own = records.get(origin.client);
        return own?.record.delivered(origin.number, number, own.sender.number);
      },
      findings: ledger.findings,
      blocks: shared.get(room),
    });
    rooms.set(room, check);
    return check;
  }

  function create(spec: ClientSpec): Client {
    const { id, room } = spec;
    const check = room === undefined ? undefined : roomCheckOf(room);
    // A stalled or publishing client gets no messages to judge.
    const findings = room === undefined ? createLiveFindings() : ledger.findings;
    const client = new Client(spec, new MemberOrder(`client ${id} in ${room}`, findings), check, clientDeps);
    if (spec.role !== 'member' && check !== undefined) {
      const record = createSenderRecord({
        numbered: dialect.numberedBy === 'server',
        isTaken: (seq) => check.isTaken(seq),
      });
      const ring = talk.unacked ?? RING;
      const sender = new Sender({
        client: spec,
        dialect,
        ledger,
        clock,
        textBytes: talk.textBytes,
        ring,
        record,
      });
      client.sender = sender;
      records.set(id, { record, sender });
      senders.push(sender);
    }
    clients.push(client);
    return client;
  }

  function dial(): void {
    const client = waiting.pop();
    if (client === undefined) return;
    dialling += 1;
    client.dial();
  }

  async function connect() {
    for (const spec of order.clients) waiting.push(create(spec));
    waiting.reverse();
    const { inFlight, perSecond, limitMs } = order;
    const all = waiting.length;
    const startedAt = performance.now();
    lastJoinAt = startedAt;
    const fill = () => {
      while (dialling < inFlight && waiting.length > 0) dial();
    };
    let pacing: NodeJS.Timeout | undefined;
    if (perSecond !== undefined) {
      const pace = () => {
        const due = Math.ceil(((performance.now() - startedAt) / 1_000) * perSecond);
        while (all - waiting.length < due && waiting.length > 0) dial();
      };
      pace();
      pacing = setInterval(pace, 5);
    }
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      const look = () => {
        if (perSecond === undefined) fill();
        const isDone = returning ? joinedOnce === all : dialling === 0 && waiting.length === 0;
        if (!isDone && !isClosed && !isStopped) return;
        clearTimeout(limit);
        resolve();
      };
      onChange = look;
      look();
    });
    clearInterval(pacing);
    onChange = () => undefined;
    return { joined: joinedOnce, tookMs: lastJoinAt - startedAt, joinUs };
  }

  return {
    clients,
    senders,
    rooms,
    returning,
    takeBlocks: () => [...shared.values()].flatMap((blocks) => blocks.take()),
    replaced: () =>
      [...records.values()].reduce((sum, { record: each }) => sum + each.undelivered().length, 0),
    connect,
    stopDialling() {
      isStopped = true;
      waiting.length = 0;
      onChange();
    },
    churn() {
      for (let tries = 0; tries < 16; tries += 1) {
        const client = clients[random.below(clients.length)];
        if (client === undefined || !client.joined || client.spec.stays) continue;
        client.leave();
        after(RETURN_LEAST_MS + random.fraction() * RETURN_SPREAD_MS, () => client.dial());
        return;
      }
    },
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      for (const client of clients) client.destroy();
      onChange();
    },
  };
}
