import { eventually } from '../support/eventually.ts';
import type { LeakStage } from './waves.ts';

/** Collections that hold something although nobody is there, for both workers: as many as there are of a thing, or a cache's bound. */
const USUAL: Readonly<Record<string, number>> = {
  // Namespaces, instances, addresses.
  'primary.backend.roster.directory.listed': 1,
  'primary.backend.roster.connections.tagsOf': 2,
  'worker.backend.roster.living.listed': 4,
  'worker.chat.edge.traffic.addresses.kinds': 2,
  // Both workers hear of everybody. A worker looks for full buckets once it has more than 1,000, or twice those that were not
  // full then: the members of a wave and of the one before it.
  'worker.chat.edge.delivery.presenceThrottle.userBuckets': 8_000,
  'worker.chat.edge.delivery.presenceThrottle.roomBuckets': 4_000,
  'worker.chat.people.logins.bindings.buckets': 4_000,
  'worker.chat.newRooms.ofAddress': 4_000,
  'worker.chat.context.storageBudget.users': 4_000,
  'worker.chat.context.storageBudget.addresses': 4_000,
};

export interface Leaked {
  /** `name: before → after` of the collections that hold more than before the first client. */
  readonly grown: readonly string[];
  /** The heap after the last wave over that after the first one, of the primary and of each worker. */
  readonly heapRatios: readonly number[];
  readonly heapMegabytes: readonly number[];
}

/** Sends waves of clients, and looks what stays behind them once all is quiet. */
export async function leakedBy(stage: LeakStage, waves: number, clients: number): Promise<Leaked> {
  const before = await stage.sizes();
  await stage.wave(clients);
  const first = await stage.heapBytes();
  for (let wave = 2; wave <= waves; wave += 1) await stage.wave(clients);
  // Channels, departures and connections that end linger for seconds.
  const grown = await eventually(async () => {
    const found = grownSince(before, await stage.sizes());
    if (found.length > 0) throw new Error(found.join(', '));
    return found;
  }).catch((error: Error) => error.message.split(', '));
  const last = await stage.heapBytes();
  return {
    grown,
    heapRatios: last.map((bytes, index) => bytes / (first[index] as number)),
    heapMegabytes: last.map((bytes) => Math.round(bytes / 1e5) / 10),
  };
}

function grownSince(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(after).flatMap(([name, size]) => {
    const usual = USUAL[name] ?? before[name] ?? 0;
    return size > usual ? [`${name}: ${before[name] ?? 0} → ${size}`] : [];
  });
}
