import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { ReservedNames } from '../../chat/reserved-names.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { TOKEN_LEEWAY_MS } from '../../protocol/limits.ts';
import { createKeySet } from './key-set.ts';
import { type Claims, parseClaims } from './token-claims.ts';

export interface TokenVerifierDeps {
  /** The secret of tokens signed with HS256. */
  readonly secret?: string | undefined;
  /** The URL of the public keys for all other tokens. */
  readonly jwksUrl?: string | undefined;
  /** The value that `aud` must be or contain; undefined accepts any. */
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  /** Absent: only what the protocol reserves. */
  readonly isReserved?: ReservedNames;
  readonly now: () => number;
  readonly log: Logger;
}

export interface TokenVerifier {
  /** A refusal states that a token has expired, but does not state which other check failed. */
  verify(token: string): Promise<Outcome<Claims>>;
}

const BY_SECRET = 'HS256';
const MS_PER_S = 1_000;
const LEEWAY_S = TOKEN_LEEWAY_MS / MS_PER_S;

export function createTokenVerifier(deps: TokenVerifierDeps): TokenVerifier {
  const { secret, jwksUrl, audience, issuer, isReserved = () => false, now, log } = deps;
  const secretKey = secret === undefined ? undefined : new TextEncoder().encode(secret);
  const keySet = jwksUrl === undefined ? undefined : createKeySet({ url: jwksUrl, now, log });

  /** The algorithm decides which key is used: the secret never verifies a token of the key set, nor the other way round. */
  async function payloadOf(token: string): Promise<Outcome<JWTPayload>> {
    const checks = {
      currentDate: new Date(now()),
      clockTolerance: LEEWAY_S,
      audience,
      issuer,
    };
    if (decodeProtectedHeader(token).alg !== BY_SECRET) return keySet?.verify(token, checks) ?? INVALID;
    if (secretKey === undefined) return INVALID;
    const verified = await jwtVerify(token, secretKey, { ...checks, algorithms: [BY_SECRET] });
    return succeed(verified.payload);
  }

  /** jose checks `nbf` and `exp` only. */
  function isFromTheFuture({ iat }: JWTPayload): boolean {
    return iat !== undefined && iat > Math.floor(now() / MS_PER_S) + LEEWAY_S;
  }

  return {
    async verify(token) {
      try {
        const payload = await payloadOf(token);
        if (!payload.ok) return payload;
        if (isFromTheFuture(payload.value)) return INVALID;
        const claims = parseClaims(payload.value, isReserved);
        return claims === undefined ? INVALID : succeed(claims);
      } catch (error) {
        return error instanceof errors.JWTExpired ? EXPIRED : INVALID;
      }
    },
  };
}

const INVALID = refuse('unauthorized', 'token: not valid');
const EXPIRED = refuse('unauthorized', 'token: expired');
