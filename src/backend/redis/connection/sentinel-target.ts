import type { Logger } from 'pino';
import { type RedisAddress, withServer } from './address.ts';
import { openSentinel, type SentinelAnswer } from './sentinel.ts';
import type { RedisTarget } from './target.ts';

export interface SentinelTargetDeps {
  readonly sentinels: readonly RedisAddress[];
  /** The name under which they watch the master. */
  readonly name: string;
  /** User, password, database and TLS of the master; its host and port are not used. */
  readonly address: RedisAddress;
  readonly log: Logger;
  /** A monotonic clock, ms. */
  readonly now?: () => number;
}

/** Two questions and a little more. */
const ANSWER_STANDS_MS = 12_000;

/**
 * The master that Redis Sentinel names. Sentinel is asked only where the master is: its own clients queue without bound, and
 * run the commands in flight again on the next master. Each failover has a higher number, so a Sentinel that was cut off and
 * still names the previous master is outvoted by any other. A Sentinel that is away has no vote while others answer: they may
 * have been set up anew, and count from 0.
 */
export function openSentinelTarget(deps: SentinelTargetDeps): RedisTarget {
  const { sentinels, name, address, log, now = () => performance.now() } = deps;
  const listeners = new Set<() => void>();
  const shown = `${name} (Sentinel)`;
  /** The last answer of each. */
  const answers = new Map<RedisAddress, SentinelAnswer & { readonly atMs: number }>();
  let master: RedisAddress | undefined;
  let problem: unknown;

  function choose(): void {
    const oldestMs = now() - ANSWER_STANDS_MS;
    const standing = [...answers.values()].filter(({ atMs }) => atMs >= oldestMs);
    const newest = standing.reduce((a, b) => (b.failovers > a.failovers ? b : a));
    const next = withServer(address, newest.host, newest.port);
    if (next.shown === master?.shown) return;
    if (master) log.warn({ redis: shown, from: master.shown, to: next.shown }, 'redis: another master');
    master = next;
    for (const listener of listeners) listener();
  }

  const opened = sentinels.map((sentinel) =>
    openSentinel({
      address: sentinel,
      name,
      onAnswer(answer) {
        answers.set(sentinel, { ...answer, atMs: now() });
        choose();
      },
      onProblem(error) {
        problem = error;
        log.debug({ redis: shown, sentinel: sentinel.shown, err: error }, 'redis: a Sentinel did not answer');
      },
    }),
  );

  return {
    shown,
    database: address.database,
    moves: true,
    address: () => master,
    problem: () => problem,
    recheck() {
      for (const sentinel of opened) sentinel.ask();
    },
    onMove(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      for (const sentinel of opened) sentinel.close();
    },
  };
}
