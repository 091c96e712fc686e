import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { openRawClient } from '../support/raw-client.ts';
import type { System } from '../support/system.ts';

/*
 * Looks for what costs the server most processor time per byte that a client sends: for each kind of input it takes the one
 * that cost most so far, changes its sizes, and keeps the change if that costs more. Of each input it measures, too, what the
 * processes hold for its senders once all is answered and while they stay: heap and buffers after a collection.
 */

/** The sizes of an input, which the search changes. */
interface Sizes {
  /** Events behind each other on each connection. */
  readonly events: number;
  readonly textBytes: number;
  readonly depth: number;
  readonly keys: number;
}

type Kind = readonly [
  name: string,
  payloadOf: (sizes: Sizes, n: number) => readonly [event: string, payload: unknown],
];

function nested(depth: number, keys: number): unknown {
  let inner: unknown = Object.fromEntries(Array.from({ length: keys }, (_, key) => [`k${key}`, key]));
  for (let level = 0; level < depth; level += 1) inner = [inner];
  return inner;
}

const KINDS: readonly Kind[] = [
  ['say', ({ textBytes }, n) => ['say', { text: `${n}`.padEnd(textBytes, 'a') }]],
  ['say with data', ({ depth, keys }) => ['say', { data: nested(depth, keys) }]],
  ['join of new rooms', (_, n) => ['join', { roomid: `cost ${process.hrtime.bigint()}.${n}` }]],
  ['join of the same room', () => ['join', { roomid: 'cost', history: 200 }]],
  ['room:history', () => ['room:history', { roomid: 'cost', limit: 200 }]],
  ['room:members', () => ['room:members', { roomid: 'cost' }]],
  ['rooms:mine', () => ['rooms:mine', {}]],
  ['inbox:list', () => ['inbox:list', {}]],
  ['private', ({ textBytes }, n) => ['private', { to: `cost ${n}`, text: 'a'.repeat(textBytes) }]],
  ['todo', ({ depth, keys }) => ['todo', { receiver_id: 'cost', data: nested(depth, keys) }]],
  ['edit', () => ['edit', { roomid: 'cost', seq: 1, text: 'a' }]],
  ['react', (_, n) => ['react', { roomid: 'cost', seq: 1, reaction: 'a', on: n % 2 === 0 }]],
  ['typing', () => ['typing', { roomid: 'cost', on: true }]],
  ['signal', ({ depth, keys }) => ['signal', { roomid: 'cost', name: 'a', data: nested(depth, keys) }]],
  ['unknown event', ({ depth, keys }) => ['nothing', nested(depth, keys)]],
  ['reconnect', () => ['leave', {}]],
];

const FIRST: Sizes = { events: 40, textBytes: 16, depth: 1, keys: 1 };
const MOST: Sizes = { events: 320, textBytes: 8_192, depth: 4_000, keys: 4_000 };
const CONNECTIONS = 4;
/** So many events that what they leave exceeds what the heap of a process changes by itself, 0.1 MB. */
const HOLDING_EVENTS = 1_600;
const MOST_HOLDING_CONNECTIONS = 40;
/** The address, the headers and the answer of a handshake. */
const CONNECT_BYTES = 600;
/** The kernel counts in ticks of 10 ms, so an input is repeated until it took so much. */
const LEAST_CPU_MS = 150;
const MOST_REPEATS = 12;
const TICK_MS = 10;

export interface Cost {
  readonly kind: string;
  readonly sizes: Sizes;
  readonly cpuMsPerKilobyte: number;
  /** The most of all sizes that were tried. */
  readonly heldBytesPerByte: number;
}

export interface CostOptions {
  readonly seed: number;
  /** Changes that are tried of each kind. */
  readonly steps: number;
  readonly pids: readonly number[];
  /** CPU that the processes take when nobody attacks, per ms. */
  readonly idleShare: number;
  /** The bytes that all processes hold after a collection. */
  readonly heldBytes: () => Promise<number>;
  readonly onMeasured: () => void;
  /** A kind was measured in all sizes. */
  readonly onFound: (dearest: Cost) => void;
}

