import {
  createKeyedBuckets,
  createSharedBuckets,
  type Rate,
  type SharedBuckets,
} from '../../chat/rate-limit.ts';
import { Traffic, type TrafficRates } from './link-budget.ts';

/**
 * What all links of an address may do together, as a multiple of one link's: a school, or many customers of a carrier, share
 * one. Without it every new link is a new budget.
 */
const LINKS_WORTH = 50;
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
  const traffics = createKeyedBuckets(() => new Traffic(shared, now));
  return {
    says: createSharedBuckets(timesLinks(rateSay), now),
    trafficOf: traffics.of,
    get size() {
      return traffics.size;
    },
  };
}

function timesLinks(rate: Rate | undefined): Rate | undefined {
  return rate && { perMs: rate.perMs * LINKS_WORTH, burst: rate.burst * LINKS_WORTH };
}
