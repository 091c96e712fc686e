import { ROSTER_SETTLE_MS } from '../../../chat/roster.ts';
import type { RedisServer } from '../connection/commands.ts';
import { mayHaveLost } from '../connection/server-term.ts';

/*
 * settled -> (another term of a server) unsure -> (no server lost its data) settled
 *                                         unsure -> (a server lost its data, or the time is over) …
 * settled, unsure -> (a server lost its data) settling -> (the time is over) settled
 *
 * While a worker is unsure or settling, its calls make rooms hold back what they would announce, see roster-changes.lua: other
 * workers have not reported their users again, who would seem to join or to be gone.
 */

/** Tells for how long joins and departures are held back, because the servers may have lost the roster. */
export interface Settling {
  /** The caller asks when it makes a call for that server: the first one after a restart must not announce anything yet. */
  leftMs(server: RedisServer): number;
  /** A server lost its data, or another one took over, or this worker is done with reporting again. */
  begin(): void;
  /** Every server has the data that it had before. */
  confirm(): void;
}

export function createSettling({ now }: { readonly now: () => number }): Settling {
  const seen = new WeakSet<RedisServer>();
  let settledAtMs = Number.NEGATIVE_INFINITY;
  let sureAtMs = Number.NEGATIVE_INFINITY;

  return {
    leftMs(server) {
      if (!seen.has(server)) {
        seen.add(server);
        const { term, previousTerm } = server;
        if (previousTerm !== undefined && mayHaveLost(previousTerm, term))
          sureAtMs = now() + ROSTER_SETTLE_MS;
      }
      return Math.max(0, Math.max(settledAtMs, sureAtMs) - now());
    },
    begin() {
      settledAtMs = now() + ROSTER_SETTLE_MS;
    },
    confirm() {
      sureAtMs = Number.NEGATIVE_INFINITY;
    },
  };
}
