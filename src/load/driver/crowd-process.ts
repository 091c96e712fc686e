/** A process full of clients; what it is asked to do and answers stands in orders.ts. */
import { readFileSync } from 'node:fs';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { createRandom } from '../random.ts';
import type { Client } from './client.ts';
import { createClock } from './clock.ts';
import { DialectFault } from './dialect-module.ts';
import { openDialect } from './dialects.ts';
import { Ledger, record } from './ledger.ts';
import type { Answers, ConnectOrder, Order, RateOrder, TalkOrder, Tops } from './orders.ts';
import { passThrough } from './passing.ts';
import { createPopulation, type Population } from './population.ts';
import { createPrivateCheck, type PrivateCheck } from './private-messages.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import type { Sender } from './sender.ts';
import { listMembers, settle, until } from './settling.ts';
import { createSources } from './sources.ts';
import { createTextSizes } from './text-sizes.ts';

const READ_BYTES = 262_144;
const TICK_MS = 1;

const clock = createClock();
const ledger = new Ledger();
const buffer = Buffer.allocUnsafe(READ_BYTES);
const sources = createSources(process.pid);
const clients = new Map<number, Client>();
const populations: Population[] = [];
const senders: Sender[] = [];
/** Those that talk at a rate of their own. */
let talking: readonly Sender[] = [];
let privateCheck: PrivateCheck | undefined;
let schedule: Schedule | undefined;
let ticking: NodeJS.Timeout | undefined;
let lastTickUs = 0;
let isSettled = false;

async function connect(order: ConnectOrder) {
  const dialect = await openDialect(order.dialectName);
  const random = createRandom((order.seed ?? 0) + (order.clients[0]?.id ?? 0));
  const nextTextBytes = createTextSizes(order.talk, random.fraction());
  const { namePrefix } = order;
  if (namePrefix !== undefined && dialect.sayPrivately !== undefined) {
    privateCheck = createPrivateCheck({
      dialect,
      ledger,
      clock,
      nextTextBytes,
      nameOf: (id) => `${namePrefix}${id}`,
    });
  }
  const population = createPopulation({
    order,
    dialect,
    ledger,
    buffer,
    clock,
    sources,
    random,
    privateCheck,
    nextTextBytes,
  });
  populations.push(population);
  const connecting = population.connect();
  for (const client of population.members.clients) clients.set(client.spec.id, client);
  senders.push(...population.members.senders);
  const { joined, tookMs, joinUs } = await connecting;
  const missing = order.clients.length - joined;
  if (missing > 0) ledger.fault(`${missing} of ${order.clients.length} did not get in`);
  return { joined, tookMs, joinUs: encodeIntoCompressedBase64(joinUs) };
}

function tick(): void {
  const nowUs = clock();
  if (lastTickUs > 0) {
    const lateUs = nowUs - lastTickUs - TICK_MS * 1e3;
    // A loop that stood for 100 ms was late for everything of those 100 ms.
    record(ledger.loopDelayUs, lateUs, Math.max(1, Math.round(lateUs / 1e3)));
  }
  lastTickUs = nowUs;
  for (const sender of talking) sender.pump(nowUs);
  schedule?.pump(nowUs);
}

function startTicking(): void {
  lastTickUs = 0;
  ticking ??= setInterval(tick, TICK_MS);
}

function talk({ perSecond, unacked, rooms }: TalkOrder): Answers['talk'] {
  const chosen = senders.filter(({ room }) => rooms === undefined || rooms.includes(room));
  talking = senders;
  const nowUs = clock();
  // Spread over one interval: rooms do not all speak in the same moment.
  for (const [index, sender] of chosen.entries()) {
    sender.talk(perSecond, unacked, nowUs + (index / chosen.length) * (1e6 / perSecond));
  }
  startTicking();
  return {};
}

function rate(order: RateOrder): Answers['rate'] {
  endSchedule();
  const random = createRandom(order.perSecond * 1_000 + (clients.keys().next().value ?? 0));
  schedule = createSchedule({
    clock,
    ledger,
    random,
    senders,
    clients: [...clients.values()],
    privateCheck,
    churn: () => random.one(populations)?.churn(),
    order,
  });
  startTicking();
  return {};
}

