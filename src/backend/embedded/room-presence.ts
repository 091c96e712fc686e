import type { Room } from '../../chat/room.ts';
import type { PresenceChange, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { createPagedMap, deletePaged, type PagedMap, setPaged } from './paged-map.ts';
import { createRoomChanges, isSame, type RoomChanges } from './room-changes.ts';

/** The users of one room, and the instances they are on. */
export interface RoomPresence {
  readonly room: Room;
  readonly users: PagedMap<UserPresence>;
  /** The users by the name they have on any instance. */
  readonly names: Map<string, Set<string>>;
  /** Connections by instance. */
  readonly clients: Map<string, number>;
  readonly changes: RoomChanges;
}

export interface UserPresence {
  /** The entry that an instance reported last. */
  shown: RosterEntry;
  readonly instances: Map<string, InstanceEntry>;
}

/** The user as that instance reported them. */
interface InstanceEntry {
  readonly user: RosterEntry;
  /** The number of their connections in the room. */
  readonly own: number;
}

export interface RoomPresenceDeps {
  readonly publish: (room: Room, change: PresenceChange) => void;
  readonly now: () => number;
}

export function createRoomPresence(room: Room, { publish, now }: RoomPresenceDeps): RoomPresence {
  const changes = createRoomChanges({
    count: () => countRoom(presence),
    // A textmsg audience publishes no presence.
    publish: room.kind === 'room' ? (change) => publish(room, change) : () => undefined,
    now,
  });
  const presence = {
    room,
    users: createPagedMap<UserPresence>(),
    names: new Map(),
    clients: new Map(),
    changes,
  };
  return presence;
}

export function isVacant({ users, clients }: RoomPresence): boolean {
  return users.values.size === 0 && clients.size === 0;
}

export function countRoom({ users, clients }: RoomPresence): RosterCount {
  let sum = 0;
  for (const one of clients.values()) sum += one;
  return { users: users.values.size, clients: sum };
}

/** Returns whether the user was in the room on no instance before. */
export function enterRoom(
  presence: RoomPresence,
  instanceId: string,
  user: RosterEntry,
  own: number,
): boolean {
  const known = presence.users.values.get(user.userId);
  const present: UserPresence = known ?? { shown: user, instances: new Map() };
  const before = present.instances.get(instanceId)?.user;
  present.shown = user;
  present.instances.set(instanceId, { user, own });
  if (!known) setPaged(presence.users, user.userId, present);
  if (before && before.username !== user.username) dropName(presence, present, before);
  addName(presence, user);
  if (!known) presence.changes.add('+', user);
  else if (before && !isSame(before, user)) presence.changes.add('=', user);
  return known === undefined;
}

/** Returns the user if no instance has them in the room any more. */
export function leaveRoom(
  presence: RoomPresence,
  instanceId: string,
  userId: string,
): RosterEntry | undefined {
  const present = presence.users.values.get(userId);
  const before = present?.instances.get(instanceId)?.user;
  if (!present || !before) return undefined;
  present.instances.delete(instanceId);
  dropName(presence, present, before);
  if (present.instances.size === 0) {
    deletePaged(presence.users, userId);
    presence.changes.add('-', present.shown);
    return present.shown;
  }
  // `findByUsername` must find every user under the name they are shown by.
  if (present.shown === before) present.shown = [...present.instances.values()].at(-1)?.user ?? before;
  return undefined;
}

function addName({ names }: RoomPresence, { userId, username }: RosterEntry): void {
  names.set(username, (names.get(username) ?? new Set()).add(userId));
}

/** Keeps the name if the user has it on another instance. */
function dropName(
  { names }: RoomPresence,
  { instances }: UserPresence,
  { userId, username }: RosterEntry,
): void {
  for (const other of instances.values()) if (other.user.username === username) return;
  const users = names.get(username);
  users?.delete(userId);
  if (users?.size === 0) names.delete(username);
}
