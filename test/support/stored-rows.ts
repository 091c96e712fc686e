import { open } from 'lmdb';
import { createClient } from 'redis';
import type { System } from './system.ts';

/** A row of an lmdb table, or a key of Redis with all it holds. */
export interface StoredRow {
  /** The key of Redis, or the table and the key there as JSON. */
  readonly place: string;
  /** Place and content. */
  readonly text: string;
}

/** Everything that a running system stores, in whatever table or key. */
export function storedRows({ redis, hosts }: System): Promise<StoredRow[]> {
  return redis ? rowsInRedis(redis.url) : rowsOnDisk(hosts[0]?.dataDir ?? '');
}

async function rowsOnDisk(path: string): Promise<StoredRow[]> {
  const root = open({ path, readOnly: true, noSubdir: false, maxDbs: 32 });
  try {
    return [...root.getKeys({})].flatMap((name) =>
      Array.from(root.openDB({ name: String(name) }).getRange({}), ({ key, value }) => {
        const place = `${String(name)} ${JSON.stringify(key)}`;
        return { place, text: `${place} ${JSON.stringify(value)}` };
      }),
    );
  } finally {
    await root.close();
  }
}

const READ: Readonly<Record<string, (key: string) => string[]>> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

/** Everything that one Redis stores. */
export async function rowsInRedis(url: string): Promise<StoredRow[]> {
  const client = createClient({ url, RESP: 2 });
  await client.connect();
  try {
    const places = await client.keys('*');
    return await Promise.all(
      places.map(async (place) => {
        const read = READ[await client.type(place)];
        // A key may have expired meanwhile.
        const content = read ? await client.sendCommand(read(place)) : '';
        return { place, text: `${place} ${JSON.stringify(content)}` };
      }),
    );
  } finally {
    await client.close();
  }
}
