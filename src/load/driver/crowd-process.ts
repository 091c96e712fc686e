/** A process full of clients; what it is asked to do and answers stands in orders.ts. */
import { readFileSync } from 'node:fs';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { Client, type ClientDeps } from './client.ts';
import { createClock } from './clock.ts';
import { DIALECTS } from './dialects.ts';
import { createHistogram, Ledger, record } from './ledger.ts';
import type { Answers, ClientSpec, ConnectOrder, Order, TalkOrder, Tops } from './orders.ts';
import { passThrough } from './passing.ts';
import { Sender } from './sender.ts';
import { createSources } from './sources.ts';

const READ_BYTES = 262_144;
const TICK_MS = 1;
const LOOK_MS = 10;

const clock = createClock();
const ledger = new Ledger();
const buffer = Buffer.allocUnsafe(READ_BYTES);
const sources = createSources(process.pid);
const clients = new Map<number, Client>();
const senders: Sender[] = [];
let talking: NodeJS.Timeout | undefined;

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition() && performance.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function connect({ tongue, clients: specs, inFlight, limitMs, talk: style }: ConnectOrder) {
  const dialect = DIALECTS[tongue];
  const joinUs = createHistogram();
  const startedAt = performance.now();
  const waiting: ClientSpec[] = [...specs].reverse();
  let under = 0;
  let joined = 0;
  let lastAt = startedAt;

  function dial(): void {
    while (under < inFlight && waiting.length > 0) {
      under += 1;
      const spec = waiting.pop() as ClientSpec;
      const client = new Client(spec, deps);
      clients.set(spec.id, client);
      if (spec.role !== 'member') {
        client.sender = new Sender({
          room: spec.room as string,
          connection: client.connection,
          dialect,
          ledger,
          clock,
          textBytes: style.textBytes,
        });
        senders.push(client.sender);
      }
    }
  }
  const deps: ClientDeps = {
    buffer,
    dialect,
    ledger,
    clock,
    timedOneIn: style.timedOneIn,
    sources,
    onJoined(client) {
      record(joinUs, clock() - client.dialledUs);
      joined += 1;
      under -= 1;
      lastAt = performance.now();
      dial();
    },
    onGone(client) {
      if (client.joined) return;
      under -= 1;
      dial();
    },
  };
  dial();
  await until(() => under === 0 && waiting.length === 0, limitMs);
  if (joined < specs.length) ledger.fault(`${specs.length - joined} of ${specs.length} did not get in`);
  return { joined, tookMs: lastAt - startedAt, joinUs: encodeIntoCompressedBase64(joinUs) };
}

function talk({ perSecond, unacked, rooms }: TalkOrder): Answers['talk'] {
  const chosen = senders.filter(({ room }) => rooms === undefined || rooms.includes(room));
  const nowUs = clock();
  // Spread over one interval: rooms do not all speak in the same moment.
  for (const [index, sender] of chosen.entries()) {
    sender.talk(perSecond, unacked, nowUs + (index / chosen.length) * (1e6 / perSecond));
  }
  talking ??= setInterval(() => {
    const tickUs = clock();
    for (const sender of senders) sender.pump(tickUs);
  }, TICK_MS);
  return {};
}

async function hush(limitMs: number): Promise<Answers['hush']> {
  clearInterval(talking);
  talking = undefined;
  for (const sender of senders) sender.hush();
  const unanswered = () => senders.reduce((sum, sender) => sum + sender.unanswered, 0);
  await until(() => unanswered() === 0, limitMs);
  const tops: Record<string, number> = {};
  for (const { room, top } of senders) tops[room] = Math.max(top, tops[room] ?? 0);
  return { tops, unanswered: unanswered() };
}

async function settle(tops: Tops, limitMs: number): Promise<Answers['settle']> {
  const listening = [...clients.values()].filter(
    ({ spec, stalled, gone }) => spec.room !== undefined && spec.role !== 'publisher' && !stalled && !gone,
  );
  const owed = ({ spec, last }: Client) => Math.max(0, (tops[spec.room as string] ?? 0) - last);
  await until(() => listening.every((client) => owed(client) === 0), limitMs);
  for (const client of listening) {
    const missing = owed(client);
    if (missing === 0) continue;
    ledger.lost += missing;
    ledger.fault(`client ${client.spec.id} in ${client.spec.room} lacks the last ${missing}`);
  }
  return ledger.faults();
}

function cut(): Answers['cut'] {
  for (const client of clients.values()) client.destroy();
  clients.clear();
  senders.length = 0;
  return {};
}

function stall(id: number): Answers['stall'] {
  const client = clients.get(id);
  if (client) {
    client.stalled = true;
    client.connection.stall();
  }
  return {};
}

/** Of a connection that the other side ended, whatever lies unread before the end of it. */
function connected(id: number): Answers['connected'] {
  const port = (clients.get(id)?.connection.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return { connected: lines.some((line) => new RegExp(`^ *\\d+: \\w+:${port} \\w+:\\w+ 01 `).test(line)) };
}

async function answer(order: Order): Promise<Answers[Order['do']]> {
  switch (order.do) {
    case 'connect':
      return connect(order);
    case 'talk':
      return talk(order);
    case 'hush':
      return hush(order.limitMs);
    case 'settle':
      return settle(order.tops, order.limitMs);
    case 'mark':
      return ledger.mark(senders.reduce((sum, sender) => sum + sender.backlog(), 0));
    case 'cut':
      return cut();
    case 'stall':
      return stall(order.id);
    case 'connected':
      return connected(order.id);
    case 'pass':
      return passThrough([...clients.values()], order);
  }
}

process.on('message', ({ order, id }: { order: Order; id: number }) => {
  void answer(order).then((value) => process.send?.({ id, value }));
});
process.once('disconnect', () => process.exit(0));
process.send?.({ id: 0 });
