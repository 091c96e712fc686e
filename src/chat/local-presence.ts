import type { Sized } from '../sizes.ts';
import type { Room } from './room.ts';
import type { RosterEntry } from './roster.ts';

/** A user of this worker in one room. */
export interface LocalUser {
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
  /**
   * The roster lists the user but the room does not know: the connection was gone before it was admitted. It is also set
   * while the answer to the first enter is missing. The room then hears of a join a second time if the user was on another
   * worker already, because a quit without a join would be worse.
   */
  unannounced: boolean;
  /** The last call to the roster; the next one waits for it. */
  turn: Promise<unknown>;
  timer?: NodeJS.Timeout;
}

export interface LocalRoom {
  readonly room: Room;
  readonly users: Map<string, LocalUser>;
  clients: number;
  /** The part of `clients` that the roster has not been asked to admit yet. */
  arriving: number;
}

/** This worker's connections by room and user. */
export interface LocalPresence {
  /** Adds a connection of the user; the caller takes it out of `arriving` when it asks the roster. */
  add(room: Room, entry: RosterEntry): { readonly local: LocalRoom; readonly user: LocalUser };
  get(tag: string): LocalRoom | undefined;
  /** Removes a user without connections. */
  forget(local: LocalRoom, user: LocalUser): void;
  clearTimers(): void;
}

export function createLocalPresence(): LocalPresence & Sized {
  const rooms = new Map<string, LocalRoom>();

  return {
    sizes: () => ({ rooms: rooms.size }),
    add(room, entry) {
      const local: LocalRoom = rooms.get(room.tag) ?? { room, users: new Map(), clients: 0, arriving: 0 };
      rooms.set(room.tag, local);
      const user = local.users.get(entry.userId) ?? newUser(entry);
      local.users.set(entry.userId, user);
      clearTimeout(user.timer);
      user.entry = entry;
      user.clients += 1;
      user.entering += 1;
      user.arriving += 1;
      local.clients += 1;
      local.arriving += 1;
      return { local, user };
    },
    get: (tag) => rooms.get(tag),
    forget(local, user) {
      const { room, users } = local;
      // A user with an unanswered enter stays findable, because a refusal of that enter has to remove them again.
      if (user.entering > 0) return;
      users.delete(user.entry.userId);
      if (users.size === 0 && rooms.get(room.tag) === local) rooms.delete(room.tag);
    },
    clearTimers() {
      for (const { users } of rooms.values()) for (const { timer } of users.values()) clearTimeout(timer);
    },
  };
}

function newUser(entry: RosterEntry): LocalUser {
  return {
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
}

/**
 * The connections to report, without those that still wait for admission. If all of a burst were reported at once, a room
 * with space for some of them would refuse each.
 */
export function admitted({ clients, arriving }: Pick<LocalRoom, 'clients' | 'arriving'>): number {
  return Math.max(0, clients - arriving);
}

/** Runs the task after the user's earlier calls to the roster. */
export function inTurn<T>(user: LocalUser, task: () => Promise<T>): Promise<T> {
  const result = user.turn.then(task);
  // Drops the result, which would stay in memory until the user's next turn.
  user.turn = result.then(nothing, nothing);
  return result;
}

function nothing(): void {}
