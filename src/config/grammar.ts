import ipaddr from 'ipaddr.js';
import { parseOriginPattern } from '../origin-patterns.ts';
import { parseUsername } from '../protocol/names.ts';

/** Parsers of setting values. Each returns a value, or a sentence that says what is wrong. */

export type Parsed<T> = { readonly value: T } | { readonly problem: string };
export type Parser<T> = (raw: string) => Parsed<T>;

export interface Rate {
  readonly perMs: number;
  readonly burst: number;
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

export function integer(min: number, max: number): Parser<number> {
  return (raw) => {
    const value = Number(raw);
    return /^\d+$/.test(raw) && value >= min && value <= max
      ? { value }
      : { problem: `must be a whole number from ${min} to ${max}` };
  };
}

export const flag: Parser<boolean> = (raw) =>
  raw === 'on' || raw === 'off' ? { value: raw === 'on' } : { problem: 'must be on or off' };

export function oneOf<const T extends string>(values: readonly T[]): Parser<T> {
  return (raw) => {
    const value = values.find((known) => known === raw);
    return value === undefined ? { problem: `must be one of ${values.join(', ')}` } : { value };
  };
}

export function matching(pattern: RegExp, grammar: string): Parser<string> {
  return (raw) => (pattern.test(raw) ? { value: raw } : { problem: `must be ${grammar}` });
}

/** The shortest secret is as long as the digest of HS256: a shorter one can be guessed offline from what it signed. */
export const signingSecret = matching(
  /^[\x21-\x7e]{32,}$/,
  'at least 32 bytes of printable ASCII without spaces',
);

/** One secret, or two while one takes the place of the other. */
export const busSecrets: Parser<readonly string[]> = (raw) => {
  const parsed = list(signingSecret, () => 'not shown here')(raw);
  return 'value' in parsed && parsed.value.length > 2
    ? { problem: 'must be one secret, or two with a comma between them' }
    : parsed;
};

export const path = matching(/^[^\0]+$/, 'a path');

/** `20/1s burst 40`, `5/m`, or `0` for no limit. */
export const rate: Parser<Rate | undefined> = (raw) => {
  if (raw === '0') return { value: undefined };
  const match = /^(\d{1,9})\/(\d{0,9})(ms|s|m|h)(?: burst (\d{1,9}))?$/.exec(raw.trim());
  const count = Number(match?.[1]);
  const periodMs = Number(match?.[2] || 1) * UNIT_MS[(match?.[3] ?? 's') as keyof typeof UNIT_MS];
  const burst = match?.[4] === undefined ? count : Number(match[4]);
  return match && count > 0 && periodMs > 0 && burst > 0
    ? { value: { perMs: count / periodMs, burst } }
    : { problem: 'must be 0 or N/T burst B, such as 20/1s burst 40 (T in ms, s, m or h)' };
};

export function list(
  item: Parser<string>,
  shown: (part: string) => string = JSON.stringify,
): Parser<readonly string[]> {
  return (raw) => {
    const value: string[] = [];
    for (const part of raw.split(',').map((text) => text.trim())) {
      const parsed = item(part);
      if ('problem' in parsed) return { problem: `${parsed.problem} (item ${shown(part)})` };
      if (!value.includes(parsed.value)) value.push(parsed.value);
    }
    return { value };
  };
}

/** Adds the slashes that Socket.IO expects at both ends. */
export const urlPath: Parser<string> = (raw) =>
  /^\/?[\w.~-]+(\/[\w.~-]+)*\/?$/.test(raw)
    ? { value: `/${raw.replace(/^\/|\/$/g, '')}/` }
    : { problem: 'must be a path such as /socket.io/' };

const UNIX_ADDRESS = /^unix:(?:\/\/)?(?:[^:/@]*(?::[^/@]*)?@)?\/[^/?#][^?#]*(?:\?db=\d+)?$/;
const DATABASE = /^\/?\d*$/;

/** Accepts what connection/address.ts reads in full: what it would ignore is a mistake. */
export const redisUrl: Parser<string> = (raw) =>
  isDecodable(raw) && (UNIX_ADDRESS.test(raw) || isServerUrl(raw, DATABASE))
    ? { value: raw }
    : {
        problem:
          'must be a redis://, rediss:// or unix: address: redis://[user:password@]host[:port][/database] or unix:/path[?db=database]',
      };

function isServerUrl(raw: string, path: RegExp): boolean {
  if (!/^rediss?:\/\//.test(raw) || !URL.canParse(raw)) return false;
  const { hostname, pathname, search, hash } = new URL(raw);
  return hostname !== '' && path.test(pathname) && search === '' && hash === '';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A Sentinel or a node of a Redis Cluster: `host:port`, or an address as of a server without a database. */
export const redisNode: Parser<string> = (raw) => {
  const url = raw.includes('://') ? raw : `redis://${raw}`;
  return isDecodable(url) && isServerUrl(url, /^\/?$/)
    ? { value: raw }
    : { problem: 'must be a comma list of host:port, or of redis:// or rediss:// addresses' };
};

/** Refuses a user and a password, which `fetch` does not send. */
export const httpUrl: Parser<string> = (raw) => {
  const url = URL.canParse(raw) ? new URL(raw) : undefined;
  return url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
    ? { value: raw }
    : { problem: 'must be an http: or https: address without a user' };
};

/** `*`, or origins such as https://example.org. */
export const origins: Parser<readonly string[] | '*'> = (raw) =>
  raw.trim() === '*' ? { value: '*' } : list(parseOriginPattern)(raw);

/** `*`, or origins that CSP can name: it knows neither schemes of applications nor IPv6 addresses. */
function policyOrigins(pattern: RegExp, problem: string): Parser<readonly string[] | '*'> {
  return (raw) => {
    const parsed = origins(raw);
    if ('problem' in parsed || parsed.value === '*') return parsed;
    return parsed.value.every((origin) => pattern.test(origin)) ? parsed : { problem };
  };
}

export const embedOrigins = policyOrigins(
  /^https?:\/\/[a-z0-9.*:-]+$/,
  'must be http: or https: origins with host names',
);

/** An avatar has an https: address. */
export const avatarOrigins = policyOrigins(
  /^https:\/\/[a-z0-9.*:-]+$/,
  'must be https: origins with host names',
);

export const personName: Parser<string> = (raw) => {
  const value = parseUsername(raw);
  return value === undefined ? { problem: 'must be a comma list of usernames' } : { value };
};

const PROXY_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

/** Addresses, networks in CIDR notation or their names; `off` is the empty list. */
export const proxies: Parser<readonly string[]> = (raw) => {
  if (raw.trim() === 'off') return { value: [] };
  return list((part) =>
    PROXY_NETWORKS.includes(part) || ipaddr.isValid(part) || ipaddr.isValidCIDR(part)
      ? { value: part }
      : {
          problem:
            'must be off, or a comma list of addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal',
        },
  )(raw);
};
