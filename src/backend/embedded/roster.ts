import type { Room } from '../../chat/room.ts';
import {
  type Departure,
  type Overview,
  ROSTER_LEASE_MS,
  type RosterCount,
  type RosterEntry,
} from '../../chat/store.ts';

/** The `Roster` of the whole cluster, kept in the primary's memory; `boot` says which worker is speaking. */
export interface BootRoster {
  enter(boot: string, room: Room, user: RosterEntry, clients: number): RosterCount & { changed: boolean };
  exit(boot: string, room: Room, userId: string, clients: number): RosterCount & { changed: boolean };
  recount(boot: string, room: Room, clients: number): RosterCount;
  setOnline(boot: string, userId: string, online: boolean): void;
  renew(boot: string, clients: number): void;
  sweep(boot: string): readonly Departure[];
  expired(): readonly string[];
  overview(): Overview;
}

interface RoomRecord {
  readonly room: Room;
  readonly users: Map<string, { user: RosterEntry; readonly boots: Set<string> }>;
  readonly clients: Map<string, number>;
}

interface BootRecord {
  /** The users of this boot by the room's tag; also rooms where it has connections only. */
  readonly rooms: Map<string, Set<string>>;
  readonly online: Set<string>;
  clients: number;
  provenAt: number;
}

export function createBootRoster({ now }: { readonly now: () => number }): BootRoster {
  const rooms = new Map<string, RoomRecord>();
  const boots = new Map<string, BootRecord>();
  const online = new Map<string, Set<string>>();

  function bootRecord(boot: string): BootRecord {
    const record = boots.get(boot) ?? { rooms: new Map(), online: new Set(), clients: 0, provenAt: now() };
    boots.set(boot, record);
    return record;
  }

  function roomRecord(room: Room): RoomRecord {
    const record = rooms.get(room.tag) ?? { room, users: new Map(), clients: new Map() };
    rooms.set(room.tag, record);
    return record;
  }

  function usersOf(boot: string, room: Room): Set<string> {
    const { rooms: held } = bootRecord(boot);
    const users = held.get(room.tag) ?? new Set();
    held.set(room.tag, users);
    return users;
  }

  function count({ users, clients }: RoomRecord): RosterCount {
    let sum = 0;
    for (const one of clients.values()) sum += one;
    return { users: users.size, clients: sum };
  }

  function setClients(boot: string, record: RoomRecord, clients: number): RosterCount {
    if (clients > 0) record.clients.set(boot, clients);
    else record.clients.delete(boot);
    const users = usersOf(boot, record.room);
    if (clients <= 0 && users.size === 0) boots.get(boot)?.rooms.delete(record.room.tag);
    const counted = count(record);
    if (record.users.size === 0 && record.clients.size === 0) rooms.delete(record.room.tag);
    return counted;
  }

  function leave(boot: string, record: RoomRecord, userId: string): RosterEntry | undefined {
    const present = record.users.get(userId);
    if (!present?.boots.delete(boot) || present.boots.size > 0) return undefined;
    record.users.delete(userId);
    return present.user;
  }

  function goOffline(boot: string, userId: string): void {
    const where = online.get(userId);
    where?.delete(boot);
    if (where?.size === 0) online.delete(userId);
  }

  return {
    enter(boot, room, user, clients) {
      const record = roomRecord(room);
      const present = record.users.get(user.userId);
      if (present) {
        present.user = user;
        present.boots.add(boot);
      } else record.users.set(user.userId, { user, boots: new Set([boot]) });
      usersOf(boot, room).add(user.userId);
      return { ...setClients(boot, record, clients), changed: present === undefined };
    },
    exit(boot, room, userId, clients) {
      const record = roomRecord(room);
      usersOf(boot, room).delete(userId);
      const changed = leave(boot, record, userId) !== undefined;
      return { ...setClients(boot, record, clients), changed };
    },
    recount: (boot, room, clients) => setClients(boot, roomRecord(room), clients),
    setOnline(boot, userId, isOnline) {
      const record = bootRecord(boot);
      if (isOnline) {
        record.online.add(userId);
        online.set(userId, (online.get(userId) ?? new Set()).add(boot));
      } else {
        record.online.delete(userId);
        goOffline(boot, userId);
      }
    },
    renew(boot, clients) {
      Object.assign(bootRecord(boot), { clients, provenAt: now() });
    },
    sweep(boot) {
      const dead = boots.get(boot);
      if (!dead) return [];
      boots.delete(boot);
      for (const userId of dead.online) goOffline(boot, userId);
      return [...dead.rooms].flatMap(([tag, users]) => {
        const record = rooms.get(tag);
        if (!record) return [];
        record.clients.delete(boot);
        const gone = [...users].flatMap((userId) => leave(boot, record, userId) ?? []);
        if (record.users.size === 0 && record.clients.size === 0) rooms.delete(tag);
        return gone.map((user) => ({ nsp: record.room.nsp, roomid: record.room.roomid, user }));
      });
    },
    expired: () =>
      [...boots].filter(([, { provenAt }]) => now() - provenAt > ROSTER_LEASE_MS).map(([boot]) => boot),
    overview() {
      const living = [...boots.values()].filter(({ provenAt }) => now() - provenAt <= ROSTER_LEASE_MS);
      return {
        hosts: 1,
        workers: living.length,
        clients: living.reduce((sum, { clients }) => sum + clients, 0),
        users: online.size,
        rooms: rooms.size,
      };
    },
  };
}
