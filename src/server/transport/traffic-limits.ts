import type { Logger } from 'pino';
import type { Rate, SharedBuckets } from '../../chat/rate-limit.ts';
import { JSON_BYTES_PER_TEXT_BYTE } from '../../protocol/limits.ts';
import { createAddressBook } from './address-book.ts';
import { createClientAddresses } from './client-address.ts';
import { type ConnectLimit, createConnectLimit } from './connect-limit.ts';
import type { LinkInternals } from './link-internals.ts';
import { createLinkLimits, type LinkLimits } from './link-limits.ts';

/** In an event beside its free-form data: of its own fields, and of some that no longer or not yet have a meaning. */
const OTHER_ELEMENTS = 1_024;

export interface TrafficSettings {
  readonly rateSay: Rate | undefined;
  /** Events of any kind, and bytes, of one link. */
  readonly rateEvents: Rate | undefined;
  readonly rateBytes: Rate | undefined;
  /** Links opened by one address. */
  readonly rateConnect: Rate | undefined;
  readonly trustProxy: readonly string[] | undefined;
}

/** What clients may send, by link and by address. */
export interface TrafficLimits {
  readonly connectLimit: ConnectLimit;
  readonly sayOfAddress: SharedBuckets;
  readonly links: LinkLimits;
}

export interface TrafficLimitsDeps extends TrafficSettings {
  /** Called when the first link opens. */
  readonly internals: () => LinkInternals;
  readonly namespaces: number;
  readonly maxTextBytes: number;
  readonly log: Logger;
}

export function createTrafficLimits(deps: TrafficLimitsDeps): TrafficLimits {
  const { rateSay, internals, log } = deps;
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
  const book = createAddressBook({ rates, rateSay, now });
  const connectLimit = createConnectLimit({ rate: deps.rateConnect, addresses, now });
  const links = createLinkLimits({
    links: {
      inspectPosts: (link, accept) => internals().inspectPosts(link, accept),
      streamOf: (link) => internals().streamOf(link),
      terminateTransport: (transport) => internals().terminateTransport(transport),
      pauseReading: (link) => internals().pauseReading(link),
      terminate: (link) => internals().terminate(link),
    },
    rates,
    addresses,
    book,
    connectLimit,
    namespaces: deps.namespaces,
    maxElements: JSON_BYTES_PER_TEXT_BYTE * deps.maxTextBytes + OTHER_ELEMENTS,
    now,
    random: Math.random,
  });
  return { connectLimit, sayOfAddress: book.says, links };
}
