import { BackendError } from '../../backend.ts';

/** The address of Redis, as node-redis spells it and as logs may show it. */
export interface RedisAddress {
  readonly url: string;
  readonly tls: boolean;
  /** node-redis selects it. Channels contain it, since publish/subscribe spans all databases. */
  readonly database: number;
  /** Host and port, or the socket's path. Logs and errors show it, so it has no user and password. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;

/** `redis://`, `rediss://`, `unix:/path` (also `unix:///path`, `redis+unix:///path`), with user, password and database. */
export function parseRedisAddress(url: string): RedisAddress {
  const unix = /^(?:redis\+)?unix:(?:\/\/)?([^/@]*@)?(\/[^/?#][^?#]*)(\?[^#]*)?$/.exec(url);
  if (unix) {
    const [, authority = '', path = '', query = ''] = unix;
    const database = new URLSearchParams(query).get('db') ?? '';
    if (!/^\d*$/.test(database)) throw invalidUrl();
    return { url: `unix://${authority}${path}${query}`, tls: false, database: Number(database), shown: path };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (!parsed || !known || parsed.hostname === '' || !/^\/?\d*$/.test(parsed.pathname)) {
    throw invalidUrl();
  }
  return {
    url,
    tls: parsed.protocol === 'rediss:',
    database: Number(parsed.pathname.slice(1)),
    shown: `${parsed.hostname}:${parsed.port || DEFAULT_PORT}`,
  };
}

/** The value itself is not repeated: it may hold a password. */
function invalidUrl(): BackendError {
  return new BackendError(
    'REDIS_URL is not valid: expected redis://[user:password@]host[:port][/database], rediss://… or unix:/path[?db=database]',
  );
}
