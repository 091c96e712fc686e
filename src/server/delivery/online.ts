import type { Roster, RosterCount } from '../../chat/roster.ts';
import type { ClientSocket } from '../socket-types.ts';

const SHORTEST_MS = 1_000;
/** A worker is counted on for 100,000 deliveries a second; the number of people online may take 1 % of them. */
const DELIVERIES_PER_S = 1_000;

export interface OnlineDeps {
  readonly roster: Pick<Roster, 'totals'>;
  /** To all connections of this worker that may be told. */
  readonly broadcast: (totals: RosterCount) => void;
  /** Connections on this worker. */
  readonly clients: () => number;
  readonly degraded: () => boolean;
}

/** Tells every connection on this worker how many are online in the whole cluster. */
export interface Online {
  /** The connection just came: it is told what is known. */
  sendTo(socket: Pick<ClientSocket, 'emit'>): void;
  close(): void;
}

/** Every worker asks for itself and emits to its own: the number costs the bus nothing, however many there are. */
export function createOnline({ roster, broadcast: tellAll, clients, degraded }: OnlineDeps): Online {
  let told: RosterCount | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<void> {
    const asked = degraded() ? undefined : await roster.totals();
    if (closed) return;
    // After the store was away everybody is told: who came meanwhile was not.
    if (asked?.ok) tell(asked.value);
    else told = undefined;
    timer = setTimeout(() => void look(), intervalMs(clients()));
  }

  function tell(totals: RosterCount): void {
    if (told?.users === totals.users && told.clients === totals.clients) return;
    told = totals;
    tellAll(told);
  }

  void look();
  return {
    sendTo(socket) {
      // Whoever finds nobody is not counted yet, and told when it is.
      if (told && told.clients > 0) socket.emit('online', told);
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
