import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { OnRedisReply } from '../../redis-calls.ts';
import type { Script } from '../scripts.ts';
import type { CallPacing } from './call-pacing.ts';
import type { RedisClient } from './client.ts';
import type { RedisServer } from './commands.ts';
import { createExchange } from './exchange.ts';
import { away, CHANGING_MASTER, refusalToOpen } from './failures.ts';
import { openFollowingClient } from './following-client.ts';
import { fieldOf } from './info.ts';
import { createMemoryWatch } from './memory-watch.ts';
import { createServerCalls, type ServerCalls } from './server-calls.ts';
import type { ServerClock } from './server-clock.ts';
import { mayHaveLost, termAfter, termFrom } from './server-term.ts';
import type { RedisTarget } from './target.ts';
import { createWaiters } from './waiters.ts';

/** The connection for commands to one server. */
export interface RedisConnection extends ServerCalls {
  /**
   * Checks that the server is still the master in the same term, and dials again if not: a promotion by hand may close no
   * connection.
   */
  verify(): Promise<Outcome<void>>;
  /** Dials again, although the server answers: behind a proxy another one may answer then. */
  redial(): void;
  /** Undefined while the connection is not usable. */
  server(): RedisServer | undefined;
  /** The last error, as the reason why it is not usable. */
  problem(): unknown;
  /** Resolves with true once it is usable, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisConnectionDeps {
  readonly target: RedisTarget;
  /** They are loaded after every connect, before the connection counts as usable. */
  readonly scripts: readonly Script[];
  readonly log: Logger;
  readonly deadlineMs?: number;
  readonly onReply?: OnRedisReply | undefined;
  /** Decides when calls are written. Calls are written at once if it is absent. */
  readonly pacing?: CallPacing;
  /** Is told the time of the server on connecting and with each `verify`. */
  readonly clock?: Pick<ServerClock, 'onInfo'>;
}

export const CALL_DEADLINE_MS = 1_500;
const PREPARE_RETRY_MS = 200;
/** Then it dials again: behind a proxy, another server may answer. */
const PREPARE_ATTEMPTS = 10;
const CLOSE_MS = 1_000;
export const NO_MASTER = new Error('READONLY it is a replica, which takes no writes');

/*
 * away -> (ready) preparing -> (a master, scripts loaded) usable -> (connection lost, READONLY, another target) away
 * preparing -> (a replica) away; it is dialled again, since a failover may be under way
 * usable -> (a deadline passes without any reply since the call) stalled -> (any reply) usable
 * While it is stalled, nothing is written: calls would pile up in front of a frozen Redis, and their bytes would keep
 * node-redis from closing the silent socket after 3 s.
 */
