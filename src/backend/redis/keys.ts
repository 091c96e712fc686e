import { createHash } from 'node:crypto';
import type { Room } from '../../chat/room.ts';
import { socketRoom } from '../socket-room.ts';

/**
 * Every key and channel there is. They are made of the prefix, tags, hashes and instance ids alone, never of a
 * user's text. A room's keys and its channel carry one hash tag and so lie in one slot of a Redis Cluster,
 * where a script that publishes to another slot's channel fails. Keys belong to their database; channels are
 * the server's, so those of another database than 0 name it.
 */
export interface RedisKeys {
  /** The log (a stream), what numbers it, and its replaced entries, in the order the scripts take them. */
  readonly log: (room: Room) => readonly [log: string, meta: string, replaced: string];
  /** Who said what last in it, and what nobody has to read, in the order the scripts take them. */
  readonly unread: (room: Room) => readonly [readers: string, uncounted: string];
  /** The two dedupe hashes, of this TTL period and of the one before. */
  readonly ids: (room: Room) => readonly [string, string];
  /** Who is banned from the room or muted in it, see restricted.lua. */
  readonly restrictions: (room: Room) => string;
  /** What every channel begins with, as Socket.IO's sharded adapter takes it. */
  readonly channelPrefix: string;
  /** The dynamic channel of Socket.IO's sharded adapter. */
  readonly channel: (room: Room) => string;
  /** Of a room's roster, in the order the scripts take them; the last one holds the users of one instance. */
  readonly roster: (
    room: Room,
    instanceId: string,
  ) => readonly [clients: string, users: string, names: string, ofInstance: string];
  /** What a room was last told of who is in it, and what it is told next; see roster-changes.lua. */
  readonly changes: (room: Room) => readonly [notified: string, waiting: string];
  /** What `roster`'s last key begins with: the scripts look a user up at every instance of the room. */
  readonly rosterOfInstances: (room: Room) => string;
  /** When an inbox's marks moved: sent, recv, read. */
  readonly steps: (inbox: Room) => readonly [string, string, string];
  /** How far the inbox's user has read which room, and the rooms by their last use. */
  readonly roomSubscriptions: (inbox: Room) => readonly [marks: string, order: string];
  /** Instance -> how many connections the inbox's user has there. */
  readonly connections: (inbox: Room) => string;
  /** Remembers a write that may be sent twice, see claim.lua. Not `:claim`, under which an earlier version kept texts. */
  readonly claim: (key: string) => readonly [claim: string, running: string];
  /** Where a push stands: user id -> `seq at`. */
  readonly pushPositions: (pushId: string) => string;
  /** Instance -> `leaseEndMs clients host`, see roster-heartbeat.lua. */
  readonly instances: string;
  /** The rooms, lounges and inboxes somebody of this instance is in, a zset of score 0; see presence/occupied-rooms.ts. */
  readonly occupiedRooms: (instanceId: string) => string;
  /** The last count of the whole cluster, and what keeps others from counting again. */
  readonly totals: readonly [totals: string, turn: string];
  readonly probe: (instanceId: string) => string;
  readonly secret: string;
  /** Of the HTTP API, where API_KEYS is not set. */
  readonly apiKey: string;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

export function redisKeys(prefix: string, database = 0): RedisKeys {
  // KEY_PREFIX holds no `#`, and a namespace begins with `/`: no other prefix or database has these channels.
  const channelPrefix = database === 0 ? prefix : `${prefix}#${database}`;
  const base = (room: Room) => `${prefix}:{${room.tag}}`;
  const ofInstances = (room: Room) => `${base(room)}:b:`;
  return {
    log: (room) => [`${base(room)}:log`, `${base(room)}:meta`, `${base(room)}:replaced`],
    unread: (room) => [`${base(room)}:readers`, `${base(room)}:uncounted`],
    ids: (room) => [`${base(room)}:ids0`, `${base(room)}:ids1`],
    restrictions: (room) => `${base(room)}:restricted`,
    channelPrefix,
    // Joined, for it is kept as long as the room is followed: what is added up keeps its parts.
    channel: (room) => [channelPrefix, '#', room.nsp, '#', socketRoom(room), '#'].join(''),
    roster: (room, instanceId) => [
      `${base(room)}:w`,
      `${base(room)}:u`,
      `${base(room)}:n`,
      `${ofInstances(room)}${instanceId}`,
    ],
    changes: (room) => [`${base(room)}:told`, `${base(room)}:changes`],
    rosterOfInstances: ofInstances,
    steps: (inbox) => [`${base(inbox)}:sent`, `${base(inbox)}:recv`, `${base(inbox)}:read`],
    roomSubscriptions: (inbox) => [`${base(inbox)}:visits`, `${base(inbox)}:visited`],
    connections: (inbox) => `${base(inbox)}:c`,
    claim: (key) => [`${prefix}:{${hashOf(key)}}:claimed`, `${prefix}:{${hashOf(key)}}:running`],
    pushPositions: (pushId) => `${prefix}:{${hashOf(pushId)}}:places`,
    instances: `${prefix}:boots`,
    occupiedRooms: (instanceId) => `${prefix}:boot:${instanceId}:places`,
    totals: [`${prefix}:totals`, `${prefix}:totals:turn`],
    probe: (instanceId) => `${channelPrefix}:probe:${instanceId}`,
    secret: `${prefix}:secret`,
    apiKey: `${prefix}:api-key`,
  };
}
