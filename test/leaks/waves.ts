import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Sizes } from '../../src/sizes.ts';
import { childrenOf } from '../faults/processes.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { openRawClient } from '../support/raw-client.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import type { Mode } from '../support/system.ts';
import { inspectedHost } from './heap.ts';

const WORKERS = 2;
const MEMBERS_PER_ROOM = 10;
/** A host takes so many handshakes at a time without refusing one. */
const AT_ONCE = 50;

export interface LeakStage {
  /** So many clients enter new rooms, say something with an id of their own, leave, and end. */
  wave(clients: number): Promise<void>;
  /**
   * The number of items that the processes hold, by name as in `primary.backend.roster.directory.rooms`; those of the workers together.
   */
  sizes(): Promise<Readonly<Record<string, number>>>;
  /** Bytes that the primary and then each worker holds after a collection. */
  heapBytes(): Promise<readonly number[]>;
  /** The kinds of keys that Redis has of rooms and people, and which of them do not expire. */
  keyKinds(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openLeakStage(mode: Mode): Promise<LeakStage> {
  const inspected = await inspectedHost(WORKERS);
  const redis = mode === 'cluster' ? await openRedis() : undefined;
  const host = await startHost({
    workers: WORKERS,
    env: { ...inspected.env, RATE_ROOMS: '0' },
    ...(redis && { redisUrl: redis.url }),
  });
  let waves = 0;

  async function visit(index: number): Promise<void> {
    const roomid = `room ${waves}.${Math.floor(index / MEMBERS_PER_ROOM)}`;
    const url = host.workerUrls[index % WORKERS] as string;
    const client = openRawClient(url, { query: { roomid, username: `Visitor ${waves}.${index}` } });
    await client.hear('joined');
    const message = { text: 'hello', clientMsgId: `m${waves}.${index}` };
    let said = await client.ask('say', message);
    // A busy machine refuses some for a time, and the id lets a client say it again.
    while (said?.ok === false && said.error.retryAfterMs !== undefined) {
      await pause(said.error.retryAfterMs);
      said = await client.ask('say', message);
    }
    if (!said?.ok) throw new Error(`refused: ${JSON.stringify(said)}`);
    // Half of them leave first, the others are gone at once.
    if (index % 2 === 0) await client.ask('leave', {});
    client.close();
    await client.ended;
  }

  return {
    async wave(clients) {
      waves += 1;
      for (let first = 0; first < clients; first += AT_ONCE) {
        const visits = Array.from({ length: Math.min(AT_ONCE, clients - first) }, (_, n) => visit(first + n));
        await Promise.all(visits);
      }
    },
    sizes: () => sizesOf(host),
    heapBytes: () => inspected.heapBytes([host.pid, ...childrenOf(host.pid)]),
    keyKinds: () => keyKindsOf(redis as RedisProcess),
    async close() {
      await host.stop();
      await host.remove();
      await redis?.close();
    },
  };
}

interface Debug {
  readonly primary: Sizes;
  readonly workers: readonly { readonly sizes: Sizes }[];
}

async function sizesOf(host: Host): Promise<Record<string, number>> {
  const answer = await fetch(`${host.adminUrl}/status?debug`);
  const { debug } = (await answer.json()) as { readonly debug: Debug };
  const found: Record<string, number> = {};
  const add = (name: string, sizes: Sizes | number) => {
    if (typeof sizes === 'number') found[name] = (found[name] ?? 0) + sizes;
    // A worker's number is no part of a name.
    else
      for (const [part, size] of Object.entries(sizes))
        add(`${name}.${part.replace(/^(?:worker)?\d+$/, 'worker')}`, size);
  };
  add('primary', debug.primary);
  for (const { sizes } of debug.workers) add('worker', sizes);
  return found;
}

/** Keys of a room or a person, by the hash in the key. */
const OF_SOMEBODY = /^rc:\{[^{}:]{16,}\}:(.+)$/;

async function keyKindsOf(redis: RedisProcess): Promise<string[]> {
  const client = await createClient({ url: redis.url }).connect();
  const kinds = new Set<string>();
  try {
    for await (const keys of client.scanIterator()) {
      for (const key of keys) {
        const [, kind] = OF_SOMEBODY.exec(key) ?? [];
        // The dedupe ids of even and of odd periods.
        if (kind !== undefined)
          kinds.add(`${kind.replace(/\d$/, '')}${(await client.ttl(key)) > 0 ? '' : ', for ever'}`);
      }
    }
  } finally {
    client.destroy();
  }
  return [...kinds].sort();
}
