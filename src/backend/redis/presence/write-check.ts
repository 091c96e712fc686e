import { ROSTER_HEARTBEAT_MS, type Roster } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';

/** Well above the interval of heartbeats, so that a late one costs no additional write. */
const FRESH_MS = 2 * ROSTER_HEARTBEAT_MS;

export interface WriteCheck {
  readonly heartbeat: Roster['heartbeat'];
  /** Checks whether the store accepts writes: the last heartbeat was written and is recent. Otherwise it writes one. */
  check(): Promise<Outcome<void>>;
  /** A heartbeat was written at some time: the store knows this instance. */
  wasWritten(): boolean;
}

/**
 * Watches whether the heartbeats of this instance are written. A store that is full, read-only or cannot write to its disk
 * still answers reads and pings, so only a write shows that it can be used.
 */
export function createWriteCheck(send: Roster['heartbeat'], now: () => number): WriteCheck {
  let clients = 0;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  let last: Outcome<void> | undefined;

  async function heartbeat(count: number): Promise<Outcome<void>> {
    clients = count;
    const sent = await send(count);
    last = sent;
    if (sent.ok) writtenAtMs = now();
    return sent;
  }

  return {
    heartbeat,
    check: async () =>
      last?.ok && now() - writtenAtMs < FRESH_MS ? succeed(undefined) : await heartbeat(clients),
    wasWritten: () => writtenAtMs > Number.NEGATIVE_INFINITY,
  };
}
