import type { Logger } from 'pino';
import type { Room } from '../../../chat/room.ts';
import type { Roster } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { type Sized, sizesOf } from '../../../sizes.ts';
import { createPresenceResync } from '../../presence-resync.ts';
import { createReportedPresence } from '../../reported-presence.ts';
import type { FrameSigner } from '../bus/frame-signer.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';
import { createClusterClock } from './cluster-clock.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createInboxConnections } from './inbox-connections.ts';
import { createInstanceReader } from './instances.ts';
import { createLiveInstances } from './live-instances.ts';
import { createMemberships } from './memberships.ts';
import { createOccupiedRooms, type IndexParts } from './occupied-rooms.ts';
import { createPresenceNotifier } from './presence-notifier.ts';
import { createReaper } from './reaper.ts';
import { createRoomScriptArgs, roomScriptKeys } from './room-scripts.ts';
import { createRoomTurns } from './room-turns.ts';
import { createRosterCalls, type RosterCalls } from './roster-calls.ts';
import { createRosterQueries } from './roster-queries.ts';
import { createSettling } from './settling.ts';
import { createRemoveUnreported } from './unreported.ts';

export interface RedisRosterDeps {
  readonly redis: RedisCommands;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
  readonly signer: Pick<FrameSigner, 'scriptArg'>;
  readonly indexParts: IndexParts;
  readonly instanceId: string;
  readonly host: string;
  readonly log: Logger;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** A clock that cannot be set. */
  readonly now: () => number;
  /** Calls the listener when another server has taken over rooms, and may lack the newest writes. */
  readonly onTakeover: (listener: () => void) => void;
  /** They show whether a server lost its data. The listener is called after each check that tells. */
  readonly dataMarks: {
    check(): Promise<unknown>;
    onChecked(listener: (lost: boolean) => void): void;
  };
}

/**
 * The roster as sets and hashes. An instance holds a lease, and it lists every room it occupies, an inbox for a user's
 * connections included, *before* it enters anybody there: so whoever reaps it finds all it left. An instance that is not
 * listed is listed again by its next call.
 */
export function createRedisRoster(deps: RedisRosterDeps): Roster & Sized {
  const { redis, scripts, keys, signer, indexParts, instanceId, host, log, now, dataMarks } = deps;
  const reported = createReportedPresence();
  const clock = createClusterClock(now);
  const instances = createInstanceReader({ redis, scripts, keys, clock });
  const living = createLiveInstances(instances, now);
  const occupied = createOccupiedRooms(indexParts, keys);
  const scriptKeys = (room: Room) => roomScriptKeys(keys, room, instanceId);
  const settling = createSettling({ now });
  const returnListeners: Parameters<Roster['onReturn']>[0][] = [];
  const scriptArgs = createRoomScriptArgs({ keys, instanceId, signer, settleMs: settling.leftMs });
  const notifier = createPresenceNotifier({
    notify: (room) => calls.sendNotify(room),
    onNotified: vacateIfEmpty,
    log,
  });
  const indexKey = keys.occupiedRooms(instanceId);
  // A server that has the index of its own rooms runs the calls for both in the order in which they are made.
  const turns = createRoomTurns(
    (room) => indexParts.all().length > 1 || redis.inOneOrder(indexKey, keys.restrictions(room)),
  );
  const sendConnections = createInboxConnections({
    redis,
    keys,
    instanceId,
    turns,
    reported,
    occupy,
    vacate: (inbox) => occupied.vacate(instanceId, inbox),
  });
  const calls: RosterCalls = createRosterCalls({
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
  const memberships = createMemberships({
    calls,
    reported,
    maxRoomClients: deps.maxRoomClients,
    // The members know of the users that the roster accepted, unless somebody has reaped this instance since.
    isTrusted: () => heartbeat.isLeased() && !resync.returning(),
    vacateIfEmpty,
  });
  const resync = createPresenceResync({
    reported,
    onReturned(room, user, clients) {
      for (const listener of returnListeners) listener(room, user, clients);
    },
    enter: memberships.enterAgain,
    // The other instances may not be done.
    onRestored: settling.begin,
    reapAgain: () => reapAgain(),
    setConnections: sendConnections,
    removeUnreported: createRemoveUnreported({
      redis,
      keys,
      instanceId,
      occupied,
      reported,
      exit: (room, userId, clients) => calls.sendExit(room, userId, clients, { tell: 'told' }),
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
    clock,
    now,
    async onAccepted(known, mayHaveLost) {
      // An instance that the store does not know was reaped, or the store lost its data.
      if (!known) await dataMarks.check();
      const isLost = lost || (known && mayHaveLost);
      lost = false;
      // A user who moved here is taken out at the other instance first, and must not seem to join.
      if (isLost) settling.begin();
      resync.onHeartbeat(known, isLost);
    },
  });
  const { reapAgain, ...reaping } = createReaper({
    redis,
    scripts,
    keys,
    signer,
    occupied,
    instances,
    clock,
    living,
    notifier,
    settling,
    list: heartbeat.list,
    now,
  });
  let lost = false;

  /** Each server's data is reported again after an accepted heartbeat, because that shows whether this instance was reaped. */
  function onLoss(): void {
    lost = true;
    settling.begin();
    heartbeat.repeat();
  }
  deps.onTakeover(onLoss);
  dataMarks.onChecked((isLost) => {
    if (isLost) onLoss();
    else settling.confirm();
  });

  // It goes before all entries of its turn, on the same connection.
  const list = oncePerTurn(() => heartbeat.list(instanceId));

  function occupy(room: Room): Promise<Outcome<unknown>> {
    return allValues<unknown>([list(), occupied.occupy(instanceId, room)]);
  }

  /** A user may have entered since the room was found empty: the room is listed again then and must stay listed. */
  function vacateIfEmpty(room: Room): void {
    if (!reported.has(room)) void occupied.vacate(instanceId, room);
  }

  async function setConnections(inbox: Room, connections: number): Promise<Outcome<void>> {
    reported.setConnections(inbox, connections);
    return sendConnections(inbox, connections);
  }

  return {
    sizes: () => sizesOf({ reported, living, notifier, turns, memberships }),
    enter: memberships.enter,
    exit: memberships.exit,
    setClients: memberships.setClients,
    setConnections,
    heartbeat: heartbeat.send,
    onReturn: (listener) => {
      returnListeners.push(listener);
    },
    ...reaping,
    ...createRosterQueries({ redis, scripts, keys, occupied, living, instances, now }),
  };
}

/** All who ask in one turn of the event loop share a call. */
function oncePerTurn<Answer>(ask: () => Answer): () => Answer {
  let shared: { readonly answer: Answer } | undefined;
  return () => {
    if (shared === undefined) {
      shared = { answer: ask() };
      setImmediate(() => {
        shared = undefined;
      });
    }
    return shared.answer;
  };
}
