import type { Logger } from 'pino';
import { type Outcome, succeed } from '../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../protocol/limits.ts';
import { type Room, roomOf } from './room.ts';
import type { Roster, RosterCount, RosterEntry } from './store.ts';

/*
 * Who of a room is on this worker. A user's state in one room:
 *
 *   absent ──enter──► present(n tabs) ──last tab's link lost──► lingering ──grace over──► absent, quit told
 *                        ▲                                          │
 *                        └──────────────enter, nothing told─────────┘
 *
 * The roster keeps a lingering user, so a return on another worker tells nothing either.
 */

const RETRY_MS = 2_000;

export interface PresenceDeps {
  readonly roster: Roster;
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
  /** How many are in the room now. */
  count(room: Room): Promise<Outcome<RosterCount>>;
  /** Tells of everybody a dead worker left behind. */
  sweep(boot: string): Promise<void>;
  close(): void;
}

interface LocalUser {
  entry: RosterEntry;
  clients: number;
  timer?: NodeJS.Timeout;
}

interface LocalRoom {
  readonly room: Room;
  readonly users: Map<string, LocalUser>;
  clients: number;
}

export function createPresence({ roster, onJoin, onQuit, log }: PresenceDeps): Presence {
  const rooms = new Map<string, LocalRoom>();
  let closed = false;

  async function enter(room: Room, entry: RosterEntry) {
    const local = rooms.get(room.tag) ?? { room, users: new Map<string, LocalUser>(), clients: 0 };
    rooms.set(room.tag, local);
    const user = local.users.get(entry.userId) ?? { entry, clients: 0 };
    local.users.set(entry.userId, user);
    clearTimeout(user.timer);
    user.entry = entry;
    user.clients += 1;
    local.clients += 1;
    const entered = await roster.enter(room, entry, local.clients);
    if (!entered.ok) {
      leave(room, entry.userId, 'asked');
      return entered;
    }
    const { users, clients, changed } = entered.value;
    return succeed({ users, clients, announce: () => changed && onJoin(room, entry) });
  }

  function leave(room: Room, userId: string, why: 'asked' | 'lost'): void {
    const local = rooms.get(room.tag);
    const user = local?.users.get(userId);
    if (!local || !user || user.clients === 0) return;
    user.clients -= 1;
    local.clients -= 1;
    if (user.clients > 0 || why === 'lost') {
      void roster.recount(room, local.clients);
    }
    if (user.clients > 0) return;
    clearTimeout(user.timer);
    if (why === 'asked') void depart(local, user);
    else user.timer = setTimeout(() => void depart(local, user), PRESENCE_GRACE_MS);
  }

  /** Repeated until the store took it: a departure that is not stored leaves a ghost. */
  async function depart(local: LocalRoom, user: LocalUser): Promise<void> {
    const { room } = local;
    if (closed || user.clients > 0) return;
    const left = await roster.exit(room, user.entry.userId, local.clients);
    if (user.clients > 0) {
      // Came back while the answer was under way: say again that the user is here.
      await roster.enter(room, user.entry, local.clients);
      return;
    }
    if (!left.ok) {
      log.warn({ tag: room.tag, code: left.error.code }, 'a departure is not stored yet');
      user.timer = setTimeout(() => void depart(local, user), RETRY_MS);
      return;
    }
    local.users.delete(user.entry.userId);
    if (local.users.size === 0 && rooms.get(room.tag) === local) rooms.delete(room.tag);
    if (left.value.changed) onQuit(room, user.entry);
  }

  return {
    enter,
    leave,
    count: (room) => roster.recount(room, rooms.get(room.tag)?.clients ?? 0),
    async sweep(boot) {
      const gone = await roster.sweep(boot);
      if (!gone.ok) {
        log.warn({ boot, code: gone.error.code }, 'what a dead worker left cannot be swept yet');
        return;
      }
      for (const { nsp, roomid, user } of gone.value) onQuit(roomOf(nsp, roomid), user);
    },
    close() {
      closed = true;
      for (const { users } of rooms.values()) for (const { timer } of users.values()) clearTimeout(timer);
    },
  };
}
