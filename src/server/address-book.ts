import { createSharedBuckets, type Rate, type SharedBuckets } from '../chat/rate-limit.ts';
import { Traffic, type TrafficRates } from './link-budget.ts';

/**
 * What all links of an address may do together, as a multiple of one link's: a school, or many customers of a carrier, share
 * one. Without it every new link is a new budget.
 */
const LINKS_WORTH = 50;
/** As many are kept before those among them are looked for that are as good as new. */
const KEPT_UNSEEN = 1_000;

/** What the addresses of this worker's clients have left. */
export interface AddressBook {
  readonly says: SharedBuckets;
  trafficOf(address: string): Traffic;
  /** How many are kept. */
  readonly size: number;
}

export interface AddressBookDeps {
  readonly rates: TrafficRates;
  readonly rateSay: Rate | undefined;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export function createAddressBook({ rates, rateSay, now }: AddressBookDeps): AddressBook {
  const shared: TrafficRates = { events: timesLinks(rates.events), bytes: timesLinks(rates.bytes) };
  const traffics = new Map<string, Traffic>();
  let sweepAt = KEPT_UNSEEN;

  function sweep(): void {
    for (const [address, traffic] of traffics) if (traffic.isFull) traffics.delete(address);
    sweepAt = Math.max(KEPT_UNSEEN, traffics.size * 2);
  }

  return {
    says: createSharedBuckets(timesLinks(rateSay), now),
    trafficOf(address) {
      const known = traffics.get(address);
      if (known) return known;
      if (traffics.size >= sweepAt) sweep();
      const traffic = new Traffic(shared, now);
      traffics.set(address, traffic);
      return traffic;
    },
    get size() {
      return traffics.size;
    },
  };
}

function timesLinks(rate: Rate | undefined): Rate | undefined {
  return rate && { perMs: rate.perMs * LINKS_WORTH, burst: rate.burst * LINKS_WORTH };
}
