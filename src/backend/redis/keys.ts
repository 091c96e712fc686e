import type { Room } from '../../chat/room.ts';
import { socketRoom } from '../../chat/room.ts';

/**
 * Every key and channel there is. They are made of the prefix, a room's tag and boot ids alone, never of a
 * user's text. A room's keys and its channel carry one hash tag and so lie in one slot of a Redis Cluster,
 * where a script that publishes to another slot's channel fails.
 */
export interface RedisKeys {
  /** The log (a stream) and what numbers it, in the order the scripts take them. */
  readonly log: (room: Room) => readonly [log: string, meta: string];
  /** The two dedupe hashes, of this TTL period and of the one before. */
  readonly ids: (room: Room) => readonly [string, string];
  /** The dynamic channel of Socket.IO's sharded adapter. */
  readonly channel: (room: Room) => string;
  /** Of a room's roster: connections by boot, the users, and the users of one boot. */
  readonly roster: (room: Room, boot: string) => readonly [clients: string, users: string, ofBoot: string];
  /** What `roster`'s third key begins with: the scripts look a user up at every boot of the room. */
  readonly rosterOfBoots: (room: Room) => string;
  /** Boot -> `leaseEndMs clients host`. */
  readonly boots: string;
  readonly bootRooms: (boot: string) => string;
  readonly bootUsers: (boot: string) => string;
  readonly probe: (boot: string) => string;
  readonly secret: string;
}

export function redisKeys(prefix: string): RedisKeys {
  const base = (room: Room) => `${prefix}:{${room.tag}}`;
  const ofBoots = (room: Room) => `${base(room)}:b:`;
  return {
    log: (room) => [`${base(room)}:log`, `${base(room)}:meta`],
    ids: (room) => [`${base(room)}:ids0`, `${base(room)}:ids1`],
    channel: (room) => `${prefix}#${room.nsp}#${socketRoom(room)}#`,
    roster: (room, boot) => [`${base(room)}:w`, `${base(room)}:u`, `${ofBoots(room)}${boot}`],
    rosterOfBoots: ofBoots,
    boots: `${prefix}:boots`,
    bootRooms: (boot) => `${prefix}:boot:${boot}:rooms`,
    bootUsers: (boot) => `${prefix}:boot:${boot}:users`,
    probe: (boot) => `${prefix}:probe:${boot}`,
    secret: `${prefix}:secret`,
  };
}
