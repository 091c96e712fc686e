import type { Room } from '../../chat/room.ts';
import type {
  ClusterOverview,
  ListedRoom,
  PresenceChange,
  PresenceEvent,
  RosterChange,
  RosterCount,
  RosterEntry,
  RosterMembersPage,
  RosterPage,
} from '../../chat/roster.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { createConnectionTable } from './connection-table.ts';
import { createDepartures, type Departures } from './departures.ts';
import { createInstanceTable } from './instance-table.ts';
import { createMemberStates } from './member-states.ts';
import { pageOf } from './paged-map.ts';
import { createRoomDirectory } from './room-directory.ts';
import { countRoom, enterRoom, type RoomPresence } from './room-presence.ts';

type Tagged = Pick<Room, 'tag'>;

/**
 * The `Roster` of the whole cluster, in the primary's memory. `instanceId` is the worker that calls, but for `fence`, `reap` and
 * `vouchFor` the one that is dead or hangs.
 */
export interface InstanceRoster extends Departures {
  /** Knows nothing of bans; the caller checks them before. */
  enter(
    instanceId: string,
    room: Room,
    user: RosterEntry,
    own: number,
    clients: number,
    /** The user was only taken for gone: MAX_ROOM_CLIENTS does not apply. */
    returned?: boolean,
  ): Outcome<RosterChange>;
  setClients(instanceId: string, room: Room, clients: number): RosterCount;
  count(room: Tagged): RosterCount & { rev: number };
  findByUsername(room: Tagged, username: string, limit: number): readonly string[];
  isInAny(rooms: readonly Tagged[], userId: string): boolean;
  isOnlineIn(room: Tagged, userId: string): boolean;
  members(room: Tagged, page: RosterPage): RosterMembersPage;
  rooms(nsp: string, page: RosterPage): { rooms: readonly ListedRoom[]; next?: string };
  setConnections(instanceId: string, inbox: Room, connections: number): void;
  connections(inboxes: readonly Tagged[]): readonly number[];
  totals(): RosterCount;
  fence(instanceId: string): void;
  /** Returns false if the instance must report its presence: it is new, or was reaped. A fenced one is dead and reports nothing. */
  heartbeat(instanceId: string): boolean;
  /** Extends the lease without a heartbeat of the instance. */
  vouchFor(instanceId: string): void;
  expired(): readonly string[];
  overview(): ClusterOverview;
}

export interface InstanceRosterDeps {
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** Sends a change to everybody who follows the room. */
  readonly publish: (room: Room, change: PresenceChange | PresenceEvent) => void;
}

const NOBODY: RosterCount = { users: 0, clients: 0 };
const RETRY_AFTER_MS = 1_000;

