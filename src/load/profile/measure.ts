import type { Reading } from './metrics-page.ts';
import type { Measures } from './profile.ts';

export interface Sample {
  readonly first: Reading;
  readonly last: Reading;
  /** From the one to the other. */
  readonly sampledMs: number;
  /** The clients of each room. */
  readonly rooms: readonly number[];
}

/** The measures of the time between two readings. Undefined if a host has started again meanwhile. */
export function measure({ first, last, sampledMs, rooms }: Sample): Measures | undefined {
  const counters = ['said', 'saidPrivately', 'delivered', 'connected', 'disconnected', 'textBytes'] as const;
  if (counters.some((name) => last[name] < first[name])) return undefined;
  const hasFallen = (before: readonly number[], after: readonly number[] = []) =>
    before.some((count, at) => (after[at] ?? 0) < count);
  if (first.byHost.some((before, host) => hasFallen(before, last.byHost[host]))) return undefined;
  const perS = (name: (typeof counters)[number]) => ((last[name] - first[name]) / sampledMs) * 1_000;
  const clients = (first.clients + last.clients) / 2;
  const polling = (first.pollingClients + last.pollingClients) / 2;
  const texts = new Map([...last.texts].map(([upTo, count]) => [upTo, count - (first.texts.get(upTo) ?? 0)]));
  const all = texts.get(Number.POSITIVE_INFINITY) ?? 0;
  return {
    clients,
    pollingShare: clients === 0 ? 0 : Math.min(1, polling / clients),
    saysPerS: perS('said'),
    privatePerS: perS('saidPrivately'),
    deliveriesPerS: perS('delivered'),
    connectsPerS: perS('connected'),
    disconnectsPerS: perS('disconnected'),
    texts: {
      meanBytes: all === 0 ? 0 : (last.textBytes - first.textBytes) / all,
      buckets: bucketsOf(texts, all),
    },
    rooms: curveOf(rooms),
  };
}

function bucketsOf(texts: ReadonlyMap<number, number>, all: number): Measures['texts']['buckets'] {
  if (all === 0) return [];
  let before = 0;
  return [...texts]
    .sort(([one], [other]) => one - other)
    .map(([upTo, count]) => {
      const own = count - before;
      before = count;
      return { upTo: Number.isFinite(upTo) ? upTo : null, share: Math.max(0, own) / all };
    });
}

function curveOf(rooms: readonly number[]): Measures['rooms'] {
  const counts = new Map<number, number>();
  for (const clients of rooms) if (clients > 0) counts.set(clients, (counts.get(clients) ?? 0) + 1);
  return [...counts]
    .sort(([one], [other]) => other - one)
    .map(([clients, times]) => ({ clients, rooms: times }));
}