/** The dearest input found of each kind, the dearest of all first. */
export async function findCosts(system: System, options: CostOptions): Promise<Cost[]> {
  const found: Cost[] = [];
  for (const kind of KINDS) {
    let dearest = await costOf(system, kind, FIRST, options);
    let { heldBytesPerByte } = dearest;
    const changes = fc.sample(
      fc.record({
        field: fc.constantFrom<keyof Sizes>('events', 'textBytes', 'depth', 'keys'),
        factor: fc.constantFrom(0.25, 4, 16),
      }),
      { seed: options.seed, numRuns: options.steps },
    );
    for (const { field, factor } of changes) {
      const size = Math.min(MOST[field], Math.max(1, Math.round(dearest.sizes[field] * factor)));
      const tried = await costOf(system, kind, { ...dearest.sizes, [field]: size }, options);
      heldBytesPerByte = Math.max(heldBytesPerByte, tried.heldBytesPerByte);
      if (tried.cpuMsPerKilobyte > dearest.cpuMsPerKilobyte) dearest = tried;
    }
    const cost = { ...dearest, heldBytesPerByte };
    options.onFound(cost);
    found.push(cost);
  }
  return found.sort((one, other) => other.cpuMsPerKilobyte - one.cpuMsPerKilobyte);
}

async function costOf(system: System, kind: Kind, sizes: Sizes, options: CostOptions): Promise<Cost> {
  const { pids, idleShare, onMeasured } = options;
  const before = cpuMs(pids);
  const startedAt = performance.now();
  let bytes = 0;
  const spent = () => cpuMs(pids) - before - idleShare * (performance.now() - startedAt);
  for (let repeat = 0; repeat < MOST_REPEATS && spent() < LEAST_CPU_MS; repeat += 1) {
    bytes += await send(system, kind, sizes, CONNECTIONS);
  }
  const cpuMsPerKilobyte = Math.max(0, spent()) / (bytes / 1_024);
  const heldBytesPerByte = await heldFor(system, kind, sizes, options);
  onMeasured();
  // The work that the last input left is not the next one's.
  await pause(100);
  return { kind: kind[0], sizes, cpuMsPerKilobyte, heldBytesPerByte };
}

async function heldFor(
  system: System,
  kind: Kind,
  sizes: Sizes,
  { heldBytes }: CostOptions,
): Promise<number> {
  const connections = Math.min(
    MOST_HOLDING_CONNECTIONS,
    Math.max(CONNECTIONS, Math.ceil(HOLDING_EVENTS / sizes.events)),
  );
  const before = await heldBytes();
  let after = before;
  const bytes = await send(system, kind, sizes, connections, async () => {
    after = await heldBytes();
  });
  return Math.max(0, after - before) / bytes;
}

/** Answers how many bytes the connections sent. They stay until all is answered and `whileThere` is done. */
async function send(
  system: System,
  [name, payloadOf]: Kind,
  sizes: Sizes,
  connections: number,
  whileThere: () => Promise<void> = async () => undefined,
): Promise<number> {
  let bytes = connections * CONNECT_BYTES;
  const clients = Array.from({ length: connections }, (_, index) => {
    const url = system.workerUrls[index % system.workerUrls.length] as string;
    return openRawClient(url, { query: { roomid: 'cost', username: `Cost ${index}` } });
  });
  const answered = clients.map(async (client) => {
    await Promise.race([client.hear('joined'), client.ended]);
    const asked = Array.from({ length: name === 'reconnect' ? 1 : sizes.events }, (_, n) => {
      const [event, payload] = payloadOf(sizes, n);
      bytes += JSON.stringify([event, payload]).length + 8;
      return client.ask(event, payload as object);
    });
    // An input over a limit ends the connection, unanswered.
    await Promise.all(asked);
  });
  await Promise.all(answered);
  await whileThere();
  for (const client of clients) client.close();
  await Promise.all(clients.map(({ ended }) => ended));
  return bytes;
}

/** User and system time of the processes. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }, 0);
}
