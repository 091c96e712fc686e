import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Refusal, refuse } from '../protocol/codes.ts';
import { isLocalProgram } from './local-programs.ts';

/** Who may use what is for back ends and operators. */
export interface ApiGate {
  /** A key is asked for. */
  readonly keyed: boolean;
  /** Why this request may not, if so. Nothing of it but its address and headers is looked at. */
  refusalOf(request: Pick<IncomingMessage, 'socket' | 'headers'>): Refusal | undefined;
}

/** Without keys the programs of this machine may. With keys only who has one, wherever they are. */
export function createApiGate(keys: readonly string[]): ApiGate {
  const digests = keys.map(digestOf);

  /** Of equal length and against every key: the time it takes says neither which was nearly right nor how nearly. */
  function isKey(given: string): boolean {
    const digest = digestOf(given);
    return digests.filter((known) => timingSafeEqual(known, digest)).length > 0;
  }

  return {
    keyed: digests.length > 0,
    refusalOf(request) {
      if (digests.length === 0) {
        return isLocalProgram(request)
          ? undefined
          : refuse('forbidden', 'without API_KEYS only for programs of this machine');
      }
      const given = keysIn(request);
      if (given.length === 0) return refuse('unauthorized', 'an API key must be given');
      // Either header will do: what a proxy put into the one does not hide the other.
      return given.some(isKey) ? undefined : refuse('unauthorized', 'this is no API key');
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
