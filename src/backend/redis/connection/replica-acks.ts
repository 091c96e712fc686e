import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisServer } from './commands.ts';
import { away, CHANGING_MASTER, redirectOf } from './failures.ts';
import { openRedisConnection } from './redis-connection.ts';
import { mayHaveLost } from './server-term.ts';
import type { RedisTarget } from './target.ts';

/** Asks a server's replicas whether they have what was written. */
export interface ReplicaAcks {
  /** Succeeds once enough replicas have everything that `server` had answered before the call. */
  wait(server: RedisServer): Promise<Outcome<void>>;
  /** Succeeds if the last question was answered well a moment ago, or asks now. A server without keys is asked nothing. */
  check(server: RedisServer): Promise<Outcome<void>>;
  /** Returns whether it asks the server of that term; undefined while it can ask none. */
  asks(server: RedisServer): boolean | undefined;
  redial(): void;
  /** Resolves with true once it can ask, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface ReplicaAcksDeps {
  readonly target: RedisTarget;
  readonly replicas: number;
  /** Returns a hash tag that the server has, but not `avoided`; '' if it has all, undefined if it has none. */
  readonly tagOfServer: (avoided?: string) => string | undefined;
  /** Returns the key with such a tag that is written to. */
  readonly keyOf: (tag: string) => string;
  /** A monotonic clock, ms. */
  readonly now: () => number;
  readonly log: Logger;
}

/** Below the deadline of a call, so that Redis itself says how many replicas were in time. */
const WAIT_MS = 1_000;
const KEY_TTL_MS = '10000';
const TOO_FEW = away('the store has it, but too few replicas yet');
const MOVING = away('the store is moving data');
/** The slot of each tag may just be moving, so the next one is tried. */
const TAGS_TRIED = 3;
/** Not more often than an idle worker writes heartbeats. */
const FRESH_MS = 4_000;

/**
 * Redis' WAIT on a connection of its own: it blocks its connection until the replicas have answered. WAIT covers what its own
 * connection wrote, and everything that the server wrote before that; so a small write precedes it. One WAIT is under way at a
 * time, and whatever comes meanwhile shares the next one. The write needs a key that this server has, and none of a room: a room
 * would get a key that its own scripts do not know.
 */
export function openReplicaAcks(deps: ReplicaAcksDeps): ReplicaAcks {
  const { target, replicas, tagOfServer, keyOf, now, log } = deps;
  const connection = openRedisConnection({ target, scripts: [], log });
  let running: Promise<unknown> = Promise.resolve();
  let last: { readonly outcome: Outcome<string>; readonly atMs: number } | undefined;
  let upcoming: Promise<Outcome<string>> | undefined;

  async function runNext(): Promise<Outcome<string>> {
    await running;
    upcoming = undefined;
    const result = askReplicas();
    running = result;
    last = { outcome: await result, atMs: now() };
    return result;
  }

  /** Returns the server's term. Both calls carry it: the connection refuses them if another server answers meanwhile. */
  async function askReplicas(): Promise<Outcome<string>> {
    let tag = tagOfServer();
    for (let tries = 1; tag !== undefined; tries += 1) {
      const server = connection.server();
      if (!server) return away();
      const [written, counted] = await Promise.all([
        connection.call(['SET', keyOf(tag), '', 'PX', KEY_TTL_MS]),
        connection.call<number>(['WAIT', String(replicas), String(WAIT_MS)]),
      ]);
      if (written.ok) {
        if (!counted.ok) return counted;
        return counted.value >= replicas ? succeed(server.term) : TOO_FEW;
      }
      if (redirectOf(written) === undefined || tries === TAGS_TRIED) return written;
      // The tag's slot is just leaving this server.
      target.recheck();
      tag = tagOfServer(tag);
    }
    return MOVING;
  }

  async function wait({ term }: RedisServer): Promise<Outcome<void>> {
    upcoming ??= runNext();
    const acked = await upcoming;
    if (!acked.ok) return acked;
    // The next master may lack what its predecessor answered.
    return covers(acked.value, term) ? succeed(undefined) : CHANGING_MASTER;
  }

  return {
    wait,
    async check(server) {
      const verified = await connection.verify();
      if (!verified.ok) return verified;
      const fresh =
        last?.outcome.ok && now() - last.atMs < FRESH_MS && covers(last.outcome.value, server.term);
      return fresh || tagOfServer() === undefined ? succeed(undefined) : wait(server);
    },
    asks(server) {
      const asked = connection.server();
      return asked && covers(asked.term, server.term);
    },
    redial: connection.redial,
    usable: connection.usable,
    close: connection.close,
  };
}

/**
 * Returns whether the server that answered WAIT in its term has what was written in the other term. Connections from before and
 * after Redis forgot a promotion name the same master differently.
 */
function covers(waited: string, written: string): boolean {
  return !mayHaveLost(written, waited);
}
