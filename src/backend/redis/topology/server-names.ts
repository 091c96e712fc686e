import { parseRedisAddress, type RedisAddress } from '../connection/address.ts';

/** Decides, with the names of the others, which keys a server of REDIS_URLS has. User and password are no part of it. */
export function serverName({ shown, database }: Pick<RedisAddress, 'shown' | 'database'>): string {
  return `${shown}/${database}`;
}

/** The names of all servers, in an order that does not depend on that of the setting. */
export function serverNames(urls: readonly string[]): string[] {
  return urls.map((url) => serverName(parseRedisAddress(url))).sort();
}
