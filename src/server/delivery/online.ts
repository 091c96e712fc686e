import type { Roster, RosterCount } from '../../chat/roster.ts';
import type { ClientSocket } from '../socket-types.ts';

const SHORTEST_MS = 1_000;
/** 1 % of the 100,000 deliveries a second that a worker is sized for. */
const DELIVERIES_PER_S = 1_000;

export interface OnlineDeps {
  readonly roster: Pick<Roster, 'totals'>;
  /** Sends to all connections of this worker that got their `hello`. */
  readonly broadcast: (totals: RosterCount) => void;
  /** Sends to a new connection. */
  readonly send: (socket: ClientSocket, totals: RosterCount) => void;
  /** Connections on this worker. */
  readonly clients: () => number;
  readonly degraded: () => boolean;
}

/** Sends every connection on this worker the number of users and connections online in the whole cluster. */
export interface Online {
  /** Sends a new connection the last known totals. */
  sendTo(socket: ClientSocket): void;
  close(): void;
}

/** Each worker queries the totals and sends them to its own connections, so they cost the bus nothing. */
export function createOnline({ roster, broadcast, send, clients, degraded }: OnlineDeps): Online {
  let sent: RosterCount | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function poll(): Promise<void> {
    const totals = degraded() ? undefined : await roster.totals();
    if (closed) return;
    // The next totals after a failure are sent even if unchanged: connections made since then got none.
    if (totals?.ok) publish(totals.value);
    else sent = undefined;
    timer = setTimeout(() => void poll(), intervalMs(clients()));
  }

  function publish(totals: RosterCount): void {
    if (sent?.users === totals.users && sent.clients === totals.clients) return;
    sent = totals;
    broadcast(totals);
  }

  void poll();
  return {
    sendTo(socket) {
      // Zero connections means that this one is not counted yet; it gets the totals that include it.
      if (sent && sent.clients > 0) send(socket, sent);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** `clients / interval <= DELIVERIES_PER_S`, but not more often than once a second. */
function intervalMs(clients: number): number {
  return Math.max(SHORTEST_MS, Math.ceil((clients * 1_000) / DELIVERIES_PER_S));
}
