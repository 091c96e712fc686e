import type { Room } from '../../chat/room.ts';
import {
  type Departure,
  type ListedRoom,
  type Overview,
  ROSTER_LEASE_MS,
  type RosterCount,
  type RosterEntry,
  type RosterPage,
} from '../../chat/store.ts';
import { createConnectionBook } from './connection-book.ts';
import { pageOf } from './paged-map.ts';
import { createRoomDirectory } from './room-directory.ts';
import { countRoom, enterRoom, leaveRoom, type RoomPresence } from './room-presence.ts';

type Tagged = Pick<Room, 'tag'>;

/** The `Roster` of the whole cluster, kept in the primary's memory; `boot` says which worker is speaking. */
export interface BootRoster {
  enter(boot: string, room: Room, user: RosterEntry, clients: number): RosterCount & { changed: boolean };
  exit(boot: string, room: Room, userId: string, clients: number): RosterCount & { changed: boolean };
  recount(boot: string, room: Room, clients: number): RosterCount;
  count(room: Tagged): RosterCount;
  named(room: Tagged, username: string, limit: number): readonly string[];
  members(room: Tagged, page: RosterPage): { members: readonly RosterEntry[]; next?: string };
  rooms(nsp: string, page: RosterPage): { rooms: readonly ListedRoom[]; next?: string };
  setConnections(boot: string, inbox: Room, connections: number): void;
  connections(inboxes: readonly Tagged[]): readonly number[];
  totals(): RosterCount;
  renew(boot: string, clients: number): void;
  sweep(boot: string): readonly Departure[];
  expired(): readonly string[];
  overview(): Overview;
}

interface BootRecord {
  /** The users of this boot by the room's tag; also rooms where it has connections only. */
  readonly rooms: Map<string, Set<string>>;
  clients: number;
  provenAt: number;
}

export function createBootRoster({ now }: { readonly now: () => number }): BootRoster {
  const directory = createRoomDirectory();
  const boots = new Map<string, BootRecord>();
  const connections = createConnectionBook();

  function bootRecord(boot: string): BootRecord {
    const record = boots.get(boot) ?? { rooms: new Map(), clients: 0, provenAt: now() };
    boots.set(boot, record);
    return record;
  }

  function usersOf(boot: string, room: Room): Set<string> {
    const { rooms: held } = bootRecord(boot);
    const users = held.get(room.tag) ?? new Set();
    held.set(room.tag, users);
    return users;
  }

  function setClients(boot: string, presence: RoomPresence, clients: number): RosterCount {
    if (clients > 0) presence.clients.set(boot, clients);
    else presence.clients.delete(boot);
    const users = usersOf(boot, presence.room);
    if (clients <= 0 && users.size === 0) boots.get(boot)?.rooms.delete(presence.room.tag);
    directory.forgetVacant(presence);
    return countRoom(presence);
  }

  const lives = ({ provenAt }: BootRecord) => now() - provenAt <= ROSTER_LEASE_MS;

  function livingClients(): number {
    return [...boots.values()].filter(lives).reduce((sum, { clients }) => sum + clients, 0);
  }

  return {
    enter(boot, room, user, clients) {
      const presence = directory.presenceIn(room);
      const changed = enterRoom(presence, boot, user);
      usersOf(boot, room).add(user.userId);
      return { ...setClients(boot, presence, clients), changed };
    },
    exit(boot, room, userId, clients) {
      const presence = directory.presenceIn(room);
      usersOf(boot, room).delete(userId);
      const changed = leaveRoom(presence, boot, userId) !== undefined;
      return { ...setClients(boot, presence, clients), changed };
    },
    recount: (boot, room, clients) => setClients(boot, directory.presenceIn(room), clients),
    count({ tag }) {
      const presence = directory.find(tag);
      return presence ? countRoom(presence) : { users: 0, clients: 0 };
    },
    named({ tag }, username, limit) {
      const found: string[] = [];
      for (const userId of directory.find(tag)?.names.get(username) ?? []) {
        if (found.length >= limit) break;
        found.push(userId);
      }
      return found;
    },
    members({ tag }, query) {
      const presence = directory.find(tag);
      if (!presence) return { members: [] };
      const { page, ...more } = pageOf(presence.users, query);
      return { members: page.map(({ shown }) => shown), ...more };
    },
    rooms: (nsp, page) => directory.list(nsp, page),
    setConnections(boot, inbox, count) {
      // A boot that never renewed counts from its first word.
      bootRecord(boot);
      connections.set(boot, inbox, count);
    },
    connections(inboxes) {
      const living = new Set([...boots].filter(([, record]) => lives(record)).map(([boot]) => boot));
      return inboxes.map((inbox) => connections.sum(inbox, (boot) => living.has(boot)));
    },
    totals: () => ({ users: connections.users(), clients: livingClients() }),
    renew(boot, clients) {
      Object.assign(bootRecord(boot), { clients, provenAt: now() });
    },
    sweep(boot) {
      const dead = boots.get(boot);
      if (!dead) return [];
      boots.delete(boot);
      connections.drop(boot);
      return [...dead.rooms].flatMap(([tag, users]) => {
        const presence = directory.find(tag);
        if (!presence) return [];
        presence.clients.delete(boot);
        const gone = [...users].flatMap((userId) => leaveRoom(presence, boot, userId) ?? []);
        directory.forgetVacant(presence);
        return gone.map((user) => ({ room: presence.room, user }));
      });
    },
    expired: () => [...boots].filter(([, record]) => !lives(record)).map(([boot]) => boot),
    overview: () => ({
      hosts: 1,
      workers: [...boots.values()].filter(lives).length,
      clients: livingClients(),
      users: connections.users(),
      rooms: directory.size(),
    }),
  };
}
