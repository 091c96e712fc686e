import type { Room } from '../../chat/room.ts';
import {
  type Departure,
  type ListedRoom,
  type MembersPage,
  type Overview,
  type PresenceChange,
  ROSTER_DOUBT_MS,
  type RosterCount,
  type RosterEntry,
  type RosterMember,
  type RosterPage,
} from '../../chat/roster.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { createBootBook } from './boot-book.ts';
import { createConnectionBook } from './connection-book.ts';
import { pageOf } from './paged-map.ts';
import { createRoomDirectory } from './room-directory.ts';
import { countRoom, enterRoom, leaveRoom, type RoomPresence, type UserPresence } from './room-presence.ts';

type Tagged = Pick<Room, 'tag'>;

/** The `Roster` of the whole cluster, kept in the primary's memory; `boot` says which worker is speaking. */
export interface BootRoster {
  /** Bans are not known here: to be asked before. */
  enter(
    boot: string,
    room: Room,
    user: RosterEntry,
    own: number,
    clients: number,
    /** It was there already, and was only taken for gone: it cannot be too full for it. */
    returned?: boolean,
  ): Outcome<RosterCount & { changed: boolean }>;
  exit(boot: string, room: Room, userId: string, clients: number): RosterCount & { changed: boolean };
  recount(boot: string, room: Room, clients: number): RosterCount;
  count(room: Tagged): RosterCount & { rev: number };
  named(room: Tagged, username: string, limit: number): readonly string[];
  isIn(tags: readonly string[], userId: string): boolean;
  staysIn(room: Tagged, userId: string): boolean;
  members(room: Tagged, page: RosterPage): MembersPage;
  rooms(nsp: string, page: RosterPage): { rooms: readonly ListedRoom[]; next?: string };
  setConnections(boot: string, inbox: Room, connections: number): void;
  connections(inboxes: readonly Tagged[]): readonly number[];
  totals(): RosterCount;
  bury(boot: string): void;
  /** False: it had not proved itself before; it is new, or was swept. */
  renew(boot: string): boolean;
  sweep(boot: string): readonly Departure[];
  expired(): readonly string[];
  overview(): Overview;
}

export interface BootRosterDeps {
  readonly now: () => number;
  /** A clock that cannot be set. */
  readonly elapsedMs: () => number;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** What a room is told of who is in it. */
  readonly publish: (room: Room, change: PresenceChange) => void;
}

const NOBODY: RosterCount = { users: 0, clients: 0 };
const RETRY_AFTER_MS = 1_000;

