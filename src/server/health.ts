import type { Logger } from 'pino';
import type { RoomBus } from '../chat/log-store.ts';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';

/*
 * A worker is healthy when the store takes its writes and a probe that it publishes comes back over the bus.
 *
 *   healthy ──store or bus does not answer──► degraded ──both answer──► healthy, after a resync
 *
 * While one of several servers is away and the others serve, a worker is degraded and ready: nobody serves that server's rooms
 * better, and the other rooms need every worker.
 *
 * A worker whose subscriber receives nothing still answers every ping; only a round trip shows the fault.
 */

const CHECK_MS = 1_000;
/** One lost probe may have gone down with a connection that is reconnecting by itself. */
const MISSES_BEFORE_REDIAL = 2;

export interface HealthDeps {
  readonly checkStore: () => Promise<Outcome<void>>;
  /** The servers that the last successful check found away, while others serve. */
  readonly awayServers: () => readonly string[];
  readonly bus: Pick<RoomBus, 'probe' | 'reconnect'>;
  /** Compares every followed room with its log. */
  readonly resync: () => void;
  /** A probe did not come back: messages may be missing, too. */
  readonly onProbeMissed: () => void;
  readonly onDegraded: (since: number) => void;
  readonly onRestored: () => void;
  readonly now: () => number;
  readonly log: Logger;
}

export interface Health {
  /** Ready, or why not. */
  state(): Outcome<void>;
  /** Resolves after the first check, whatever it found. */
  readonly firstCheck: Promise<void>;
  /** The time at which the store, the bus or one of several servers went away; undefined while all answer. */
  degradedSince(): number | undefined;
  /** The store or the bus is away as a whole, as the last check found. */
  isAway(): boolean;
  /** The number of the store's servers that are away, while others serve. */
  awayServers(): number;
  readonly counters: { readonly probesMissed: number; readonly reconnects: number };
  close(): void;
}

export function createHealth(deps: HealthDeps): Health {
  const { checkStore, awayServers, bus, log, now } = deps;
  const counters = { probesMissed: 0, reconnects: 0 };
  let since: number | undefined;
  let last: Outcome<void> = refuse('unavailable', 'not checked yet', CHECK_MS);
  let away: readonly string[] = [];
  let missed = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function check(): Promise<void> {
    const store = await checkStore();
    const probed = store.ok ? await bus.probe() : store;
    if (closed) return;
    const isBack = probed.ok && since !== undefined && !last.ok;
    last = probed;
    away = probed.ok ? awayServers() : [];
    if (store.ok && !probed.ok) miss();
    else missed = 0;
    if (probed.ok && away.length === 0) recover();
    else degrade();
    // The rooms of the servers that serve again must not wait for one that stays away.
    if (isBack && away.length > 0) deps.resync();
    timer = setTimeout(() => void check(), CHECK_MS);
  }

  function miss(): void {
    counters.probesMissed += 1;
    deps.onProbeMissed();
    missed += 1;
    if (missed < MISSES_BEFORE_REDIAL) return;
    missed = 0;
    counters.reconnects += 1;
    log.warn('the bus delivers nothing though the store answers: its connection is replaced');
    bus.reconnect();
  }

  function degrade(): void {
    if (since !== undefined) return;
    since = now();
    log.warn(last.ok ? { away } : { reason: last.error.message }, 'degraded');
    deps.onDegraded(since);
  }

  function recover(): void {
    if (since === undefined) return;
    log.info({ forMs: now() - since }, 'restored');
    since = undefined;
    deps.resync();
    deps.onRestored();
  }

  const firstCheck = check();
  return {
    firstCheck,
    state: () => (last.ok ? succeed(undefined) : last),
    degradedSince: () => since,
    isAway: () => since !== undefined && !last.ok,
    awayServers: () => away.length,
    counters,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
