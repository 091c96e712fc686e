import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisServer } from './commands.ts';
import { away } from './failures.ts';
import { openRedisConnection } from './redis-connection.ts';
import type { RedisTarget } from './target.ts';

/** Asks a server's replicas whether they have what was written. */
export interface ReplicaAcks {
  /** Succeeds once enough replicas have everything that `server` had answered before the call. `key` is written to. */
  wait(key: string, server: RedisServer): Promise<Outcome<void>>;
  /** Resolves with true once it can ask, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface ReplicaAcksDeps {
  readonly target: RedisTarget;
  readonly replicas: number;
  readonly log: Logger;
}

/** Below the deadline of a call, so that Redis itself says how many replicas were in time. */
const WAIT_MS = 1_000;
const KEY_TTL_MS = '10000';
const TOO_FEW = away('the store has it, but too few replicas yet');
const OTHER_SERVER = away('the store is changing its master');

/**
 * Redis' WAIT on a connection of its own: it blocks its connection until the replicas have answered. WAIT covers what its own
 * connection wrote, and everything that the server wrote before that; so a small write precedes it. One WAIT is under way at a
 * time, and whatever comes meanwhile shares the next one.
 */
export function openReplicaAcks({ target, replicas, log }: ReplicaAcksDeps): ReplicaAcks {
  const connection = openRedisConnection({ target, scripts: [], log });
  let running: Promise<unknown> = Promise.resolve();
  let upcoming: { readonly key: string; readonly result: Promise<Outcome<string>> } | undefined;

  async function runNext(key: string): Promise<Outcome<string>> {
    await running;
    upcoming = undefined;
    const result = askReplicas(key);
    running = result;
    return result;
  }

  /** Returns the server's term. Both calls carry it: the connection refuses them if another server answers meanwhile. */
  async function askReplicas(key: string): Promise<Outcome<string>> {
    const server = connection.server();
    if (!server) return away();
    const [written, counted] = await Promise.all([
      connection.call(['SET', key, '', 'PX', KEY_TTL_MS]),
      connection.call<number>(['WAIT', String(replicas), String(WAIT_MS)]),
    ]);
    if (!written.ok) return written;
    if (!counted.ok) return counted;
    return counted.value >= replicas ? succeed(server.term) : TOO_FEW;
  }

  return {
    async wait(key, { term }) {
      upcoming ??= { key, result: runNext(key) };
      const acked = await upcoming.result;
      if (!acked.ok) return acked;
      // The next master may lack what its predecessor answered.
      return acked.value === term ? succeed(undefined) : OTHER_SERVER;
    },
    usable: connection.usable,
    close: connection.close,
  };
}
