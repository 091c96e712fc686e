import type { SecureContextOptions } from 'node:tls';
import { BackendError } from '../../backend.ts';

/** Certificates for TLS. Without `ca`, those that Node trusts are used. */
export type TlsOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

/** The address of one server, and its form in logs. */
export interface RedisAddress {
  readonly endpoint: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** node-redis selects it. Channels contain it, since publish/subscribe spans all databases. */
  readonly database: number;
  /** Host and port, or the socket's path. Logs and errors show it, so it has no user and password. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** `redis://`, `rediss://`, `unix:/path` (also `unix:///path`, `redis+unix:///path`), with user, password and database. */
export function parseRedisAddress(url: string, certificates: TlsOptions = {}): RedisAddress {
  const unix = /^(?:redis\+)?unix:(?:\/\/)?(?:([^:/@]*)(?::([^/@]*))?@)?(\/[^/?#][^?#]*)(\?[^#]*)?$/.exec(
    url,
  );
  if (unix) {
    const [, username = '', password = '', rawPath = '', query = ''] = unix;
    const database = new URLSearchParams(query).get('db') ?? '';
    if (!/^\d*$/.test(database)) throw invalidUrl();
    const path = decoded(rawPath);
    return {
      endpoint: { path },
      ...credentials(username, password),
      tls: undefined,
      database: Number(database),
      shown: path,
    };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (!parsed || !known || parsed.hostname === '' || !/^\/?\d*$/.test(parsed.pathname)) {
    throw invalidUrl();
  }
  return addressOf(parsed, DEFAULT_PORT, certificates);
}

/**
 * A Sentinel: `host:port`, or an address as for a server. Without a scheme it is dialled as the servers are: with TLS if
 * `tls` is set.
 */
export function parseSentinelAddress(
  text: string,
  tls: TlsOptions | undefined,
  certificates: TlsOptions = {},
): RedisAddress {
  const url = text.includes('://') ? text : `${tls ? 'rediss' : 'redis'}://${text}`;
  return addressOf(new URL(url), SENTINEL_PORT, certificates);
}

/** The same user, password, database and certificates for another server. */
export function withServer(address: RedisAddress, host: string, port: number): RedisAddress {
  return { ...address, endpoint: { host, port }, shown: shownAs(host, port) };
}

function addressOf(url: URL, defaultPort: number, certificates: TlsOptions): RedisAddress {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || defaultPort);
  return {
    endpoint: { host, port },
    ...credentials(url.username, url.password),
    tls: url.protocol === 'rediss:' ? certificates : undefined,
    database: Number(url.pathname.slice(1)),
    shown: shownAs(host, port),
  };
}

function shownAs(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function credentials(username: string, password: string) {
  return { username: decoded(username) || undefined, password: decoded(password) || undefined };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl();
  }
}

/** The value itself is not repeated: it may hold a password. */
function invalidUrl(): BackendError {
  return new BackendError(
    'REDIS_URL is not valid: expected redis://[user:password@]host[:port][/database], rediss://… or unix:/path[?db=database]',
  );
}
