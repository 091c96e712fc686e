import type { Logger } from 'pino';
import { type Outcome, succeed } from '../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../protocol/limits.ts';
import type { Sized } from '../sizes.ts';
import { admitted, createLocalPresence, inTurn, type LocalRoom, type LocalUser } from './local-presence.ts';
import { createPresenceReports } from './presence-reports.ts';
import type { Room } from './room.ts';
import type { Roster, RosterCount, RosterEntry } from './roster.ts';

/*
 * Presence: reports this worker's users of each room to the roster, and announces who joins. The roster itself announces
 * who quits. The states of a user in one room:
 *
 *   absent ──enter──► present(n tabs) ──last tab's connection lost──► lingering ──grace over──► absent, quit announced
 *     ▲     │            ▲                                          │
 *     └refused           └──────────enter, nothing announced────────┘
 *
 * Calls to the roster about one user in one room are serialised: if an enter overtook an exit, the room would hear of one
 * change and not of the other. The roster keeps a lingering user, so a return on another worker is not announced either.
 */

const RETRY_MS = 2_000;

export interface PresenceDeps {
  readonly roster: Pick<Roster, 'enter' | 'exit' | 'reap' | 'setClients'>;
  /** The user joined or left the room cluster-wide; the room has `clients` connections now. */
  readonly onJoin: (room: Room, user: RosterEntry, clients: number) => void;
  /** Runs only beside an embedded primary of the release before, which leaves the announcement to its workers. */
  readonly onQuit: (room: Room, user: RosterEntry, clients: number) => void;
  readonly log: Logger;
  /** The time that a user stays present after the last connection is lost. */
  readonly graceMs?: number;
}

export interface Presence {
  /**
   * Adds a connection of the user to the room. `announce` publishes the join, if the user is new to the room. A refusal
   * by the roster, for a ban or a full room, changes nothing.
   */
  enter(room: Room, user: RosterEntry): Promise<Outcome<RosterCount & { announce: () => void }>>;
  /**
   * Removes a connection: at once if the user asked for it, after the grace time if it was lost. Resolves once the roster
   * has accepted or rejected the change.
   */
  leave(room: Room, userId: string, why: 'asked' | 'lost'): Promise<void>;
  /** Changes the user's name or avatar. Resolves as `leave` does. */
  rename(room: Room, user: RosterEntry): Promise<void>;
  /** Counts the users and connections in the room now. */
  count(room: Room): Promise<Outcome<RosterCount>>;
  /** Repeats at once what the store has not accepted. */
  resync(): void;
  /** Announces the departure of every user that a dead worker left behind. */
  reap(instanceId: string): Promise<void>;
  close(): void;
}

export function createPresence(deps: PresenceDeps): Presence & Sized {
  const { roster, onJoin, onQuit, log, graceMs = PRESENCE_GRACE_MS } = deps;
  const present = createLocalPresence();
  const reports = createPresenceReports({
    roster,
    local: present,
    onReturn: announce,
    log,
    retryMs: RETRY_MS,
  });
  /** Reaps under way: the caller repeats a reap twice a second, and a slow store must not get the same work each time. */
  const reaps = new Map<string, Promise<void>>();
  let closed = false;

  async function enter(room: Room, entry: RosterEntry) {
    const { local, user } = present.add(room, entry);
    const entered = await inTurn(user, () => {
      user.arriving -= 1;
      local.arriving -= 1;
      return reports.send(local, user);
    });
    user.entering -= 1;
    if (!entered.ok) {
      // A store that was away may have accepted the enter all the same.
      if (entered.error.temporary) void leave(room, entry.userId, 'asked');
      else undoEnter(local, user);
      return entered;
    }
    const { users, clients } = entered.value;
    return succeed({ users, clients, announce: () => announce(room, user, clients) });
  }

  /** Removes a connection that the roster refused. Another user's enter may have counted it, so it reports the counts again. */
  function undoEnter(local: LocalRoom, user: LocalUser): void {
    if (user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0) void reports.queue(local, user);
    // An earlier enter without an answer may have been stored.
    else if (user.reported !== undefined || user.unannounced) void depart(local, user);
    else {
      present.forget(local, user);
      // The recount is needed even if the last answer has this count: a later report about another user may have counted
      // this connection.
      void reports.recount(local);
    }
  }

  function announce(room: Room, user: LocalUser, clients: number): void {
    if (!user.unannounced) return;
    user.unannounced = false;
    onJoin(room, user.entry, clients);
  }

  async function leave(room: Room, userId: string, why: 'asked' | 'lost'): Promise<void> {
    const local = present.get(room.tag);
    const user = local?.users.get(userId);
    if (!local || !user || user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0) return reports.queue(local, user);
    clearTimeout(user.timer);
    if (why === 'asked') return depart(local, user);
    user.timer = setTimeout(() => void depart(local, user), graceMs);
    return reports.queue(local, user);
  }

  /** Repeats until the store accepts it, because a departure that is not stored leaves a ghost. */
  function depart(local: LocalRoom, user: LocalUser): Promise<void> {
    const { room, users } = local;
    return inTurn(user, async () => {
      if (closed || user.clients > 0 || users.get(user.entry.userId) !== user) return;
      const { unannounced } = user;
      // From here on the join is the roster's to announce, if the user is there on another worker.
      user.unannounced = false;
      const left = await roster.exit(room, user.entry.userId, admitted(local), unannounced);
      if (!left.ok) {
        user.unannounced = unannounced;
        log.warn({ tag: room.tag, code: left.error.code }, 'a departure is not stored yet');
        if (user.clients === 0) user.timer = setTimeout(() => void depart(local, user), RETRY_MS);
        return;
      }
      user.reported = undefined;
      const { changed, announced, clients } = left.value;
      if (changed && !announced && !unannounced) onQuit(room, user.entry, clients);
      if (user.clients === 0) present.forget(local, user);
    });
  }

  async function reapNow(instanceId: string): Promise<void> {
    const gone = await roster.reap(instanceId);
    if (!gone.ok) {
      log.warn({ instanceId, code: gone.error.code }, 'a dead worker cannot be reaped yet');
      return;
    }
    for (const { room, user, clients, announced } of gone.value) if (!announced) onQuit(room, user, clients);
  }

  return {
    sizes: () => ({ reaps: reaps.size, present: present.sizes(), reports: reports.sizes() }),
    enter,
    leave,
    async rename(room, entry) {
      const local = present.get(room.tag);
      const user = local?.users.get(entry.userId);
      if (!local || !user) return;
      user.entry = entry;
      if (user.clients > 0) await reports.queue(local, user);
    },
    count(room) {
      const local = present.get(room.tag);
      return roster.setClients(room, local ? admitted(local) : 0);
    },
    resync: reports.resync,
    reap(instanceId) {
      const reaping = reaps.get(instanceId) ?? reapNow(instanceId).finally(() => reaps.delete(instanceId));
      reaps.set(instanceId, reaping);
      return reaping;
    },
    close() {
      closed = true;
      reports.close();
      present.clearTimers();
    },
  };
}
