import type { Logger } from 'pino';
import { type Outcome, succeed } from '../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../protocol/limits.ts';
import type { Room } from './room.ts';
import type { Roster, RosterCount, RosterEntry } from './store.ts';

/*
 * Who of a room is on this worker. A user's state in one room:
 *
 *   absent ──enter──► present(n tabs) ──last tab's link lost──► lingering ──grace over──► absent, quit told
 *                        ▲                                          │
 *                        └──────────────enter, nothing told─────────┘
 *
 * What is said to the roster of one user in one room goes one after the other: an exit and the enter that
 * overtook it would tell of one change and not of the other. The roster keeps a lingering user, so a return on
 * another worker tells nothing either.
 */

const RETRY_MS = 2_000;

export interface PresenceDeps {
  readonly roster: Pick<Roster, 'enter' | 'exit' | 'recount' | 'sweep'>;
  /** The user came into the room, or left it, cluster-wide. */
  readonly onJoin: (room: Room, user: RosterEntry) => void;
  readonly onQuit: (room: Room, user: RosterEntry) => void;
  readonly log: Logger;
}

export interface Presence {
  /** One more connection of the user is in the room. `announce` tells the room, if the user is new to it. */
  enter(room: Room, user: RosterEntry): Promise<Outcome<RosterCount & { announce: () => void }>>;
  /** One connection less: at once when the user asked for it, after the grace time when a link was lost. */
  leave(room: Room, userId: string, why: 'asked' | 'lost'): void;
  /** The user goes by another name or face from now on. */
  rename(room: Room, user: RosterEntry): void;
  /** How many are in the room now. */
  count(room: Room): Promise<Outcome<RosterCount>>;
  /** Says again what the store could not be told while it was away. */
  restate(): void;
  /** Tells of everybody a dead worker left behind. */
  sweep(boot: string): Promise<void>;
  close(): void;
}

interface LocalUser {
  entry: RosterEntry;
  clients: number;
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
}

export function createPresence({ roster, onJoin, onQuit, log }: PresenceDeps): Presence {
  const rooms = new Map<string, LocalRoom>();
  /** Rooms whose count the store does not have. */
  const miscounted = new Set<string>();
  let closed = false;

  function inTurn<T>(user: LocalUser, say: () => Promise<T>): Promise<T> {
    const said = user.turn.then(say);
    user.turn = said.catch(() => undefined);
    return said;
  }

  async function enter(room: Room, entry: RosterEntry) {
    const local = rooms.get(room.tag) ?? { room, users: new Map<string, LocalUser>(), clients: 0 };
    rooms.set(room.tag, local);
    const user = local.users.get(entry.userId) ?? {
      entry,
      clients: 0,
      untold: false,
      turn: Promise.resolve(),
    };
    local.users.set(entry.userId, user);
    clearTimeout(user.timer);
    user.entry = entry;
    user.clients += 1;
    local.clients += 1;
    const entered = await inTurn(user, async () => {
      const answer = await roster.enter(room, entry, local.clients);
      if (answer.ok && answer.value.changed) user.untold = true;
      return answer;
    });
    if (!entered.ok) {
      leave(room, entry.userId, 'asked');
      return entered;
    }
    const { users, clients } = entered.value;
    return succeed({ users, clients, announce: () => announce(room, user) });
  }

  function announce(room: Room, user: LocalUser): void {
    if (!user.untold) return;
    user.untold = false;
    onJoin(room, user.entry);
  }

  function leave(room: Room, userId: string, why: 'asked' | 'lost'): void {
    const local = rooms.get(room.tag);
    const user = local?.users.get(userId);
    if (!local || !user || user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0 || why === 'lost') void recount(local);
    if (user.clients > 0) return;
    clearTimeout(user.timer);
    if (why === 'asked') void depart(local, user);
    else user.timer = setTimeout(() => void depart(local, user), PRESENCE_GRACE_MS);
  }

  /** Repeated until the store took it: a departure that is not stored leaves a ghost. */
  function depart(local: LocalRoom, user: LocalUser): Promise<void> {
    const { room, users } = local;
    return inTurn(user, async () => {
      if (closed || user.clients > 0 || users.get(user.entry.userId) !== user) return;
      const left = await roster.exit(room, user.entry.userId, local.clients);
      if (!left.ok) {
        log.warn({ tag: room.tag, code: left.error.code }, 'a departure is not stored yet');
        if (user.clients === 0) user.timer = setTimeout(() => void depart(local, user), RETRY_MS);
        return;
      }
      if (left.value.changed && !user.untold) onQuit(room, user.entry);
      user.untold = false;
      if (user.clients > 0) return;
      users.delete(user.entry.userId);
      if (users.size === 0 && rooms.get(room.tag) === local) rooms.delete(room.tag);
    });
  }

  async function recount({ room, clients }: LocalRoom): Promise<void> {
    const counted = await roster.recount(room, clients);
    if (counted.ok) miscounted.delete(room.tag);
    else miscounted.add(room.tag);
  }

  return {
    enter,
    leave,
    rename(room, entry) {
      const local = rooms.get(room.tag);
      const user = local?.users.get(entry.userId);
      if (!local || !user) return;
      user.entry = entry;
      void inTurn(user, async () => {
        if (user.clients > 0) await roster.enter(room, entry, local.clients);
      });
    },
    count: (room) => roster.recount(room, rooms.get(room.tag)?.clients ?? 0),
    restate() {
      for (const tag of [...miscounted]) {
        const local = rooms.get(tag);
        if (local) void recount(local);
        else miscounted.delete(tag);
      }
    },
    async sweep(boot) {
      const gone = await roster.sweep(boot);
      if (!gone.ok) {
        log.warn({ boot, code: gone.error.code }, 'what a dead worker left cannot be swept yet');
        return;
      }
      for (const { room, user } of gone.value) onQuit(room, user);
    },
    close() {
      closed = true;
      for (const { users } of rooms.values()) for (const { timer } of users.values()) clearTimeout(timer);
    },
  };
}
