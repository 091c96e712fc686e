import {
  createKeyedBuckets,
  createSharedBuckets,
  type Rate,
  type SharedBuckets,
} from '../../chat/rate-limit.ts';
import { Traffic, type TrafficRates } from './connection-budget.ts';

/**
 * What all connections of an address may do together, as a multiple of one connection's: a school, or many customers of a carrier, share
 * one. Without it every new connection is a new budget.
 */
const CONNECTIONS_WORTH = 50;
/** What the addresses of this worker's clients have left. */
export interface AddressBudgets {
  readonly says: SharedBuckets;
  trafficOf(address: string): Traffic;
  /** How many are kept. */
  readonly size: number;
}

export interface AddressBudgetsDeps {
  readonly rates: TrafficRates;
  readonly rateSay: Rate | undefined;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export function createAddressBudgets({ rates, rateSay, now }: AddressBudgetsDeps): AddressBudgets {
  const shared: TrafficRates = {
    events: timesConnections(rates.events),
    bytes: timesConnections(rates.bytes),
  };
  const traffics = createKeyedBuckets(() => new Traffic(shared, now));
  return {
    says: createSharedBuckets(timesConnections(rateSay), now),
    trafficOf: traffics.of,
    get size() {
      return traffics.size;
    },
  };
}

function timesConnections(rate: Rate | undefined): Rate | undefined {
  return rate && { perMs: rate.perMs * CONNECTIONS_WORTH, burst: rate.burst * CONNECTIONS_WORTH };
}
