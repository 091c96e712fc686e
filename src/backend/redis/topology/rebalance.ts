import { BackendError, type BackendOptions, type RedisChoice } from '../../backend.ts';
import { parseRedisAddress } from '../connection/address.ts';
import { readCertificates } from '../connection/open-target.ts';
import { addressSetting } from '../connection/setting-names.ts';
import { redisKeys } from '../keys.ts';
import { tagOf } from './hash-slots.ts';
import { findConflict, moveKeys } from './key-moves.ts';
import { type MovedServer, openMovedServer, requireMovingRights } from './moved-server.ts';
import { createRendezvous } from './rendezvous.ts';
import { serverName } from './server-names.ts';
import { markOfMove, serversIn } from './spread-record.ts';

export type RebalanceOptions = Pick<
  BackendOptions,
  'keyPrefix' | keyof RedisChoice | 'redisCaFile' | 'redisCertFile' | 'redisKeyFile'
>;

export interface RebalanceDeps {
  /** Its REDIS_URLS, or REDIS_URL, are the servers that shall have the data. */
  readonly options: RebalanceOptions;
  /** Servers that had data and shall have none. */
  readonly emptied: readonly string[];
}

/**
 * Moves every key to the server that has it from now on, and records the new servers. No host may run meanwhile. While it
 * runs, each server holds a mark that every host refuses; so a run that was cut off is repeated before a host can start. What
 * can be refused is refused before the marks are written: the previous servers stay usable then.
 */
export async function rebalance({ options, emptied }: RebalanceDeps): Promise<{ readonly moved: number }> {
  if (options.redisSentinels || options.redisClusterNodes)
    throw new BackendError(
      `${addressSetting(options)} is set, and only plain servers can be rebalanced: name them in REDIS_URLS, or one in REDIS_URL`,
    );
  const { keyPrefix, redisUrl, redisUrls = redisUrl === undefined ? [] : [redisUrl] } = options;
  if (redisUrls.length === 0)
    throw new BackendError('set REDIS_URLS, or REDIS_URL, to the servers that shall have the data');
  const certificates = readCertificates(options);
  const addresses = [...redisUrls, ...emptied].map((url) => parseRedisAddress(url, certificates));
  if (new Set(addresses.map(serverName)).size < addresses.length)
    throw new BackendError('a server is named twice');
  const keys = redisKeys(keyPrefix);
  const opened: MovedServer[] = [];
  try {
    for (const address of addresses) opened.push(await openMovedServer(address));
    for (const server of opened) await requireMovingRights(server, keyPrefix);
    const owners = opened.slice(0, redisUrls.length);
    const servers = differentServers(owners, opened.slice(redisUrls.length));
    await requireAllNamed(opened, keys.spread);
    for (const server of servers) await requireNoHosts(server, keys.instances);

    const names = owners.map(({ name }) => name);
    const ownerIndex = createRendezvous(names);
    const ownerOf = (key: string) => owners[ownerIndex(tagOf(key))] as MovedServer;
    const plan = {
      prefix: `${keyPrefix}:`,
      unmoved: [keys.spread, keys.dataMark('')],
      ownerOf,
      isInParts: keys.isOccupiedRooms,
    };
    for (const server of servers) {
      const conflict = await findConflict(server, plan);
      if (conflict) throw conflict;
    }
    const mark = markOfMove(opened.map(({ name }) => name));
    for (const { ask } of servers) await ask(['SET', keys.spread, mark]);
    let moved = 0;
    for (const server of servers) moved += await moveKeys(server, plan);
    const record = [...names].sort().join(' ');
    for (const server of servers) {
      const keeps = owners.length > 1 && owners.includes(server);
      await server.ask(keeps ? ['SET', keys.spread, record] : ['UNLINK', keys.spread, keys.dataMark('')]);
    }
    return { moved };
  } finally {
    for (const { close } of opened) close();
  }
}

/** An emptied server that is an owner under an earlier name keeps its data. */
function differentServers(
  owners: readonly MovedServer[],
  emptied: readonly MovedServer[],
): readonly MovedServer[] {
  const byIdentity = new Map<string, MovedServer>();
  for (const server of owners) {
    const other = byIdentity.get(server.identity);
    if (other) throw new BackendError(`${other.name} and ${server.name} are the same Redis`);
    byIdentity.set(server.identity, server);
  }
  for (const server of emptied) if (!byIdentity.has(server.identity)) byIdentity.set(server.identity, server);
  return [...byIdentity.values()];
}

/** A recorded server that is not named here would keep its part of the data. */
async function requireAllNamed(servers: readonly MovedServer[], key: string): Promise<void> {
  const records = await Promise.all(servers.map(({ ask }) => ask<string | null>(['GET', key])));
  const recorded = [...new Set(records.flatMap((record) => serversIn(record ?? '')))].sort();
  const missing = recorded.filter((name) => !servers.some((server) => server.name === name));
  if (missing.length === 0) return;
  throw new BackendError(
    `${missing.join(', ')} may have a part of the data, which is recorded to be on ${recorded.join(' ')}. Name all of these, with these hosts and ports: those that shall have none with --empty, the others in REDIS_URLS or REDIS_URL`,
  );
}

/** A host that still runs would write to where its keys were. */
async function requireNoHosts({ name, ask }: MovedServer, key: string): Promise<void> {
  const [seconds] = await ask<[string]>(['TIME']);
  const records = await ask<string[]>(['HVALS', key]);
  const alive = records.filter((record) => Number.parseInt(record, 10) > Number(seconds) * 1_000);
  if (alive.length === 0) return;
  throw new BackendError(
    `${alive.length} workers run, by the leases at ${name}: stop all hosts. One that was killed counts for ten seconds more`,
  );
}
