import { BackendError } from '../backend.ts';

/** Where Redis is: the URL in node-redis' spelling, and what may be shown of it. */
export interface RedisAddress {
  readonly url: string;
  readonly tls: boolean;
  /** Host and port, or the socket's path. Without user and password: it stands in logs and errors. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;

/** `redis://`, `rediss://`, `unix:/path` (also `unix:///path`, `redis+unix:///path`), with user, password and database. */
export function parseRedisAddress(url: string): RedisAddress {
  const unix = /^(?:redis\+)?unix:(?:\/\/)?([^/@]*@)?(\/[^/?#][^?#]*)(\?[^#]*)?$/.exec(url);
  if (unix) {
    const [, authority = '', path = '', query = ''] = unix;
    return { url: `unix://${authority}${path}${query}`, tls: false, shown: path };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (!parsed || !known || parsed.hostname === '' || !/^\/?\d*$/.test(parsed.pathname)) {
    // The value itself is not repeated: it may hold a password.
    throw new BackendError(
      'REDIS_URL is not valid: expected redis://[user:password@]host[:port][/database], rediss://… or unix:/path',
    );
  }
  return {
    url,
    tls: parsed.protocol === 'rediss:',
    shown: `${parsed.hostname}:${parsed.port || DEFAULT_PORT}`,
  };
}
