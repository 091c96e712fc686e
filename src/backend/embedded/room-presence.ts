import type { Room } from '../../chat/room.ts';
import type { PresenceChange, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { createPagedMap, dropPaged, type PagedMap, putPaged } from './paged-map.ts';
import { createRoomChanges, isSame, type RoomChanges } from './room-changes.ts';

/** Who is in one room, and on which boots. */
export interface RoomPresence {
  readonly room: Room;
  readonly users: PagedMap<UserPresence>;
  /** The users that go by a name on any boot. */
  readonly names: Map<string, Set<string>>;
  /** Connections by boot. */
  readonly clients: Map<string, number>;
  readonly changes: RoomChanges;
}

export interface UserPresence {
  /** As last told. */
  shown: RosterEntry;
  readonly boots: Map<string, BootEntry>;
}

/** The user as that boot told of them. */
interface BootEntry {
  readonly user: RosterEntry;
  /** Connections of theirs in the room. */
  readonly own: number;
}

export interface RoomPresenceDeps {
  readonly publish: (room: Room, change: PresenceChange) => void;
  readonly now: () => number;
}

export function createRoomPresence(room: Room, { publish, now }: RoomPresenceDeps): RoomPresence {
  const changes = createRoomChanges({
    count: () => countRoom(presence),
    // Of who hears a lounge nobody is told.
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

/** Whether the user was nowhere in the room before. */
export function enterRoom(presence: RoomPresence, boot: string, user: RosterEntry, own: number): boolean {
  const known = presence.users.values.get(user.userId);
  const present: UserPresence = known ?? { shown: user, boots: new Map() };
  const before = present.boots.get(boot)?.user;
  present.shown = user;
  present.boots.set(boot, { user, own });
  if (!known) putPaged(presence.users, user.userId, present);
  if (before && before.username !== user.username) dropName(presence, present, before);
  addName(presence, user);
  if (!known) presence.changes.note('+', user);
  else if (before && !isSame(before, user)) presence.changes.note('=', user);
  return known === undefined;
}

/** The user, if now nowhere in the room any more. */
export function leaveRoom(presence: RoomPresence, boot: string, userId: string): RosterEntry | undefined {
  const present = presence.users.values.get(userId);
  const before = present?.boots.get(boot)?.user;
  if (!present || !before) return undefined;
  present.boots.delete(boot);
  dropName(presence, present, before);
  if (present.boots.size === 0) {
    dropPaged(presence.users, userId);
    presence.changes.note('-', present.shown);
    return present.shown;
  }
  // Nobody is shown under a name that `named` does not find.
  if (present.shown === before) present.shown = [...present.boots.values()].at(-1)?.user ?? before;
  return undefined;
}

function addName({ names }: RoomPresence, { userId, username }: RosterEntry): void {
  names.set(username, (names.get(username) ?? new Set()).add(userId));
}

/** Unless the user goes by it on another boot. */
function dropName({ names }: RoomPresence, { boots }: UserPresence, { userId, username }: RosterEntry): void {
  for (const other of boots.values()) if (other.user.username === username) return;
  const users = names.get(username);
  users?.delete(userId);
  if (users?.size === 0) names.delete(username);
}
