import type { Logger } from 'pino';
import { inBatches } from '../../../chat/batches.ts';
import { refuseRestricted } from '../../../chat/moderation.ts';
import type { Room } from '../../../chat/room.ts';
import type { Departure, Roster, RosterEntry } from '../../../chat/roster.ts';
import { ROSTER_HEARTBEAT_MS, ROSTER_LEASE_MS } from '../../../chat/roster.ts';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { refuse, succeed } from '../../../protocol/codes.ts';
import { createPresenceResync } from '../../presence-resync.ts';
import { createReportedPresence, type ReportedUser } from '../../reported-presence.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';
import { createInstanceWatch } from './instance-watch.ts';
import { type Bounds, createReadInstances, eachPage } from './instances.ts';
import { createLiveInstances } from './live-instances.ts';
import { entriesOf, personText } from './persons.ts';
import { placeName, placeOf } from './places.ts';
import { ROSTER_KEYS_LIVE_MS, roomScriptArgs, roomScriptKeys } from './room-scripts.ts';
import { createRosterQueries } from './roster-queries.ts';
import { createTellings } from './tellings.ts';

export interface RedisRosterDeps {
  readonly redis: RedisConnection;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
  readonly instanceId: string;
  readonly host: string;
  readonly log: Logger;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** A clock that cannot be set. */
  readonly now: () => number;
}

type Counted = [users: number, clients: number, changed: number, waitMs: number];
type ExitReply = [...Counted, vacant: number];
type EnterReply = [...Counted, refused: number, leftMs: number];
type ReapReply = [clients: number, waitMs: number, gone: string[]];

/** Of what roster-enter.lua refuses for; else the room is full. */
const BANNED = 1;
const NO_LIMIT = 0;

const LEASE_MS = String(ROSTER_LEASE_MS);
const EVERYWHERE: Bounds = ['-', '+'];

/**
 * The roster as sets and hashes. An instance is listed in `boots` with a lease, and every place somebody of it is in,
 * a user's connections included, is listed under it *before* anybody is entered there, so that reaping a dead
 * instance finds all it left. A reaped instance stays listed as fenced for one lease more: what a dead worker's last commands
 * do after its reap counts nowhere and is reaped once more. A call of an instance that is not listed lists it again.
 */
