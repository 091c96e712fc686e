import type { IncomingHttpHeaders } from 'node:http';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import * as payloads from '../../protocol/payloads.ts';
import { type AllowedOrigins, isOriginAllowed } from '../transport/origins.ts';

/** The parts of a handshake that can carry a token. */
export interface TokenCarrier {
  readonly auth: unknown;
  readonly headers: IncomingHttpHeaders;
}

const COOKIE = 'token';
/** `Sec-Fetch-Site` of requests that no other site's page has caused. */
const OWN_SITES: readonly (string | undefined)[] = [undefined, 'same-origin', 'none'];

/**
 * Returns the first that is there of `auth.token`, `Authorization: Bearer` and the cookie. A malformed one is refused, not
 * skipped: a client must not connect as a user it did not mean to be.
 */
export function tokenOf(carrier: TokenCarrier, corsOrigin: AllowedOrigins): Outcome<string | undefined> {
  const given =
    saidToken(carrier.auth) ?? bearerToken(carrier.headers) ?? cookieToken(carrier.headers, corsOrigin);
  const token = payloads.token.optional().safeParse(given);
  return token.success ? succeed(token.data) : refuse('unauthorized', 'token: not valid');
}

/** Clients without a token send `null` or `''`. */
function saidToken(auth: unknown): unknown {
  if (typeof auth !== 'object' || auth === null || !('token' in auth)) return undefined;
  return auth.token === '' ? undefined : auth.token;
}

function bearerToken({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^bearer(?: +(.*))?$/i
    .exec(authorization ?? '')
    ?.slice(1)
    .map((token = '') => token.trim())[0];
}

/** A browser sends cookies with the requests of any site's pages, so only allowed origins may use them. */
function cookieToken(headers: IncomingHttpHeaders, corsOrigin: AllowedOrigins): string | undefined {
  if (corsOrigin === '*') return undefined;
  const ours =
    headers.origin === undefined
      ? OWN_SITES.includes(headers['sec-fetch-site'] as string | undefined)
      : isOriginAllowed({ headers }, corsOrigin);
  return ours ? cookieOf(headers.cookie, COOKIE) : undefined;
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    return decoded(
      pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    );
  }
  return undefined;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
