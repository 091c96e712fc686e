import { createHash } from 'node:crypto';
import type { Room } from '../../chat/room.ts';
import { socketRoom } from '../socket-room.ts';

/**
 * All keys and channels. They consist of the prefix, tags, hashes and instance ids alone, never of a user's text. A
 * room's keys and its channel share one hash tag and thereby one slot of a Redis Cluster, where a script must not publish
 * to a channel of another slot. Keys belong to their database, but channels to the whole server; so the channels of every
 * database but 0 contain its number.
 */
export interface RedisKeys {
  /** The log (a stream), its meta and its replaced entries, in the order the scripts take them. */
  readonly log: (room: Pick<Room, 'tag'>) => readonly [log: string, meta: string, replaced: string];
  /** The pattern of SCAN that the logs' keys match, and the tag of the log with such a key. */
  readonly logPattern: string;
  readonly tagOfLog: (key: string) => string;
  /** The readers by what they have read or their own newest message, and the entries that do not count as unread, in the order the scripts take them. */
  readonly unread: (room: Room) => readonly [readers: string, uncounted: string];
  /** The rows beside the entries of the log, see chat/joined-entry.ts. */
  readonly beside: (room: Room) => string;
  /** The two dedupe hashes, for even and for odd TTL periods. */
  readonly ids: (room: Room) => readonly [string, string];
  /** Written before a server is asked whether its replicas have everything, with a hash tag of the server or ''. */
  readonly acked: (tag: string) => string;
  /** The bans and mutes of a room, see restricted.lua. */
  readonly restrictions: (room: Room) => string;
  /** The users whom the inbox's user has blocked: a zset of `ban:USER`, which append.lua checks as it does a room's bans. */
  readonly blocked: (inbox: Room) => string;
  /** The prefix of every channel, as Socket.IO's sharded adapter takes it. */
  readonly channelPrefix: string;
  /** A room's channel, named as Socket.IO's sharded adapter names its dynamic ones. */
  readonly channel: (room: Room) => string;
  /** A room's roster, in the order the scripts take the keys. The last key holds the users of one instance. */
  readonly roster: (
    room: Room,
    instanceId: string,
  ) => readonly [clients: string, users: string, names: string, ofInstance: string];
  /** A room's last presence notification and its pending changes, see roster-changes.lua. */
  readonly changes: (room: Room) => readonly [notified: string, pending: string];
  /** The prefix of `roster`'s last key: the scripts look a user up on every instance of the room. */
  readonly rosterOfInstances: (room: Room) => string;
  /** When an inbox's markers were raised: sent, recv, read. */
  readonly steps: (inbox: Room) => readonly [string, string, string];
  /** The read markers of the inbox's user by room, and those rooms by their last use. */
  readonly roomSubscriptions: (inbox: Room) => readonly [markers: string, order: string];
  /** A hash: instance id -> the connections of the inbox's user there. */
  readonly connections: (inbox: Room) => string;
  /** A write that may be sent twice, see claim.lua. The key is not `:claim`, where an earlier version stored texts. */
  readonly claim: (key: string) => readonly [claim: string, running: string];
  /** A push's positions in its receivers' inboxes, see push-find.lua. */
  readonly pushPositions: (pushId: string) => string;
  /** The keys of `claim` and `pushPositions` by the SHA-256 of what they are made of, in base64url. */
  readonly hashed: {
    readonly claim: (digest: string) => readonly [claim: string, running: string];
    readonly pushPositions: (digest: string) => string;
  };
  /** A hash: instance id -> its record, see roster-heartbeat.lua. */
  readonly instances: string;
  /** The leases of the instances in the order the scripts take them, see roster-time.lua and roster-earlier.lua. */
  readonly leases: readonly [leases: string, time: string, hanging: string, earlier: string];
  /** The rooms, textmsg audiences (kind `lounge`) and inboxes that the instance occupies, see presence/occupied-rooms.ts. */
  readonly occupiedRooms: (instanceId: string) => string;
  readonly isOccupiedRooms: (key: string) => boolean;
  /** The last count of the whole cluster, and the election of the worker that counts next; see presence/shared-count.ts. */
  readonly totals: readonly [totals: string, turn: string];
  /** The same of the overview, which the primaries count; see primary.ts. */
  readonly overview: readonly [overview: string, turn: string];
  /** The messages whose mentions are being stored, see mention-note.lua. */
  readonly mentions: string;
  /** The queue of clients over RATE_ADMIT: next free place, places of known clients, shared places. */
  readonly connects: readonly [next: string, places: string, shared: string];
  /** The channel of an instance's probes. With a hash tag, the server that has the tag has the channel. */
  readonly probe: (instanceId: string, tag?: string) => string;
  /** The queue of webhooks, see chat/hook-queue.ts. */
  readonly hooks: Readonly<Record<'lease' | 'states' | 'listed' | 'noted', string>>;
  readonly secret: string;
  /** The names of all servers that share the rooms, on each of them; see topology/spread-record.ts. */
  readonly spread: string;
  /** The mark of a server's data, with a hash tag of the server or ''; see topology/data-marks.ts. */
  readonly dataMark: (tag: string) => string;
  /** The key of the HTTP API if API_KEYS is not set. */
  readonly apiKey: string;
  /** The format of the data, see connection/format.ts. */
  readonly format: string;
}