export function createRedisRoster(deps: RedisRosterDeps): Roster {
  const { redis, scripts, keys, instanceId, host, log, maxRoomClients, now } = deps;
  const reported = createReportedPresence();
  const watch = createInstanceWatch(now);
  const readInstances = createReadInstances({ redis, script: scripts.instances, keys, watch });
  const living = createLiveInstances(readInstances, now);
  const tellings = createTellings({
    tell: (room) =>
      redis.evaluate<number>(
        scripts.tell,
        roomScriptKeys(keys, room, instanceId),
        roomScriptArgs(keys, room, instanceId),
      ),
    onTold: (room) => {
      if (!reported.has(room)) void unlistPlace(instanceId, placeName(room));
    },
    now,
  });
  const returnListeners: ((room: Room, user: RosterEntry, clients: number) => void)[] = [];
  const resync = createPresenceResync({
    reported,
    onReturned: (...returned) => {
      for (const listener of returnListeners) listener(...returned);
    },
    enter: async (room, user, clients) => counted(await sendEnter(room, user, clients, NO_LIMIT)),
    setConnections: sendConnections,
    now,
    log,
  });
  let boundedAtMs = Number.NEGATIVE_INFINITY;

  const listInstance = (name: string, owner: string) =>
    redis.evaluate<number>(scripts.heartbeat, [keys.instances], [name, LEASE_MS, '?', owner, 'new']);

  /** Lists the place under this instance. Not awaited by callers: Redis runs it before what they send next. */
  function listPlace(place: Room): Promise<Outcome<unknown>> {
    void listInstance(instanceId, host);
    return redis.call(['ZADD', keys.instancePlaces(instanceId), '0', placeName(place)]);
  }

  const unlistPlace = (owner: string, name: string) => redis.call(['ZREM', keys.instancePlaces(owner), name]);

  async function sendEnter(
    room: Room,
    user: ReportedUser,
    clients: number,
    most: number,
  ): Promise<Outcome<EnterReply>> {
    const listed = listPlace(room);
    const { userId, username } = user;
    const roomKeys = [...roomScriptKeys(keys, room, instanceId), keys.restrictions(room)];
    const entered = await redis.evaluate<EnterReply>(scripts.enter, roomKeys, [
      ...roomScriptArgs(keys, room, instanceId),
      String(clients),
      userId,
      username,
      personText(user),
      String(most),
    ]);
    const place = await listed;
    if (entered.ok && entered.value[3] > 0) tellings.owe(room, entered.value[3]);
    return place.ok ? entered : place;
  }

  async function sendExit(room: Room, userId: string, clients: number): Promise<Outcome<ExitReply>> {
    const args = [...roomScriptArgs(keys, room, instanceId), String(clients), userId];
    const left = await redis.evaluate<ExitReply>(scripts.exit, roomScriptKeys(keys, room, instanceId), args);
    if (!left.ok) return left;
    const [, , , waitMs, vacant] = left.value;
    if (waitMs > 0) tellings.owe(room, waitMs);
    // Someone may have entered since; then the room is listed again already and must stay so.
    else if (vacant === 1 && !reported.has(room)) void unlistPlace(instanceId, placeName(room));
    return left;
  }

  async function enter(room: Room, user: RosterEntry, own: number, clients: number) {
    const person = { ...user, own };
    const takeBack = reported.enter(room, person, clients);
    const entered = await sendEnter(room, person, clients, room.kind === 'room' ? maxRoomClients : 0);
    const refused = entered.ok ? entered.value[4] : 0;
    if (!entered.ok || refused === 0) return counted(entered);
    takeBack();
    if (!reported.has(room)) void unlistPlace(instanceId, placeName(room));
    return refused === BANNED
      ? refuseRestricted('ban', entered.value[5])
      : refuse('limit', 'roomid: the room is full');
  }

  async function exit(room: Room, userId: string, clients: number) {
    reported.exit(room, userId, clients);
    return counted(await sendExit(room, userId, clients));
  }

  async function recount(room: Room, clients: number) {
    reported.setClients(room, clients);
    const outcome = await sendExit(room, '', clients);
    return outcome.ok ? succeed({ users: outcome.value[0], clients: outcome.value[1] }) : outcome;
  }

  async function sendConnections(inbox: Room, connections: number): Promise<Outcome<void>> {
    const key = keys.connections(inbox);
    const answers = await Promise.all(
      connections > 0
        ? [
            listPlace(inbox),
            redis.call(['HSET', key, instanceId, String(connections)]),
            redis.call(['PEXPIRE', key, ROSTER_KEYS_LIVE_MS]),
          ]
        : [redis.call(['HDEL', key, instanceId]), unlistPlace(instanceId, placeName(inbox))],
    );
    for (const answer of answers) if (!answer.ok) return answer;
    return succeed(undefined);
  }

  async function setConnections(inbox: Room, connections: number): Promise<Outcome<void>> {
    reported.setConnections(inbox, connections);
    return sendConnections(inbox, connections);
  }

  async function heartbeat(clients: number): Promise<Outcome<void>> {
    if (now() - boundedAtMs >= ROSTER_HEARTBEAT_MS) {
      boundedAtMs = now();
      void redis.call(['PEXPIRE', keys.instancePlaces(instanceId), ROSTER_KEYS_LIVE_MS]);
    }
    const args = [instanceId, LEASE_MS, String(clients), host, ''];
    const outcome = await redis.evaluate<number>(scripts.heartbeat, [keys.instances], args);
    if (!outcome.ok) return outcome;
    watch.onHeartbeat();
    resync.onHeartbeat(outcome.value === 1);
    // Who does not look cannot tell since when an instance is silent.
    void living.listed();
    return succeed(undefined);
  }

  async function fence(dead: string): Promise<Outcome<void>> {
    const fenced = await redis.evaluate<number>(scripts.fence, [keys.instances], [dead]);
    living.forget();
    return fenced.ok ? succeed(undefined) : fenced;
  }

  async function reap(dead: string): Promise<Outcome<readonly Departure[]>> {
    // If it lives after all, its next heartbeat tells it that its reports are gone, however many are gone by then.
    const fenced = await fence(dead);
    if (!fenced.ok) return fenced;
    const departures: Departure[] = [];
    let failed: Refusal | undefined;
    const read = await eachPage(redis, keys, dead, EVERYWHERE, async (places) => {
      // A heartbeat in the meantime has ended the fence.
      void fence(dead);
      await inBatches(places, async (place) => {
        const reaped = failed ?? (await reapPlace(dead, place));
        if (reaped.ok) departures.push(...reaped.value);
        else failed = reaped;
      });
    });
    failed ??= read.ok ? undefined : read;
    const forgotten = failed ?? (await forget(dead));
    // A heartbeat in the meantime has ended the fence, and the instance must learn that some of its reports are gone.
    if (!forgotten.ok) void fence(dead);
    // Who was found gone is gone and must be told; the instance stays listed, so the rest is found again.
    if (failed) return departures.length > 0 ? succeed(departures) : failed;
    if (!forgotten.ok || forgotten.value === 0) return succeed(departures);
    const late = await redis.call<number>(['EXISTS', keys.instancePlaces(dead)]);
    // What the dead worker had still under way came after the places were read.
    if (late.ok && late.value === 1) await listInstance(dead, host);
    return succeed(departures);
  }

  async function forget(dead: string): Promise<Outcome<number>> {
    const instances = await readInstances();
    if (!instances.ok) return instances;
    const over = instances.value.find(
      ({ instanceId: name, reaped, expired }) => name === dead && reaped && expired,
    );
    return redis.evaluate<number>(scripts.forget, [keys.instances], [dead, LEASE_MS, over?.record ?? '']);
  }

  async function reapPlace(dead: string, name: string): Promise<Outcome<Departure[]>> {
    const place = placeOf(name);
    const reaped = place.kind === 'inbox' ? await reapInbox(dead, place) : await reapRoom(dead, place);
    if (reaped.ok) void unlistPlace(dead, name);
    return reaped;
  }

  async function reapInbox(dead: string, inbox: Room): Promise<Outcome<Departure[]>> {
    const removed = await redis.call(['HDEL', keys.connections(inbox), dead]);
    return removed.ok ? succeed([]) : removed;
  }

  async function reapRoom(dead: string, room: Room): Promise<Outcome<Departure[]>> {
    const args = roomScriptArgs(keys, room, dead);
    const reaped = await redis.evaluate<ReapReply>(scripts.reap, roomScriptKeys(keys, room, dead), args);
    if (!reaped.ok) return reaped;
    const [clients, waitMs, gone] = reaped.value;
    if (waitMs > 0) tellings.owe(room, waitMs);
    return succeed(entriesOf(gone).map((user) => ({ room, user, clients })));
  }

  async function expired(): Promise<Outcome<readonly string[]>> {
    const instances = await readInstances();
    if (!instances.ok) return instances;
    return succeed(instances.value.filter((one) => one.expired).map((one) => one.instanceId));
  }

  return {
    enter,
    exit,
    recount,
    setConnections,
    fence,
    onReturned: (listener) => {
      returnListeners.push(listener);
    },
    heartbeat,
    reap,
    expired,
    ...createRosterQueries({
      redis,
      script: scripts.members,
      turn: scripts.turn,
      keys,
      living,
      readInstances,
      now,
    }),
  };
}

function counted(outcome: Outcome<EnterReply | ExitReply>) {
  if (!outcome.ok) return outcome;
  const [users, clients, changed] = outcome.value;
  return succeed({ users, clients, changed: changed === 1 });
}
