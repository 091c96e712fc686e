import type { Logger } from 'pino';
import { type Outcome, succeed } from '../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../protocol/limits.ts';
import { createReconciler } from './reconciler.ts';
import type { Room } from './room.ts';
import type { Roster, RosterCount, RosterEntry } from './roster.ts';

/*
 * Presence: reports this worker's users of each room to the roster, and announces who joins or quits. The states of a
 * user in one room:
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

interface LocalUser {
  entry: RosterEntry;
  clients: number;
  /** The count that the roster last accepted; undefined while the roster does not list the user for this worker. */
  reported: number | undefined;
  /** Enters that the roster has not answered. Their connections may be gone already. */
  entering: number;
  /** The part of `entering` that the roster has not been asked for yet. */
  arriving: number;
  /** A report is queued and has not started. */
  reportQueued: boolean;
  /** The roster rejected the last report, of a count, a name or an avatar; it is to be repeated. */
  reportFailed: boolean;
  /** The roster lists the user but the room does not know: the connection was gone before it was admitted. */
  unannounced: boolean;
  /** The last call to the roster; the next one waits for it. */
  turn: Promise<unknown>;
  timer?: NodeJS.Timeout;
}

interface LocalRoom {
  readonly room: Room;
  readonly users: Map<string, LocalUser>;
  clients: number;
  /** The part of `clients` that the roster has not been asked to admit yet. */
  arriving: number;
}