const HASH_CHARS = 22;

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The pattern that matches this text alone. */
export function literalPattern(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&');
}

export function redisKeys(prefix: string, database = 0): RedisKeys {
  // KEY_PREFIX has no `#`, and a namespace begins with `/`: no other prefix or database uses these channels.
  const channelPrefix = database === 0 ? prefix : `${prefix}#${database}`;
  const base = ({ tag }: Pick<Room, 'tag'>) => `${prefix}:{${tag}}`;
  const instances = `${prefix}:boots`;
  // The tag is the whole key of the instances, which has none: so they share its slot.
  const besideInstances = `${prefix}:{${instances}}`;
  const ofInstances = (room: Room) => `${base(room)}:b:`;
  const ofDigest = (digest: string) => `${prefix}:{${digest.slice(0, HASH_CHARS)}}`;
  const hashed: RedisKeys['hashed'] = {
    claim: (digest) => [`${ofDigest(digest)}:claimed`, `${ofDigest(digest)}:running`],
    pushPositions: (digest) => `${ofDigest(digest)}:places`,
  };
  return {
    logPattern: `${literalPattern(prefix)}:{*}:log`,
    tagOfLog: (key) => key.slice(`${prefix}:{`.length, -'}:log'.length),
    log: (room) => [`${base(room)}:log`, `${base(room)}:meta`, `${base(room)}:replaced`],
    unread: (room) => [`${base(room)}:readers`, `${base(room)}:uncounted`],
    beside: (room) => `${base(room)}:beside`,
    ids: (room) => [`${base(room)}:ids0`, `${base(room)}:ids1`],
    acked: (tag) => (tag === '' ? `${prefix}:acked` : `${prefix}:{${tag}}:acked`),
    restrictions: (room) => `${base(room)}:restricted`,
    blocked: (inbox) => `${base(inbox)}:blocked`,
    channelPrefix,
    // A string made with `+` or a template would keep its parts in memory as long as the room is subscribed to.
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
    claim: (key) => hashed.claim(digestOf(key)),
    pushPositions: (pushId) => hashed.pushPositions(digestOf(pushId)),
    hashed,
    instances,
    leases: [
      `${besideInstances}:leases`,
      `${besideInstances}:time`,
      `${besideInstances}:hanging`,
      `${besideInstances}:earlier`,
    ],
    occupiedRooms: (instanceId) => `${prefix}:boot:${instanceId}:places`,
    isOccupiedRooms: (key) => key.startsWith(`${prefix}:boot:`) && key.endsWith(':places'),
    totals: [`${prefix}:totals`, `${prefix}:totals:turn`],
    overview: [`${prefix}:overview`, `${prefix}:overview:turn`],
    mentions: `${prefix}:mentions`,
    connects: [`${prefix}:{connects}:next`, `${prefix}:{connects}:places`, `${prefix}:{connects}:shared`],
    probe: (instanceId, tag = '') => `${channelPrefix}:probe:${instanceId}${tag === '' ? '' : `:{${tag}}`}`,
    hooks: {
      lease: `${prefix}:{hooks}:lease`,
      states: `${prefix}:{hooks}:states`,
      listed: `${prefix}:{hooks}:listed`,
      noted: `${prefix}:{hooks}:noted`,
    },
    secret: `${prefix}:secret`,
    spread: `${prefix}:servers`,
    dataMark: (tag) => (tag === '' ? `${prefix}:mark` : `${prefix}:{${tag}}:mark`),
    apiKey: `${prefix}:api-key`,
    format: `${prefix}:format`,
  };
}
