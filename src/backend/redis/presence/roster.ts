import type { Logger } from 'pino';
import { refuseRestricted } from '../../../chat/moderation.ts';
import type { Room } from '../../../chat/room.ts';
import type { Roster, RosterEntry } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { refuse, succeed } from '../../../protocol/codes.ts';
import { createPresenceResync } from '../../presence-resync.ts';
import { createReportedPresence } from '../../reported-presence.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createInboxConnections } from './inbox-connections.ts';
import { createInstanceWatch } from './instance-watch.ts';
import { createReadInstances } from './instances.ts';
import { createLiveInstances } from './live-instances.ts';
import { createOccupiedRooms } from './occupied-rooms.ts';
import { createPresenceNotifier } from './presence-notifier.ts';
import { createReaper } from './reaper.ts';
import { roomScriptArgs, roomScriptKeys } from './room-scripts.ts';
import { createRoomTurns } from './room-turns.ts';
import { createRosterCalls, type EnterReply, type ExitReply } from './roster-calls.ts';
import { createRosterQueries } from './roster-queries.ts';
import { createRemoveUnreported } from './unreported.ts';

export interface RedisRosterDeps {
  readonly redis: RedisCommands;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
  readonly instanceId: string;
  readonly host: string;
  readonly log: Logger;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** A clock that cannot be set. */
  readonly now: () => number;
  /** Calls the listener when another server has taken over rooms, and may lack the newest writes. */
  readonly onTakeover: (listener: () => void) => void;
}

/** Why roster-enter.lua refuses; otherwise the room is full. */
const BANNED = 1;
const NO_LIMIT = 0;

/**
 * The roster as sets and hashes. An instance holds a lease, and it lists every room it occupies, an inbox for a user's
 * connections included, *before* it enters anybody there: so whoever reaps it finds all it left. An instance that is not
 * listed is listed again by its next call.
 */
export function createRedisRoster(deps: RedisRosterDeps): Roster {
  const { redis, scripts, keys, instanceId, host, log, maxRoomClients, now, onTakeover } = deps;
  const reported = createReportedPresence();
  const watch = createInstanceWatch(now);
  const readInstances = createReadInstances({ redis, script: scripts.instances, keys, watch });
  const living = createLiveInstances(readInstances, now);
  const occupied = createOccupiedRooms(redis, keys);
  const scriptKeys = (room: Room) => roomScriptKeys(keys, room, instanceId);
  const scriptArgs = (room: Room) => roomScriptArgs(keys, room, instanceId);
  const notifier = createPresenceNotifier({
    notify: (room) => redis.evaluate<number>(scripts.notify, scriptKeys(room), scriptArgs(room)),
    onNotified: vacateIfEmpty,
    log,
  });
  const indexKey = keys.occupiedRooms(instanceId);
  const turns = createRoomTurns((room) => redis.inOneOrder(indexKey, keys.restrictions(room)));
  const sendConnections = createInboxConnections({
    redis,
    keys,
    instanceId,
    turns,
    reported,
    occupy,
    vacate: (inbox) => occupied.vacate(instanceId, inbox),
  });
  const { sendEnter, sendExit } = createRosterCalls({
    redis,
    scripts,
    scriptKeys,
    scriptArgs,
    keys,
    turns,
    occupy,
    notifier,
    vacateIfEmpty,
  });
  const returnListeners: ((room: Room, user: RosterEntry, clients: number) => void)[] = [];
  const resync = createPresenceResync({
    reported,
    onReturned: (...returned) => {
      for (const listener of returnListeners) listener(...returned);
    },
    enter: async (room, user, clients) => counted(await sendEnter(room, user, clients, NO_LIMIT)),
    setConnections: sendConnections,
    removeUnreported: createRemoveUnreported({
      redis,
      keys,
      instanceId,
      occupied,
      reported,
      exit: sendExit,
      setConnections: sendConnections,
    }),
    now,
    log,
  });
  const heartbeat = createHeartbeat({
    redis,
    script: scripts.heartbeat,
    keys,
    instanceId,
    host,
    occupied,
    now,
    onAccepted(known, mayHaveLost) {
      watch.onHeartbeat();
      resync.onHeartbeat(known);
      if (mayHaveLost) resync.onLoss();
      // The watch measures silence only while a worker reads the instances.
      void living.listed();
    },
  });
  onTakeover(resync.onLoss);

  function occupy(room: Room): Promise<Outcome<unknown>> {
    return allValues<unknown>([heartbeat.list(instanceId), occupied.occupy(instanceId, room)]);
  }

  /** A user may have entered since the room was found empty: the room is listed again then and must stay listed. */
  function vacateIfEmpty(room: Room): void {
    if (!reported.has(room)) void occupied.vacate(instanceId, room);
  }

  async function enter(room: Room, user: RosterEntry, own: number, clients: number) {
    const person = { ...user, own };
    const takeBack = reported.enter(room, person, clients);
    const most = room.kind === 'room' ? maxRoomClients : NO_LIMIT;
    const entered = await sendEnter(room, person, clients, most);
    const refused = entered.ok ? entered.value[4] : 0;
    if (!entered.ok || refused === 0) return counted(entered);
    takeBack();
    vacateIfEmpty(room);
    return refused === BANNED
      ? refuseRestricted('ban', entered.value[5])
      : refuse('limit', 'roomid: the room is full');
  }

  async function exit(room: Room, userId: string, clients: number) {
    reported.exit(room, userId, clients);
    return counted(await sendExit(room, userId, clients));
  }

  async function setClients(room: Room, clients: number) {
    reported.setClients(room, clients);
    const outcome = await sendExit(room, '', clients);
    return outcome.ok ? succeed({ users: outcome.value[0], clients: outcome.value[1] }) : outcome;
  }

  async function setConnections(inbox: Room, connections: number): Promise<Outcome<void>> {
    reported.setConnections(inbox, connections);
    return sendConnections(inbox, connections);
  }

  return {
    enter,
    exit,
    setClients,
    setConnections,
    heartbeat: heartbeat.send,
    onReturned: (listener) => {
      returnListeners.push(listener);
    },
    ...createReaper({
      redis,
      scripts,
      keys,
      occupied,
      readInstances,
      living,
      notifier,
      list: heartbeat.list,
    }),
    ...createRosterQueries({ redis, scripts, keys, occupied, living, readInstances, now }),
  };
}

function counted(outcome: Outcome<EnterReply | ExitReply>) {
  if (!outcome.ok) return outcome;
  const [users, clients, changed] = outcome.value;
  return succeed({ users, clients, changed: changed === 1 });
}
