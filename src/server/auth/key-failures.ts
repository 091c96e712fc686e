import type { IncomingMessage } from 'node:http';
import { createSharedBuckets, type Rate } from '../../chat/rate-limit.ts';
import type { Sized } from '../../sizes.ts';
import type { ClientAddresses } from '../transport/client-address.ts';

/** Wrong keys of one address on this worker. It forgives an operator some mistakes, and is far too little to guess a key. */
const RATE: Rate = { perMs: 10 / 60_000, burst: 20 };

/**
 * Wrong API keys by address. An address that many people may share unseen has no limit: a stranger behind the same proxy could
 * shut the back ends out. So neither has this machine, where the operator's page sends its keys from.
 */
export interface KeyFailures {
  /** Returns 0, or the ms until a key of the request's address is compared again. */
  waitMs(request: IncomingMessage): number;
  /** The request had a wrong key. */
  count(request: IncomingMessage): void;
}

export interface KeyFailuresDeps {
  readonly addresses: Pick<ClientAddresses, 'personal'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createKeyFailures({ addresses, now }: KeyFailuresDeps): KeyFailures & Sized {
  const buckets = createSharedBuckets(RATE, now);

  return {
    sizes: () => ({ buckets: buckets.size }),
    waitMs(request) {
      const address = addresses.personal(request);
      return address === undefined ? 0 : buckets.peek(address);
    },
    count(request) {
      const address = addresses.personal(request);
      if (address !== undefined) buckets.take(address);
    },
  };
}