export function createPresence(deps: PresenceDeps): Presence {
  const { roster, onJoin, onQuit, log, graceMs = PRESENCE_GRACE_MS } = deps;
  const rooms = new Map<string, LocalRoom>();
  /** Rooms for which the store has a wrong count, of the room or of one of its users. */
  const miscounted = createReconciler<Room>({
    attempt: async ({ tag }) => {
      await correct(tag);
      return 'done';
    },
    onError: (error) => log.error({ err: error }, 'the counts of a room could not be corrected'),
    keyOf: ({ tag }) => tag,
    retryMs: RETRY_MS,
  });
  /** Reaps under way: the caller repeats a reap twice a second, and a slow store must not get the same work each time. */
  const reaps = new Map<string, Promise<void>>();
  let closed = false;

  function inTurn<T>(user: LocalUser, task: () => Promise<T>): Promise<T> {
    const result = user.turn.then(task);
    // Drops the result, which would stay in memory until the user's next turn.
    user.turn = result.then(nothing, nothing);
    return result;
  }

  /** Sends the roster the current counts of the user's and of the room's connections. */
  async function report(local: LocalRoom, user: LocalUser) {
    const own = admitted(user);
    const clients = admitted(local);
    const answer = await roster.enter(local.room, user.entry, own, clients);
    if (answer.ok) {
      user.reported = own;
      user.reportFailed = false;
      if (answer.value.changed) user.unannounced = true;
    }
    return answer;
  }

  async function enter(room: Room, entry: RosterEntry) {
    const local: LocalRoom = rooms.get(room.tag) ?? { room, users: new Map(), clients: 0, arriving: 0 };
    rooms.set(room.tag, local);
    const user: LocalUser = local.users.get(entry.userId) ?? {
      entry,
      clients: 0,
      reported: undefined,
      entering: 0,
      arriving: 0,
      reportQueued: false,
      reportFailed: false,
      unannounced: false,
      turn: Promise.resolve(),
    };
    local.users.set(entry.userId, user);
    clearTimeout(user.timer);
    user.entry = entry;
    user.clients += 1;
    user.entering += 1;
    local.clients += 1;
    user.arriving += 1;
    local.arriving += 1;
    const entered = await inTurn(user, () => {
      user.arriving -= 1;
      local.arriving -= 1;
      return report(local, user);
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
    if (user.clients > 0) void queueReport(local, user);
    else if (user.reported !== undefined) void depart(local, user);
    else {
      forget(local, user);
      // The recount is needed even if the last answer has this count: a later report about another user may have
      // counted this connection.
      void recount(local);
    }
  }

  function forget(local: LocalRoom, user: LocalUser): void {
    const { room, users } = local;
    // A user with an unanswered enter stays findable, because a refusal of that enter has to remove them again.
    if (user.entering > 0) return;
    users.delete(user.entry.userId);
    if (users.size === 0 && rooms.get(room.tag) === local) rooms.delete(room.tag);
  }

  function announce(room: Room, user: LocalUser, clients: number): void {
    if (!user.unannounced) return;
    user.unannounced = false;
    onJoin(room, user.entry, clients);
  }

  async function leave(room: Room, userId: string, why: 'asked' | 'lost'): Promise<void> {
    const local = rooms.get(room.tag);
    const user = local?.users.get(userId);
    if (!local || !user || user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0) return queueReport(local, user);
    clearTimeout(user.timer);
    if (why === 'asked') return depart(local, user);
    user.timer = setTimeout(() => void depart(local, user), graceMs);
    return queueReport(local, user);
  }

  /** Repeats until the store accepts it, because a departure that is not stored leaves a ghost. */
  function depart(local: LocalRoom, user: LocalUser): Promise<void> {
    const { room, users } = local;
    return inTurn(user, async () => {
      if (closed || user.clients > 0 || users.get(user.entry.userId) !== user) return;
      const clients = admitted(local);
      const left = await roster.exit(room, user.entry.userId, clients);
      if (!left.ok) {
        log.warn({ tag: room.tag, code: left.error.code }, 'a departure is not stored yet');
        if (user.clients === 0) user.timer = setTimeout(() => void depart(local, user), RETRY_MS);
        return;
      }
      user.reported = undefined;
      if (left.value.changed && !user.unannounced) onQuit(room, user.entry, left.value.clients);
      user.unannounced = false;
      if (user.clients === 0) forget(local, user);
    });
  }

  /** Reports a user whom the roster lists already, in their next turn; a burst of changes costs one call. */
  async function queueReport(local: LocalRoom, user: LocalUser): Promise<void> {
    if (user.reportQueued) {
      await user.turn;
      return;
    }
    user.reportQueued = true;
    return inTurn(user, async () => {
      user.reportQueued = false;
      if (closed || user.reported === undefined) return;
      const answer = await report(local, user);
      if (answer.ok) {
        // If another worker reaped this one as dead, the room has seen the user quit and sees them join again.
        if (user.clients > 0) announce(local.room, user, answer.value.clients);
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
    const local = rooms.get(tag);
    if (!local) return;
    const wrong = [...local.users.values()].filter(
      ({ reported, clients, reportFailed }) =>
        reported !== undefined && (reportFailed || reported !== clients),
    );
    await Promise.all(wrong.length > 0 ? wrong.map((user) => queueReport(local, user)) : [recount(local)]);
  }

  async function reapNow(instanceId: string): Promise<void> {
    const gone = await roster.reap(instanceId);
    if (!gone.ok) {
      log.warn({ instanceId, code: gone.error.code }, 'a dead worker cannot be reaped yet');
      return;
    }
    for (const { room, user, clients } of gone.value) onQuit(room, user, clients);
  }

  return {
    enter,
    leave,
    async rename(room, entry) {
      const local = rooms.get(room.tag);
      const user = local?.users.get(entry.userId);
      if (!local || !user) return;
      user.entry = entry;
      if (user.clients > 0) await queueReport(local, user);
    },
    count(room) {
      const local = rooms.get(room.tag);
      return roster.setClients(room, local ? admitted(local) : 0);
    },
    resync: miscounted.flush,
    reap(instanceId) {
      const reaping = reaps.get(instanceId) ?? reapNow(instanceId).finally(() => reaps.delete(instanceId));
      reaps.set(instanceId, reaping);
      return reaping;
    },
    close() {
      closed = true;
      miscounted.close();
      for (const { users } of rooms.values()) for (const { timer } of users.values()) clearTimeout(timer);
    },
  };
}

/**
 * The connections to report, without those that still wait for admission. If all of a burst were reported at once, a room
 * with space for some of them would refuse each.
 */
function admitted({ clients, arriving }: Pick<LocalRoom, 'clients' | 'arriving'>): number {
  return Math.max(0, clients - arriving);
}

function nothing(): void {}
