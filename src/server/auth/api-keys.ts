import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';

/** The back end that sends a request. Its idempotency keys and clientMsgIds count within its scope. */
export interface ApiClient {
  readonly scope: string;
}

/** Guards what is for back ends and operators. */
export interface ApiAuthenticator {
  /**
   * Returns whose request this is, by the digest of its key, or why it is refused. Reads nothing but the headers.
   */
  authorize(request: Pick<IncomingMessage, 'headers'>): Outcome<ApiClient>;
}

const SCOPE_CHARS = 22;

export function createApiAuthenticator(keys: readonly string[]): ApiAuthenticator {
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
      // Either header will do: a proxy may have filled one of them with something else.
      const [known] = given.flatMap((key) => knownDigest(key) ?? []);
      return known === undefined
        ? refuse('unauthorized', 'the API key is not valid')
        : succeed({ scope: `key ${known.toString('base64url').slice(0, SCOPE_CHARS)}` });
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
