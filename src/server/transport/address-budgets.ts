import {
  createKeyedBuckets,
  createSharedBuckets,
  type Rate,
  type SharedBuckets,
} from '../../chat/rate-limit.ts';
import type { Sized } from '../../sizes.ts';
import { Traffic, type TrafficRates } from './connection-budget.ts';

/**
 * The budget of an address is this multiple of a connection's. It is large because a school or the customers of a carrier share
 * one address. Without it a client would get a new budget with every new connection.
 */
const CONNECTIONS_WORTH = 50;

/** The budgets of the addresses of this worker's clients. */
export interface AddressBudgets {
  readonly says: SharedBuckets;
  readonly signals: SharedBuckets;
  trafficOf(address: string): Traffic;
  /** Number of addresses in memory. */
  readonly size: number;
}

export interface AddressBudgetsDeps {
  readonly rates: TrafficRates;
  readonly rateSay: Rate | undefined;
  readonly rateSignal: Rate | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createAddressBudgets({
  rates,
  rateSay,
  rateSignal,
  now,
}: AddressBudgetsDeps): AddressBudgets & Sized {
  const shared: TrafficRates = {
    events: timesConnections(rates.events),
    bytes: timesConnections(rates.bytes),
  };
  const traffics = createKeyedBuckets(() => new Traffic(shared, now));
  const says = createSharedBuckets(timesConnections(rateSay), now);
  const signals = createSharedBuckets(timesConnections(rateSignal), now);
  return {
    sizes: () => ({ traffics: traffics.size, says: says.size, signals: signals.size }),
    says,
    signals,
    trafficOf: traffics.of,
    get size() {
      return traffics.size;
    },
  };
}

/** The rate of all connections from one address. */
export function timesConnections(rate: Rate | undefined): Rate | undefined {
  return rate && { perMs: rate.perMs * CONNECTIONS_WORTH, burst: rate.burst * CONNECTIONS_WORTH };
}
