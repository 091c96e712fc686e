import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { TOKEN_LEEWAY_MS } from '../../protocol/limits.ts';
import { createKeySet } from './key-set.ts';
import { type Claims, parseClaims } from './token-claims.ts';

export interface TokenVerifierDeps {
  /** Of tokens signed with HS256. */
  readonly secret?: string | undefined;
  /** Where the public keys of all other tokens are. */
  readonly jwksUrl?: string | undefined;
  /** What `aud` must be or hold, and what `iss` must be; undefined: anything. */
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  readonly now: () => number;
  readonly log: Logger;
}

export interface TokenVerifier {
  /** `unauthorized` does not say which of its checks a token failed, except that it has expired. */
  verify(token: string): Promise<Outcome<Claims>>;
}

const BY_SECRET = 'HS256';
const MS_PER_S = 1_000;
const LEEWAY_S = TOKEN_LEEWAY_MS / MS_PER_S;

export function createTokenVerifier(deps: TokenVerifierDeps): TokenVerifier {
  const { secret, jwksUrl, audience, issuer, now, log } = deps;
  const secretKey = secret === undefined ? undefined : new TextEncoder().encode(secret);
  const keySet = jwksUrl === undefined ? undefined : createKeySet({ url: jwksUrl, now, log });

  /** The secret is never tried on what the key set is for, nor the other way round. */
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

  /** Jose looks only at when a token begins and ends. */
  function isFromTheFuture({ iat }: JWTPayload): boolean {
    return iat !== undefined && iat > Math.floor(now() / MS_PER_S) + LEEWAY_S;
  }

  return {
    async verify(token) {
      try {
        const payload = await payloadOf(token);
        if (!payload.ok) return payload;
        if (isFromTheFuture(payload.value)) return INVALID;
        const claims = parseClaims(payload.value);
        return claims === undefined ? INVALID : succeed(claims);
      } catch (error) {
        return error instanceof errors.JWTExpired ? EXPIRED : INVALID;
      }
    },
  };
}

const INVALID = refuse('unauthorized', 'token: not valid');
const EXPIRED = refuse('unauthorized', 'token: expired');
