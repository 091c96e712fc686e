import { expect, it } from 'vitest';
import { type ConnectQueue, KEEP_SHARED_PLACE_MS } from '../../src/chat/connect-queue.ts';
import { createRandom } from '../../src/load/random.ts';
import { granted } from './peers.ts';

/*
 * A crowd that comes back after a mass disconnect, in simulated time: the queue's clock is set to the time of each knock. The
 * result does not depend on the machine, so a queue of minutes takes seconds.
 */

/** `obeys`: like the SDK. `ignores`: like stock clients, which knock at their own times. `unknown`: the same, without a key. */
type Kind = 'obeys' | 'ignores' | 'unknown';

interface Entered {
  readonly client: number;
  readonly kind: Kind;
  /** The first time that it was told, 0 if it was let in at once. */
  readonly toldMs: number;
  readonly atMs: number;
  /** So many times it was told to come back. */
  readonly refusals: number;
}

interface Simulation {
  /** Sets the clock of the queue, ms. */
  readonly setClock: (ms: number) => Promise<void> | void;
  readonly queue: ConnectQueue;
  readonly kinds: readonly Kind[];
  /** All clients knock first within so many ms. */
  readonly arriveMs: number;
  readonly random: () => number;
}

/** Socket.IO's defaults: `reconnectionDelay` 1 s, doubled up to 5 s, each half as much more or less. */
const STOCK_MS = [1_000, 5_000] as const;
const STOCK_JITTER = 0.5;
/** The most that the SDK adds at random to the time that it was told. */
const SDK_SPREAD_MS = 1_000;

async function simulate({ setClock, queue, kinds, arriveMs, random }: Simulation): Promise<Entered[]> {
  const knocks = kinds.map((kind, client) => ({
    client,
    kind,
    atMs: random() * arriveMs,
    toldMs: 0,
    refusals: 0,
  }));
  const entered: Entered[] = [];
  while (knocks.length > 0) {
    const next = knocks.reduce((first, knock) => (knock.atMs < first.atMs ? knock : first));
    await setClock(next.atMs);
    const { client, kind } = next;
    const waitMs = granted(await queue.enter(kind === 'unknown' ? undefined : `client ${client}`));
    if (waitMs === 0) {
      entered.push(next);
      knocks.splice(knocks.indexOf(next), 1);
      continue;
    }
    if (next.refusals === 0) next.toldMs = next.atMs + waitMs;
    next.refusals += 1;
    next.atMs += kind === 'obeys' ? waitMs + random() * SDK_SPREAD_MS : stockDelayMs(next.refusals, random);
  }
  return entered;
}

function stockDelayMs(tries: number, random: () => number): number {
  const delayMs = Math.min(STOCK_MS[0] * 2 ** (tries - 1), STOCK_MS[1]);
  return delayMs * (1 - STOCK_JITTER + 2 * STOCK_JITTER * random());
}

export interface QueueClock {
  readonly queue: ConnectQueue;
  readonly setClock: Simulation['setClock'];
}

const PER_S = 10;
/** The queue begins a minute and more long. */
const CROWD = 650;
const WINDOW_S = 10;
const ARRIVE_MS = 1_500;

/** RATE_ADMIT in a queue of more than a minute. `open` opens a queue of this rate. */
export function longQueueContract(open: (perS: number) => Promise<QueueClock>): void {
  async function enterCrowd(kinds: readonly Kind[], size = CROWD) {
    const opened = await open(PER_S);
    const { below } = createRandom(1);
    const random = () => below(1_000_000) / 1_000_000;
    const crowd = Array.from({ length: size }, (_, n) => kinds[n % kinds.length] as Kind);
    return { ...opened, entered: await simulate({ ...opened, kinds: crowd, arriveMs: ARRIVE_MS, random }) };
  }

  it('comes in within a tenth of the budget in every ten seconds, each client at its own time', async () => {
    const { entered } = await enterCrowd(['obeys', 'ignores']);
    const windows = sharesOf(entered);
    // Stock clients are late at first: their own times lie behind their places.
    for (const share of windows.slice(1, 6)) expect(share).toBeGreaterThan(0.9);
    for (const share of windows) expect(share).toBeLessThan(1.1);
    // Clients that ignore their times come in no earlier, and take nobody's place.
    for (const { kind, toldMs, atMs, refusals } of entered) {
      expect(atMs).toBeGreaterThanOrEqual(toldMs - 1);
      if (kind === 'obeys') expect(refusals).toBeLessThanOrEqual(1);
    }
  });

  it('comes in within a tenth of the budget over a minute, a fifth of it without keys', async () => {
    const { entered } = await enterCrowd(['obeys', 'obeys', 'ignores', 'ignores', 'unknown']);
    const windows = sharesOf(entered);
    expect(windows.slice(0, 6).reduce((sum, share) => sum + share / 6, 0)).toBeGreaterThan(0.9);
    for (const share of windows) expect(share).toBeLessThan(1.1);
  });

  it('leaves no queue behind, though its clients without keys took places again and again', async () => {
    const { entered, queue, setClock } = await enterCrowd(['unknown'], CROWD / 2);
    const lastMs = Math.max(...entered.map(({ atMs }) => atMs));
    await setClock(lastMs + KEEP_SHARED_PLACE_MS + 1_000);
    expect(granted(await queue.enter('a newcomer'))).toBe(0);
  });
}

/** By windows of ten seconds, what came in as a share of the budget. */
function sharesOf(entered: readonly Entered[]): number[] {
  const counts: number[] = [];
  for (const { atMs } of entered) {
    const window = Math.floor(atMs / 1_000 / WINDOW_S);
    counts[window] = (counts[window] ?? 0) + 1;
  }
  return counts.map((count) => count / WINDOW_S / PER_S);
}
