import type { Logger } from 'pino';
import type { Rate, SharedBuckets } from '../../chat/rate-limit.ts';
import { JSON_BYTES_PER_TEXT_BYTE } from '../../protocol/limits.ts';
import type { Sized } from '../../sizes.ts';
import { createAddressBudgets } from './address-budgets.ts';
import { type ClientAddresses, createClientAddresses } from './client-address.ts';
import { type ConnectLimit, createConnectLimit } from './connect-limit.ts';
import { type ConnectionLimits, createConnectionLimits } from './connection-limits.ts';
import type { ConnectionInternals } from './private-members.ts';
import type { ReadThrottle } from './read-throttle.ts';

/** Elements of an event outside its free-form data: its fields, and those of older or newer clients. */
const OTHER_ELEMENTS = 1_024;

export interface TrafficSettings {
  readonly rateSay: Rate | undefined;
  readonly rateSignal: Rate | undefined;
  /** Limits of one connection: events of any kind, and bytes. */
  readonly rateEvents: Rate | undefined;
  readonly rateBytes: Rate | undefined;
  /** Limit of one address: connections it opens. */
  readonly rateConnect: Rate | undefined;
  readonly trustProxy: readonly string[] | undefined;
}

/** All limits on what clients send, by connection and by address. */
export interface TrafficLimits {
  readonly addresses: Pick<ClientAddresses, 'personal'>;
  readonly connectLimit: ConnectLimit;
  readonly sayOfAddress: SharedBuckets;
  readonly signalOfAddress: SharedBuckets;
  readonly connections: ConnectionLimits;
}

export interface TrafficLimitsDeps extends TrafficSettings {
  /** Called at the first connection, not earlier. */
  readonly internals: () => ConnectionInternals;
  readonly throttle: ReadThrottle;
  readonly namespaces: number;
  readonly maxTextBytes: number;
  readonly log: Logger;
}

export function createTrafficLimits(deps: TrafficLimitsDeps): TrafficLimits & Sized {
  const { rateSay, rateSignal, internals, log } = deps;
  const rates = { events: deps.rateEvents, bytes: deps.rateBytes };
  const now = () => performance.now();
  const addresses = createClientAddresses({
    trustProxy: deps.trustProxy,
    onStranger: (proxy) =>
      log.warn({ proxy }, 'clients come through a proxy that TRUST_PROXY does not name: no limit by address'),
    onIgnored: (address) =>
      log.warn(
        { address },
        'X-Forwarded-For or the like of a public address ignored: TRUST_PROXY does not name it',
      ),
  });
  const addressBudgets = createAddressBudgets({ rates, rateSay, rateSignal, now });
  const connectLimit = createConnectLimit({ rate: deps.rateConnect, addresses, now });
  const connections = createConnectionLimits({
    internals: {
      inspectPosts: (connection, accept) => internals().inspectPosts(connection, accept),
      parsedBytes: (connection) => internals().parsedBytes(connection),
      streamOf: (connection) => internals().streamOf(connection),
      terminateTransport: (transport) => internals().terminateTransport(transport),
      pauseReading: (connection) => internals().pauseReading(connection),
      terminate: (connection) => internals().terminate(connection),
    },
    throttle: deps.throttle,
    rates,
    addresses,
    addressBudgets,
    connectLimit,
    namespaces: deps.namespaces,
    maxElements: JSON_BYTES_PER_TEXT_BYTE * deps.maxTextBytes + OTHER_ELEMENTS,
    now,
    random: Math.random,
  });
  const { says: sayOfAddress, signals: signalOfAddress } = addressBudgets;
  return {
    sizes: () => ({
      addresses: addresses.sizes(),
      addressBudgets: addressBudgets.sizes(),
      connectLimit: connectLimit.sizes(),
      connections: connections.sizes(),
    }),
    addresses,
    connectLimit,
    sayOfAddress,
    signalOfAddress,
    connections,
  };
}