const unanswered = () => senders.reduce((sum, sender) => sum + sender.unanswered, 0);
/** Private messages wait for their answers as others do. */
const isAllAnswered = () =>
  unanswered() === 0 && ![...clients.values()].some(({ unansweredAsks }) => unansweredAsks > 0);

function endSchedule(): void {
  const nowUs = clock();
  schedule?.pump(nowUs);
  ledger.unsaid += schedule?.backlog(nowUs) ?? 0;
  schedule = undefined;
}

async function pause(limitMs: number): Promise<Answers['pause']> {
  endSchedule();
  await until(isAllAnswered, limitMs);
  // An answer may come before the message: what the driver numbers itself can be waited for.
  const everyone = [...clients.values()];
  await until(() => everyone.every((client) => client.lacks(0) === 0), limitMs);
  return {};
}

async function stop(limitMs: number): Promise<Answers['stop']> {
  clearInterval(ticking);
  ticking = undefined;
  endSchedule();
  talking = [];
  for (const sender of senders) sender.stop();
  for (const population of populations) population.stopDialling();
  await until(isAllAnswered, limitMs);
  const tops = populations.flatMap((population) => population.members.tops());
  return { tops, unanswered: unanswered() };
}

async function settled(tops: Tops, limitMs: number): Promise<Answers['settle']> {
  const { overdue, absent } = await settle({
    clients: [...clients.values()],
    returning: populations.some((population) => population.returning),
    tops,
    privateCheck,
    limitMs,
  });
  isSettled = true;
  const reordered = populations.map((population) => population.members.reordered());
  const replaced = populations.reduce((sum, population) => sum + population.members.replaced(), 0);
  if (replaced > 0)
    ledger.findings.add('lost', () => `others came in the place of ${replaced} acked messages`, replaced);
  return {
    ...ledger.faults(),
    wrong: { ...ledger.findings.counts },
    findings: ledger.findings.kept,
    uncompared: populations.reduce((sum, population) => sum + population.members.uncompared(), 0),
    overdue,
    absent,
    ...(reordered.some((count) => count !== undefined) && {
      reordered: reordered.reduce<number>((sum, count = 0) => sum + count, 0),
    }),
  };
}

function cut(): Answers['cut'] {
  for (const population of populations) population.close();
  populations.length = 0;
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

/** Asks the kernel: a client that reads nothing does not notice that the other side has ended its connection. */
function connected(id: number): Answers['connected'] {
  const port = (clients.get(id)?.connection.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return { connected: lines.some((line) => new RegExp(`^ *\\d+: \\w+:${port} \\w+:\\w+ 01 `).test(line)) };
}

function backlog(): number {
  const own = senders.reduce((sum, sender) => sum + sender.backlog(), 0);
  return own + (schedule?.backlog(clock()) ?? 0);
}

async function answer(order: Order): Promise<Answers[Order['do']]> {
  switch (order.do) {
    case 'connect':
      return connect(order);
    case 'talk':
      return talk(order);
    case 'rate':
      return rate(order);
    case 'pause':
      return pause(order.limitMs);
    case 'stop':
      return stop(order.limitMs);
    case 'settle':
      return settled(order.tops, order.limitMs);
    case 'mark':
      return ledger.mark(
        backlog(),
        populations.flatMap((population) => population.members.takeBlocks(isSettled)),
      );
    case 'members':
      return listMembers([...clients.values()], order.rooms, order.limitMs);
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
// Ctrl-C or the end of a terminal reaches the whole group: the parent ends the run in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// A dialect of the user's own may throw anywhere; neither the server nor the driver is to blame.
process.on('uncaughtException', (error) => {
  if (error instanceof DialectFault) process.send?.({ fault: error.message });
  else {
    process.stderr.write(`${error.stack}\n`, () => process.exit(1));
  }
});
process.once('disconnect', () => process.exit(0));
process.send?.({ id: 0 });
