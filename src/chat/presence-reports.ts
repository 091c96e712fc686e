import type { Logger } from 'pino';
import type { Outcome } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import { admitted, inTurn, type LocalPresence, type LocalRoom, type LocalUser } from './local-presence.ts';
import { createReconciler } from './reconciler.ts';
import type { Room } from './room.ts';
import type { Roster, RosterChange } from './roster.ts';

export interface PresenceReportsDeps {
  readonly roster: Pick<Roster, 'enter' | 'setClients'>;
  readonly local: LocalPresence;
  /** The room sees the user again, whom it saw quit. */
  readonly onReturn: (room: Room, user: LocalUser, clients: number) => void;
  readonly log: Logger;
  readonly retryMs: number;
}

/** Reports the counts of this worker's connections to the roster, and repeats what it has not accepted. */
export interface PresenceReports {
  /** Sends the current counts of the user's and of the room's connections. The caller MUST hold the user's turn. */
  send(local: LocalRoom, user: LocalUser): Promise<Outcome<RosterChange>>;
  /** Reports a user whom the roster lists already, in their next turn; a burst of changes costs one call. */
  queue(local: LocalRoom, user: LocalUser): Promise<void>;
  /** Reports the count of the room alone. */
  recount(local: LocalRoom): Promise<void>;
  /** Repeats at once what the roster has not accepted. */
  resync(): void;
  close(): void;
}

export function createPresenceReports(deps: PresenceReportsDeps): PresenceReports & Sized {
  const { roster, local: present, onReturn, log, retryMs } = deps;
  /** Rooms for which the store has a wrong count, of the room or of one of its users. */
  const miscounted = createReconciler<Room>({
    attempt: async ({ tag }) => {
      await correct(tag);
      return 'done';
    },
    onError: (error) => log.error({ err: error }, 'the counts of a room could not be corrected'),
    keyOf: ({ tag }) => tag,
    retryMs,
  });
  let closed = false;

  async function send(local: LocalRoom, user: LocalUser) {
    const own = admitted(user);
    const clients = admitted(local);
    const answer = await roster.enter(local.room, user.entry, own, clients);
    if (answer.ok) {
      user.reported = own;
      user.reportFailed = false;
      // An exit whose answer was lost took the user out if the roster does not know them here.
      if (answer.value.changed) user.unannounced = true;
      else if (answer.value.wasHere === false) user.unannounced = false;
    } else if (answer.error.temporary && user.reported === undefined) {
      // The roster may have accepted the user, and nobody would announce the join.
      user.unannounced = true;
    }
    return answer;
  }

  async function queue(local: LocalRoom, user: LocalUser): Promise<void> {
    if (user.reportQueued) {
      await user.turn;
      return;
    }
    user.reportQueued = true;
    return inTurn(user, async () => {
      user.reportQueued = false;
      if (closed || user.reported === undefined) return;
      const answer = await send(local, user);
      if (answer.ok) {
        // If another worker reaped this one as dead, the room has seen the user quit and sees them join again.
        if (user.clients > 0) onReturn(local.room, user, answer.value.clients);
      } else if (answer.error.temporary) {
        user.reportFailed = true;
        miscounted.schedule(local.room);
      }
      // Banned while in the room: until the removal, only the room's count includes the connections.
      else void recount(local);
    });
  }

  async function recount(local: LocalRoom): Promise<void> {
    const { room } = local;
    const counted = await roster.setClients(room, admitted(local));
    // A full store rejects this and passes every health check, so its return alone does not repeat it.
    if (!counted.ok) miscounted.schedule(room);
  }

  /** Reports every user whose count, name or avatar is wrong in the roster; if there is none, the room's count. */
  async function correct(tag: string): Promise<void> {
    const local = present.get(tag);
    if (!local) return;
    const wrong = [...local.users.values()].filter(
      ({ reported, clients, reportFailed }) =>
        reported !== undefined && (reportFailed || reported !== clients),
    );
    await Promise.all(wrong.length > 0 ? wrong.map((user) => queue(local, user)) : [recount(local)]);
  }

  return {
    sizes: () => ({ miscounted: miscounted.sizes() }),
    send,
    queue,
    recount,
    resync: miscounted.flush,
    close() {
      closed = true;
      miscounted.close();
    },
  };
}
