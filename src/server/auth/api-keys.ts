import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { KeyFailures } from './key-failures.ts';

/** The back end that sends a request. Its idempotency keys and clientMsgIds count within its scope. */
export interface ApiClient {
  readonly scope: string;
}

/** Guards what is for back ends and operators. */
export interface ApiAuthenticator {
  /**
   * Returns whose request this is, by the digest of its key, or why it is refused. Reads nothing but the headers and the address,
   * and compares no key while the address is `rate_limited` for wrong ones.
   */
  authorize(request: IncomingMessage): Outcome<ApiClient>;
  /**
   * Counts the key of a request that is refused. `authorize` cannot: a user's token comes in the same header, and whether that
   * opens the route is known later. A request without a key guesses nothing.
   */
  countFailure(request: IncomingMessage): void;
}

const SCOPE_CHARS = 22;

export function createApiAuthenticator(keys: readonly string[], failures: KeyFailures): ApiAuthenticator {
  const digests = keys.map(digestOf);

  /** Compares digests of equal length with every key, so that the time taken reveals nothing about the keys. */
  function knownDigest(given: string): Buffer | undefined {
    const digest = digestOf(given);
    return digests.filter((known) => timingSafeEqual(known, digest))[0];
  }

  return {
    authorize(request) {
      const given = keysIn(request);
      if (given.length === 0) return refuse('unauthorized', 'an API key must be given');
      const waitMs = failures.waitMs(request);
      if (waitMs > 0) return refuse('rate_limited', 'too many wrong API keys from this address', waitMs);
      // Either header will do: a proxy may have filled one of them with something else.
      const [known] = given.flatMap((key) => knownDigest(key) ?? []);
      return known === undefined
        ? refuse('unauthorized', 'the API key is not valid')
        : succeed({ scope: `key ${known.toString('base64url').slice(0, SCOPE_CHARS)}` });
    },
    countFailure(request) {
      if (keysIn(request).length > 0) failures.count(request);
    },
  };
}

function keysIn({ headers }: Pick<IncomingMessage, 'headers'>): string[] {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const own = headers['x-api-key'];
  return [bearer, own].filter((key) => typeof key === 'string');
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