export function openRedisConnection(deps: RedisConnectionDeps): RedisConnection {
  const { target, scripts, log, pacing, clock, deadlineMs = CALL_DEADLINE_MS } = deps;
  const waiters = createWaiters();
  let server: RedisServer | undefined;
  let lastTerm: string | undefined;
  let problem: unknown;
  let generation = 0;
  const memory = createMemoryWatch((isNearlyFull) => {
    if (isNearlyFull) log.warn({ redis: shownNow() }, 'redis: nearly full, new logs of people are refused');
    else log.info({ redis: shownNow() }, 'redis: no longer nearly full');
  });
  let retry: NodeJS.Timeout | undefined;

  const following = openFollowingClient({
    target,
    role: 'commands',
    onClient(client) {
      if (server) loseServer('redis: connecting to another server');
      client.on('error', (error: unknown) => {
        if (client !== following.current()) return;
        problem = error;
        // A rejected PING also causes this event, while the connection stands.
        if (!client.isReady && server) loseServer('redis: connection lost', error);
      });
      client.on('ready', () => {
        if (client !== following.current()) return;
        server = undefined;
        generation += 1;
        void prepare(client, generation);
      });
    },
  });

  function loseServer(what: string, error?: unknown): void {
    server = undefined;
    log.warn({ redis: target.shown, err: error }, what);
  }

  async function prepare(client: RedisClient, mine: number, attempt = 1): Promise<void> {
    try {
      // The role first: a replica need not load the scripts each time it is dialled.
      const sections = ['server', 'replication', 'memory'].map((section) =>
        client.sendCommand(['INFO', section]),
      );
      const info = (await Promise.all(sections)).map(String).join('\n');
      if (mine !== generation || !client.isReady) return;
      if (fieldOf(info, 'role') === 'slave') {
        problem = NO_MASTER;
        target.recheck();
        following.redialLater();
        return;
      }
      await Promise.all(scripts.map((script) => client.sendCommand(['SCRIPT', 'LOAD', script.text])));
      if (mine !== generation || !client.isReady) return;
      clock?.onInfo(info);
      memory.note(info);
      server = { ...parseServer(info, lastTerm), isNearlyFull: memory.isNearlyFull };
      lastTerm = server.term;
    } catch (error) {
      if (mine !== generation || !client.isReady) return;
      // Mostly LOADING: Redis accepts connections before it runs scripts.
      problem = error;
      if (attempt === PREPARE_ATTEMPTS) following.redialLater();
      else retry = setTimeout(() => void prepare(client, mine, attempt + 1), PREPARE_RETRY_MS);
      return;
    }
    exchange.onConnected();
    following.onServing();
    log.info({ redis: shownNow(), version: server.version }, 'redis: connected');
    waiters.release();
  }

  const exchange = createExchange({
    client: () => following.current(),
    generation: () => generation,
    onReadOnly: leaveReplica,
    onReply: deps.onReply,
    deadlineMs,
    pacing,
  });
  const isReady = () => following.current()?.isReady === true;
  const shownNow = () => target.address()?.shown ?? target.shown;

  /** The server was demoted, or stands behind a proxy that shall lead to the new master. */
  function leaveReplica(mine: number): void {
    if (mine !== generation || !server) return;
    problem = NO_MASTER;
    loseServer('redis: the server takes no writes any more', NO_MASTER);
    target.recheck();
    following.redial();
  }

  function refusal() {
    if (!server || !isReady()) return refusalToOpen(problem);
    return exchange.stalled() ? away('the store does not answer') : undefined;
  }

  const usableServer = () => (isReady() ? server : undefined);
  const calls = createServerCalls({ send: exchange.send, server: usableServer, refusal, log });

  async function verify(): Promise<Outcome<void>> {
    const known = server;
    const mine = generation;
    const info = await calls.call<string>(['INFO', ...(clock ? ['server'] : []), 'replication', 'memory']);
    if (!info.ok) return info;
    memory.note(info.value);
    if (!known || known !== server) return away();
    clock?.onInfo(info.value);
    const replica = fieldOf(info.value, 'role') === 'slave';
    if (!replica && !mayHaveLost(known.term, termAfter(known.term, info.value))) return succeed(undefined);
    if (replica) leaveReplica(mine);
    else redial('redis: the server was demoted and promoted again');
    return CHANGING_MASTER;
  }

  function redial(why: string): void {
    if (server) loseServer(why);
    following.redial();
  }

  return {
    ...calls,
    verify,
    redial: () => redial('redis: the server does not serve, connecting again'),
    server: usableServer,
    problem: () => problem ?? target.problem(),
    usable: (withinMs) => (server ? Promise.resolve(true) : waiters.wait(withinMs)),
    close: async () => {
      clearTimeout(retry);
      pacing?.close();
      generation += 1;
      const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      const client = following.current();
      if (client?.isReady) await Promise.race([client.close().catch(() => undefined), limit]);
      following.close();
      exchange.close();
    },
  };
}

function parseServer(info: string, previousTerm: string | undefined): RedisServer {
  return { term: termFrom(info), previousTerm, version: fieldOf(info, 'redis_version') ?? '' };
}
