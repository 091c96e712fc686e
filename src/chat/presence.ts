import type { Logger } from 'pino';
import { type Outcome, succeed } from '../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../protocol/limits.ts';
import { createReconciler } from './reconciler.ts';
import type { Room } from './room.ts';
import type { Roster, RosterCount, RosterEntry } from './roster.ts';

/*
 * The users of each room on this worker. The states of a user in one room:
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
  /** How long a user stays present after the last connection is lost. */
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
  /** What the roster has of `clients`; undefined: it does not have the user from here. */
  stated: number | undefined;
  /** Enters that the roster has not answered, and those of them it was not asked yet. Their connections may be gone already. */
  entering: number;
  arriving: number;
  /** To be stated in a turn that has not come yet. */
  stating: boolean;
  /** The roster did not take what was stated last: a number, a name or a face. */
  owed: boolean;
  /** In the roster, but the room was not told: the connection was gone before it was let in. */
  untold: boolean;
  /** What is said to the roster, one after the other. */
  turn: Promise<unknown>;
  timer?: NodeJS.Timeout;
}

interface LocalRoom {
  readonly room: Room;
  readonly users: Map<string, LocalUser>;
  clients: number;
  /** Those of `clients` that the roster was not asked to let in yet. */
  arriving: number;
}

export function createPresence(deps: PresenceDeps): Presence {
  const { roster, onJoin, onQuit, log, graceMs = PRESENCE_GRACE_MS } = deps;
  const rooms = new Map<string, LocalRoom>();
  /** Rooms of which the store has a wrong count, of the room or of one of its users. */
  const miscounted = createReconciler<Room>({
    attempt: async ({ tag }) => {
      await correct(tag);
      return 'done';
    },
    onError: (error) => log.error({ err: error }, 'the counts of a room could not be corrected'),
    keyOf: ({ tag }) => tag,
    retryMs: RETRY_MS,
  });
  /** A store that answers slowly is asked twice a second, and must not get the same work each time. */
  const reaps = new Map<string, Promise<void>>();
  let closed = false;

  function inTurn<T>(user: LocalUser, say: () => Promise<T>): Promise<T> {
    const said = user.turn.then(say);
    // Without the answer, which would be kept until the user's next turn.
    user.turn = said.then(nothing, nothing);
    return said;
  }

  /** How many connections the user has, of how many in the room, as it is when this is called. */
  async function tell(local: LocalRoom, user: LocalUser) {
    const own = admitted(user);
    const clients = admitted(local);
    const answer = await roster.enter(local.room, user.entry, own, clients);
    if (answer.ok) {
      user.stated = own;
      user.owed = false;
      if (answer.value.changed) user.untold = true;
    }
    return answer;
  }

  async function enter(room: Room, entry: RosterEntry) {
    const local: LocalRoom = rooms.get(room.tag) ?? { room, users: new Map(), clients: 0, arriving: 0 };
    rooms.set(room.tag, local);
    const user: LocalUser = local.users.get(entry.userId) ?? {
      entry,
      clients: 0,
      stated: undefined,
      entering: 0,
      arriving: 0,
      stating: false,
      owed: false,
      untold: false,
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
      return tell(local, user);
    });
    user.entering -= 1;
    if (!entered.ok) {
      // A store that was away may have accepted it all the same.
      if (entered.error.temporary) void leave(room, entry.userId, 'asked');
      else takeBack(local, user);
      return entered;
    }
    const { users, clients } = entered.value;
    return succeed({ users, clients, announce: () => announce(room, user, clients) });
  }

  /** The roster took nothing; but others of the room may have been counted together with this connection. */
  function takeBack(local: LocalRoom, user: LocalUser): void {
    if (user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0) void state(local, user);
    else if (user.stated !== undefined) void depart(local, user);
    else {
      forget(local, user);
      // Also when the last answer has this number: what was said since, of others, may have counted this connection.
      void recount(local);
    }
  }

  function forget(local: LocalRoom, user: LocalUser): void {
    const { room, users } = local;
    // Whom the roster is still to be told of must be found when they are to depart.
    if (user.entering > 0) return;
    users.delete(user.entry.userId);
    if (users.size === 0 && rooms.get(room.tag) === local) rooms.delete(room.tag);
  }

  function announce(room: Room, user: LocalUser, clients: number): void {
    if (!user.untold) return;
    user.untold = false;
    onJoin(room, user.entry, clients);
  }

  async function leave(room: Room, userId: string, why: 'asked' | 'lost'): Promise<void> {
    const local = rooms.get(room.tag);
    const user = local?.users.get(userId);
    if (!local || !user || user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0) return state(local, user);
    clearTimeout(user.timer);
    if (why === 'asked') return depart(local, user);
    user.timer = setTimeout(() => void depart(local, user), graceMs);
    return state(local, user);
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
      user.stated = undefined;
      if (left.value.changed && !user.untold) onQuit(room, user.entry, left.value.clients);
      user.untold = false;
      if (user.clients === 0) forget(local, user);
    });
  }

  /** Says how many connections a user has that the roster knows of already; a burst of changes costs one call. */
  async function state(local: LocalRoom, user: LocalUser): Promise<void> {
    if (user.stating) {
      await user.turn;
      return;
    }
    user.stating = true;
    return inTurn(user, async () => {
      user.stating = false;
      if (closed || user.stated === undefined) return;
      const stated = await tell(local, user);
      if (stated.ok) {
        // It was taken for dead and reaped: the room was told that the user left.
        if (user.clients > 0) announce(local.room, user, stated.value.clients);
      } else if (stated.error.temporary) {
        user.owed = true;
        miscounted.schedule(local.room);
      }
      // Banned while there: no longer counted apart, until it is put out.
      else void recount(local);
    });
  }

  async function recount(local: LocalRoom): Promise<void> {
    const { room } = local;
    const counted = await roster.setClients(room, admitted(local));
    // A full store rejects this and passes every health check, so its return alone does not repeat it.
    if (!counted.ok) miscounted.schedule(room);
  }

  /** Reports every user of whom the roster has a wrong count, name or face, or else the count of the room. */
  async function correct(tag: string): Promise<void> {
    const local = rooms.get(tag);
    if (!local) return;
    const wrong = [...local.users.values()].filter(
      ({ stated, clients, owed }) => stated !== undefined && (owed || stated !== clients),
    );
    await Promise.all(wrong.length > 0 ? wrong.map((user) => state(local, user)) : [recount(local)]);
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
      if (user.clients > 0) await state(local, user);
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
 * How many connections the roster is told of: who comes at once is let in one by one. Told of all of them it would refuse each
 * for a room that has place for some.
 */
function admitted({ clients, arriving }: Pick<LocalRoom, 'clients' | 'arriving'>): number {
  return Math.max(0, clients - arriving);
}

function nothing(): void {}
