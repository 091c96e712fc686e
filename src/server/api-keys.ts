import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { isLocalProgram } from './local-programs.ts';

/** What one back end did is remembered for it alone. */
export interface Asker {
  readonly scope: string;
}

/** Who may use what is for back ends and operators. */
export interface ApiGate {
  /** A key is asked for. */
  readonly keyed: boolean;
  /**
   * Whose request this is, told by the digest of the key, or why it may not. Nothing of it but its address and headers
   * is looked at.
   */
  authorize(request: Pick<IncomingMessage, 'socket' | 'headers'>): Outcome<Asker>;
}

const SCOPE_CHARS = 22;

/** Without keys the programs of this machine may. With keys only who has one, wherever they are. */
export function createApiGate(keys: readonly string[]): ApiGate {
  const digests = keys.map(digestOf);

  /** Of equal length and against every key: the time it takes says neither which was nearly right nor how nearly. */
  function knownDigest(given: string): Buffer | undefined {
    const digest = digestOf(given);
    return digests.filter((known) => timingSafeEqual(known, digest))[0];
  }

  return {
    keyed: digests.length > 0,
    authorize(request) {
      if (digests.length === 0) {
        return isLocalProgram(request)
          ? succeed({ scope: 'local' })
          : refuse('forbidden', 'without API_KEYS only for programs of this machine');
      }
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
