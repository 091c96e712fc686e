import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';

export interface KeySetDeps {
  readonly url: string;
  readonly now: () => number;
  readonly log: Logger;
}

/** The token issuer's public keys (JWKS), read again when a key is unknown or the set is old. */
export interface KeySet {
  /** Refuses with `unavailable` when the keys cannot be read; rejects when the token is not valid by them. */
  verify(token: string, checks: JWTVerifyOptions): Promise<Outcome<JWTPayload>>;
}

/** No symmetric algorithms: every reader of the set could sign with its keys. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** The longest time that a key removed from the set still counts. */
const MAX_AGE_MS = 600_000;
/** Tokens with unknown keys cause at most one read in this time. */
const COOLDOWN_MS = 5_000;
const TIMEOUT_MS = 3_000;
const RETRY_MS = 1_000;

export function createKeySet({ url, now, log }: KeySetDeps): KeySet {
  let retryAt = 0;
  const keyOf = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: TIMEOUT_MS,
    // Many connecting clients must not become as many requests to the key set's server while that cannot be read.
    [customFetch]: (at, options) =>
      isTooSoon() ? Promise.reject(new Error('the key set was read a moment ago')) : fetch(at, options),
  });

  /** False as well where the clock was set back meanwhile. */
  function isTooSoon(): boolean {
    const waitMs = retryAt - now();
    return waitMs > 0 && waitMs <= RETRY_MS;
  }

  function failed(error: unknown): void {
    if (isTooSoon()) return;
    retryAt = now() + RETRY_MS;
    log.warn({ reason: reasonOf(error) }, 'the key set of AUTH_JWKS_URL cannot be read');
  }

  async function verifyWithAny(
    keys: errors.JWKSMultipleMatchingKeys,
    token: string,
    checks: JWTVerifyOptions,
  ): Promise<JWTPayload> {
    for await (const key of keys) {
      try {
        return (await jwtVerify(token, key, checks)).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }

  return {
    async verify(token, given) {
      const checks = { ...given, algorithms: ALGORITHMS };
      let unread = false;
      const getKey: JWTVerifyGetKey = async (header, input) => {
        try {
          return await keyOf(header, input);
        } catch (error) {
          unread = !isAboutToken(error);
          throw error;
        }
      };
      try {
        return succeed((await jwtVerify(token, getKey, checks)).payload);
      } catch (error) {
        if (unread) {
          failed(error);
          return refuse('unavailable', 'token: cannot be checked now', RETRY_MS);
        }
        // A token without a `kid` may be signed by any key of its algorithm.
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
        return succeed(await verifyWithAny(error, token, checks));
      }
    },
  };
}

function isAboutToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

/** A code instead of the message, which may hold the address and with it a password. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  for (const from of [error.cause, error]) {
    if (from instanceof Error && 'code' in from && typeof from.code === 'string') return from.code;
  }
  return error.name;
}
