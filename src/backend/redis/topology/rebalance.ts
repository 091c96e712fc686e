import { RESP_TYPES } from 'redis';
import { BackendError, type BackendOptions } from '../../backend.ts';
import { parseRedisAddress, type RedisAddress } from '../connection/address.ts';
import { createRedisClient, type RedisClient } from '../connection/client.ts';
import { readCertificates } from '../connection/open-target.ts';
import { redisKeys } from '../keys.ts';
import { tagOf } from './hash-slots.ts';
import { createRendezvous } from './rendezvous.ts';
import { serverName } from './server-names.ts';

export type RebalanceOptions = Pick<
  BackendOptions,
  'keyPrefix' | 'redisUrl' | 'redisUrls' | 'redisCaFile' | 'redisCertFile' | 'redisKeyFile'
>;

export interface RebalanceDeps {
  /** Its REDIS_URLS, or REDIS_URL, are the servers that shall have the data. */
  readonly options: RebalanceOptions;
  /** Servers that had data and shall have none. */
  readonly emptied: readonly string[];
}

interface Server {
  readonly name: string;
  readonly client: RedisClient;
}

const AT_ONCE = 200;

/**
 * Moves every key to the server that has it from now on, and records the new servers. No host may run meanwhile. While it
 * runs, each server holds a record that every host refuses; so a run that was cut off is repeated before a host can start.
 */
export async function rebalance({ options, emptied }: RebalanceDeps): Promise<{ readonly moved: number }> {
  const { keyPrefix, redisUrl, redisUrls = redisUrl === undefined ? [] : [redisUrl] } = options;
  if (redisUrls.length === 0)
    throw new BackendError('set REDIS_URLS, or REDIS_URL, to the servers that shall have the data');
  const certificates = readCertificates(options);
  const addresses = [...redisUrls, ...emptied].map((url) => parseRedisAddress(url, certificates));
  if (new Set(addresses.map(serverName)).size < addresses.length)
    throw new BackendError('a server is named twice');
  const keys = redisKeys(keyPrefix);
  const servers: Server[] = [];
  try {
    for (const address of addresses) servers.push(await connect(address));
    const owners = servers.slice(0, redisUrls.length);
    const names = owners.map(({ name }) => name);
    const ownerIndex = createRendezvous(names);
    for (const server of servers) await requireNoHosts(server, keys.instances);
    for (const { client } of servers) await client.sendCommand(['SET', keys.spread, 'being moved']);
    let moved = 0;
    for (const server of servers) {
      moved += await moveFrom(
        server,
        `${keyPrefix}:`,
        keys.spread,
        (key) => owners[ownerIndex(tagOf(key))] as Server,
      );
    }
    const record = [...names].sort().join(' ');
    for (const server of servers) {
      const keeps = owners.length > 1 && owners.includes(server);
      await server.client.sendCommand(keeps ? ['SET', keys.spread, record] : ['UNLINK', keys.spread]);
    }
    return { moved };
  } finally {
    for (const { client } of servers) client.destroy();
  }
}

async function connect(address: RedisAddress): Promise<Server> {
  const client = createRedisClient(address, 'commands');
  const opened = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
  });
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);
  try {
    await opened;
  } catch (error) {
    client.destroy();
    throw new BackendError(`Redis at ${address.shown} cannot be used: ${(error as Error).message}`);
  }
  return { name: serverName(address), client };
}

/** A host that still runs would write to where its keys were. */
async function requireNoHosts({ name, client }: Server, key: string): Promise<void> {
  const [seconds] = (await client.sendCommand(['TIME'])) as unknown as [string];
  const records = (await client.sendCommand(['HVALS', key])) as unknown as string[];
  const alive = records.filter((record) => Number.parseInt(record, 10) > Number(seconds) * 1_000);
  if (alive.length === 0) return;
  throw new BackendError(
    `${alive.length} workers run, by the leases at ${name}: stop all hosts, and wait ten seconds`,
  );
}

async function moveFrom(
  server: Server,
  prefix: string,
  record: string,
  ownerOf: (key: string) => Server,
): Promise<number> {
  const pattern = `${prefix.replace(/[*?[\]\\^]/g, '\\$&')}*`;
  let moved = 0;
  let cursor = '0';
  do {
    const scan = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(AT_ONCE)];
    const [next, found] = (await server.client.sendCommand(scan)) as unknown as [string, string[]];
    cursor = next;
    const foreign = [...new Set(found)].filter((key) => key !== record && ownerOf(key) !== server);
    const results = await Promise.all(foreign.map((key) => move(server, ownerOf(key), key)));
    moved += results.filter(Boolean).length;
  } while (cursor !== '0');
  return moved;
}

const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** Copies the key before it deletes it, so a run that is cut off loses nothing. Returns false if the key expired meanwhile. */
async function move(from: Server, to: Server, key: string): Promise<boolean> {
  const [value, ttlMs] = await Promise.all([
    from.client.sendCommand(['DUMP', key], AS_BYTES) as unknown as Promise<Buffer | null>,
    from.client.sendCommand(['PTTL', key]) as unknown as Promise<number>,
  ]);
  if (value === null || ttlMs === -2) return false;
  await to.client.sendCommand(['RESTORE', key, String(Math.max(0, ttlMs)), value, 'REPLACE']);
  await from.client.sendCommand(['UNLINK', key]);
  return true;
}