export function createBootRoster({ now, elapsedMs, maxRoomClients, publish }: BootRosterDeps): BootRoster {
  const directory = createRoomDirectory({ now, publish });
  const boots = createBootBook({ elapsedMs });
  const connections = createConnectionBook();

  function usersOf(boot: string, room: Room): Set<string> {
    const { rooms: held } = boots.record(boot);
    const users = held.get(room.tag) ?? new Set();
    held.set(room.tag, users);
    return users;
  }

  function countOf({ tag }: Tagged): RosterCount {
    const presence = directory.find(tag);
    return presence ? countRoom(presence) : NOBODY;
  }

  function setClients(boot: string, presence: RoomPresence, clients: number): RosterCount {
    if (clients > 0) presence.clients.set(boot, clients);
    else presence.clients.delete(boot);
    const users = usersOf(boot, presence.room);
    if (clients <= 0 && users.size === 0) boots.find(boot)?.rooms.delete(presence.room.tag);
    presence.changes.tell();
    directory.forgetVacant(presence);
    return countRoom(presence);
  }

  /** Only who adds connections is refused: a limit lowered, or two at once, throw nobody out. */
  function overfills(boot: string, room: Room, clients: number): boolean {
    const added = clients - (directory.find(room.tag)?.clients.get(boot) ?? 0);
    if (room.kind !== 'room') return false;
    return maxRoomClients > 0 && added > 0 && countOf(room).clients + added > maxRoomClients;
  }

  function memberOf({ shown, boots: on }: UserPresence): RosterMember {
    const living = [...on].filter(([boot]) => boots.counts(boot));
    const provenAt = (all: readonly (readonly [string, unknown])[]) =>
      Math.max(...all.map(([boot]) => boots.find(boot)?.provenAt ?? Number.NEGATIVE_INFINITY));
    const silentMs = (all: readonly (readonly [string, unknown])[]) => elapsedMs() - provenAt(all);
    const doubtful = silentMs(living) > ROSTER_DOUBT_MS;
    return {
      ...shown,
      clients: living.reduce((sum, [, { own }]) => sum + own, 0),
      state: doubtful ? 'doubtful' : 'online',
      seenAt: Math.max(0, Math.round(now() - silentMs([...on]))),
    };
  }

  return {
    enter(boot, room, user, own, clients, returned = false) {
      if (boots.isBuried(boot)) return refuse('unavailable', 'this worker was declared dead', RETRY_AFTER_MS);
      if (!returned && overfills(boot, room, clients)) return refuse('limit', 'roomid: the room is full');
      const presence = directory.presenceIn(room);
      const changed = enterRoom(presence, boot, user, own);
      usersOf(boot, room).add(user.userId);
      return succeed({ ...setClients(boot, presence, clients), changed });
    },
    exit(boot, room, userId, clients) {
      // Who it had is answered by the sweep.
      if (boots.isBuried(boot)) return { ...countOf(room), changed: false };
      const presence = directory.presenceIn(room);
      usersOf(boot, room).delete(userId);
      const changed = leaveRoom(presence, boot, userId) !== undefined;
      return { ...setClients(boot, presence, clients), changed };
    },
    recount: (boot, room, clients) =>
      boots.isBuried(boot) ? countOf(room) : setClients(boot, directory.presenceIn(room), clients),
    count: (room) => ({ rev: directory.find(room.tag)?.changes.rev() ?? 0, ...countOf(room) }),
    named({ tag }, username, limit) {
      const found: string[] = [];
      for (const userId of directory.find(tag)?.names.get(username) ?? []) {
        if (found.length >= limit) break;
        found.push(userId);
      }
      return found;
    },
    isIn: (tags, userId) => tags.some((tag) => directory.find(tag)?.users.values.has(userId)),
    staysIn: ({ tag }, userId) =>
      [...(directory.find(tag)?.users.values.get(userId)?.boots.keys() ?? [])].some(boots.counts),
    members({ tag }, query) {
      const presence = directory.find(tag);
      if (!presence) return { rev: 0, members: [] };
      const { page, ...more } = pageOf(presence.users, query);
      return { rev: presence.changes.rev(), members: page.map(memberOf), ...more };
    },
    rooms: (nsp, page) => directory.list(nsp, page),
    setConnections(boot, inbox, count) {
      if (boots.isBuried(boot)) return;
      boots.record(boot);
      connections.set(boot, inbox, count);
    },
    connections(inboxes) {
      return inboxes.map((inbox) => connections.sum(inbox, boots.counts));
    },
    totals: () => connections.total(boots.counts),
    bury(boot) {
      boots.bury(boot);
      connections.drop(boot);
      for (const tag of boots.find(boot)?.rooms.keys() ?? []) {
        const presence = directory.find(tag);
        if (!presence) continue;
        presence.clients.delete(boot);
        directory.forgetVacant(presence);
      }
    },
    renew(boot) {
      if (boots.isBuried(boot)) return true;
      const record = boots.record(boot);
      const { proven } = record;
      Object.assign(record, { provenAt: elapsedMs(), proven: true });
      return proven;
    },
    sweep(boot) {
      const dead = boots.find(boot);
      if (!dead) return [];
      boots.drop(boot);
      connections.drop(boot);
      return [...dead.rooms].flatMap(([tag, users]) => {
        const presence = directory.find(tag);
        if (!presence) return [];
        presence.clients.delete(boot);
        const gone = [...users].flatMap((userId) => leaveRoom(presence, boot, userId) ?? []);
        presence.changes.tell();
        const { clients } = countRoom(presence);
        directory.forgetVacant(presence);
        return gone.map((user) => ({ room: presence.room, user, clients }));
      });
    },
    expired: boots.expired,
    overview: () => ({
      hosts: 1,
      workers: boots.counting().length,
      ...connections.total(boots.counts),
      rooms: directory.size(),
    }),
  };
}
