import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';

/** What one back end did is remembered for it alone. */
export interface Asker {
  readonly scope: string;
}

/** Who may use what is for back ends and operators. */
export interface ApiGate {
  /**
   * Whose request this is, told by the digest of the key, or why it may not. Nothing of it but its headers is
   * looked at.
   */
  authorize(request: Pick<IncomingMessage, 'headers'>): Outcome<Asker>;
}

const SCOPE_CHARS = 22;

/** Only who has a key, wherever they are. */
export function createApiGate(keys: readonly string[]): ApiGate {
  const digests = keys.map(digestOf);

  /** Of equal length and against every key: the time it takes says neither which was nearly right nor how nearly. */
  function knownDigest(given: string): Buffer | undefined {
    const digest = digestOf(given);
    return digests.filter((known) => timingSafeEqual(known, digest))[0];
  }

  return {
    authorize(request) {
      const given = keysIn(request);
      if (given.length === 0) return refuse('unauthorized', 'an API key must be given');
      // Either header will do: what a proxy put into the one does not hide the other.
      const [known] = given.flatMap((key) => knownDigest(key) ?? []);
      return known === undefined
        ? refuse('unauthorized', 'this is no API key')
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