export function createInstanceRoster({
  now,
  elapsedMs,
  maxRoomClients,
  publish,
}: InstanceRosterDeps): InstanceRoster & Sized {
  const directory = createRoomDirectory({ now, publish });
  const instances = createInstanceTable({ elapsedMs });
  const connections = createConnectionTable();
  const memberOf = createMemberStates({ instances, now, elapsedMs });

  /** Creates the set if it is missing; `setClients` removes an empty one. */
  function ensureUsers(instanceId: string, room: Room): Set<string> {
    const { rooms } = instances.record(instanceId);
    const users = rooms.get(room.tag) ?? new Set();
    rooms.set(room.tag, users);
    return users;
  }

  function countOf({ tag }: Tagged): RosterCount {
    const presence = directory.find(tag);
    return presence ? countRoom(presence) : NOBODY;
  }

  function setClients(instanceId: string, presence: RoomPresence, clients: number): RosterCount {
    if (clients > 0) presence.clients.set(instanceId, clients);
    else presence.clients.delete(instanceId);
    const users = ensureUsers(instanceId, presence.room);
    if (clients <= 0 && users.size === 0) instances.find(instanceId)?.rooms.delete(presence.room.tag);
    presence.changes.publishDue();
    directory.forgetVacant(presence);
    return countRoom(presence);
  }

  /**
   * Returns the connections that the instance has in the room once the user has entered; undefined: the room is full. A limit that
   * was lowered removes no member.
   */
  function clientsAfterEnter(
    instanceId: string,
    room: Room,
    userId: string,
    own: number,
    clients: number,
  ): number | undefined {
    const presence = directory.find(room.tag);
    const here = presence?.clients.get(instanceId) ?? 0;
    const added = clients - here;
    const hasLimit = maxRoomClients > 0 && room.kind === 'room';
    if (!hasLimit || added <= 0 || countOf(room).clients + added <= maxRoomClients) return clients;
    const on = [...(presence?.users.values.get(userId)?.instances.keys() ?? [])];
    // `fence` has removed the clients of a dead instance, though not its users: nobody moves away from one.
    const moves = own === 1 && !on.includes(instanceId) && on.some((other) => presence?.clients.has(other));
    return moves ? here + 1 : undefined;
  }

  const departures = createDepartures({
    instances,
    directory,
    connections,
    usersOf: ensureUsers,
    countOf,
    setClients,
    publish,
  });

  return {
    sizes: () => ({
      directory: directory.sizes(),
      instances: instances.sizes(),
      connections: connections.sizes(),
    }),
    enter(instanceId, room, user, own, clients, returned = false) {
      if (instances.isFenced(instanceId))
        return refuse('unavailable', 'this worker was declared dead', RETRY_AFTER_MS);
      const clientsHere = returned ? clients : clientsAfterEnter(instanceId, room, user.userId, own, clients);
      if (clientsHere === undefined) return refuse('limit', 'roomid: the room is full');
      const presence = directory.presenceIn(room);
      const users = ensureUsers(instanceId, room);
      const wasHere = users.has(user.userId);
      const changed = enterRoom(presence, instanceId, user, own);
      users.add(user.userId);
      return succeed({ ...setClients(instanceId, presence, clientsHere), changed, wasHere });
    },
    exit: departures.exit,
    setClients: (instanceId, room, clients) =>
      instances.isFenced(instanceId)
        ? countOf(room)
        : setClients(instanceId, directory.presenceIn(room), clients),
    count: (room) => ({ rev: directory.find(room.tag)?.changes.rev() ?? 0, ...countOf(room) }),
    findByUsername({ tag }, username, limit) {
      const found: string[] = [];
      for (const userId of directory.find(tag)?.names.get(username) ?? []) {
        if (found.length >= limit) break;
        found.push(userId);
      }
      return found;
    },
    isInAny: (rooms, userId) => rooms.some(({ tag }) => directory.find(tag)?.users.values.has(userId)),
    isOnlineIn: ({ tag }, userId) =>
      [...(directory.find(tag)?.users.values.get(userId)?.instances.keys() ?? [])].some(instances.counts),
    members({ tag }, query) {
      const presence = directory.find(tag);
      if (!presence) return { rev: 0, members: [] };
      const { page, ...more } = pageOf(presence.users, query);
      return { rev: presence.changes.rev(), members: page.map(memberOf), ...more };
    },
    rooms: (nsp, page) => directory.list(nsp, page),
    setConnections(instanceId, inbox, count) {
      if (instances.isFenced(instanceId)) return;
      instances.record(instanceId);
      connections.set(instanceId, inbox, count);
    },
    connections(inboxes) {
      return inboxes.map((inbox) => connections.sum(inbox, instances.counts));
    },
    totals: () => connections.total(instances.counts),
    fence(instanceId) {
      instances.fence(instanceId);
      connections.drop(instanceId);
      for (const tag of instances.find(instanceId)?.rooms.keys() ?? []) {
        const presence = directory.find(tag);
        if (!presence) continue;
        presence.clients.delete(instanceId);
        directory.forgetVacant(presence);
      }
    },
    heartbeat(instanceId) {
      // Its process has ended: this heartbeat was on its way.
      if (instances.isFenced(instanceId)) return true;
      const record = instances.record(instanceId);
      const { hasHeartbeat } = record;
      Object.assign(record, { lastHeartbeatAt: elapsedMs(), leasedAt: elapsedMs(), hasHeartbeat: true });
      return hasHeartbeat;
    },
    reap: departures.reap,
    vouchFor: instances.vouchFor,
    expired: instances.expired,
    overview: () => ({
      hosts: 1,
      workers: instances.counting().length,
      ...connections.total(instances.counts),
      rooms: directory.size(),
    }),
  };
}
