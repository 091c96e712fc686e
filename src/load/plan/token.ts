import { createHmac } from 'node:crypto';

export interface TokenClaims {
  readonly secret: string;
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
  readonly nowS: number;
  readonly ttlS: number;
}

/** A HS256 token for one user, synchronous because a run makes thousands before it starts. */
export function signToken(name: string, { secret, audience, issuer, nowS, ttlS }: TokenClaims): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: name, name, aud: audience, iss: issuer, iat: nowS, exp: nowS + ttlS };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
