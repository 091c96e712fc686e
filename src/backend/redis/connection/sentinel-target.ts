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
}

/**
 * The master that Redis Sentinel names. Sentinel is asked only where the master is: its own clients queue without bound, and
 * run the commands in flight again on the next master. Each failover has a higher number, so a Sentinel that was cut off and
 * still names the previous master is outvoted by any other.
 */
export function openSentinelTarget({ sentinels, name, address, log }: SentinelTargetDeps): RedisTarget {
  const listeners = new Set<() => void>();
  const shown = `${name} (Sentinel)`;
  /** The last answer of each. It stands while that Sentinel is away. */
  const answers = new Map<RedisAddress, SentinelAnswer>();
  let master: RedisAddress | undefined;
  let problem: unknown;

  function choose(): void {
    const newest = [...answers.values()].reduce((a, b) => (b.failovers > a.failovers ? b : a));
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
        answers.set(sentinel, answer);
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
