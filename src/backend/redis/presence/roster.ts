import type { Logger } from 'pino';
import { refuseRestricted } from '../../../chat/moderation.ts';
import type { Room } from '../../../chat/room.ts';
import type { PresenceEvent, Roster, RosterEntry } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { refuse, succeed } from '../../../protocol/codes.ts';
import { createPresenceResync } from '../../presence-resync.ts';
import { createReportedPresence, type ReportedUser } from '../../reported-presence.ts';
import type { RedisCommands, ScriptArgs } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';
import { createClusterClock } from './cluster-clock.ts';
import { createHeartbeat } from './heartbeat.ts';
import { type HeldChanges, noticesOf } from './held-changes.ts';
import { createInboxConnections } from './inbox-connections.ts';
import { createInstanceReader } from './instances.ts';
import { createLiveInstances } from './live-instances.ts';
import { createOccupiedRooms, type IndexParts } from './occupied-rooms.ts';
import { createPresenceNotifier } from './presence-notifier.ts';
import { createReaper } from './reaper.ts';
import { roomScriptArgs, roomScriptKeys } from './room-scripts.ts';
import { createRoomTurns } from './room-turns.ts';
import { createRosterCalls, type EnterOptions, type EnterReply, type ExitReply } from './roster-calls.ts';
import { createRosterQueries } from './roster-queries.ts';
import { createSettling } from './settling.ts';
import { createRemoveUnreported } from './unreported.ts';

export interface RedisRosterDeps {
  readonly redis: RedisCommands;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
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

/** Why roster-enter.lua refuses; otherwise the room is full. */
const BANNED = 1;
const NO_LIMIT = 0;

/**
 * The roster as sets and hashes. An instance holds a lease, and it lists every room it occupies, an inbox for a user's
 * connections included, *before* it enters anybody there: so whoever reaps it finds all it left. An instance that is not
 * listed is listed again by its next call.
 */
export function createRedisRoster(deps: RedisRosterDeps): Roster {
  const {
    redis,
    scripts,
    keys,
    indexParts,
    instanceId,
    host,
    log,
    maxRoomClients,
    now,
    onTakeover,
    dataMarks,
  } = deps;
  const reported = createReportedPresence();
  /** Users who left and whose exit the store has not accepted, by room and user. */
  const departing = new Map<string, ReportedUser>();
  const clock = createClusterClock(now);
  const instances = createInstanceReader({ redis, scripts, keys, clock });
  const living = createLiveInstances(instances, now);
  const occupied = createOccupiedRooms(indexParts, keys);
  const scriptKeys = (room: Room) => roomScriptKeys(keys, room, instanceId);
  const settling = createSettling({ now });
  const scriptArgs =
    (room: Room, expected = false, more: (settleMs: number) => readonly string[] = () => []): ScriptArgs =>
    (server) => {
      const settleMs = settling.leftMs(server);
      return [...roomScriptArgs(keys, room, instanceId, { settleMs, expected }), ...more(settleMs)];
    };
  const notifier = createPresenceNotifier({
    async notify(room) {
      const notified = await redis.evaluate<[waitMs: number, held: HeldChanges, clients: number]>(
        scripts.notify,
        scriptKeys(room),
        scriptArgs(room),
      );
      if (!notified.ok) return notified;
      const [waitMs, held, clients] = notified.value;
      announce(room, held, clients);
      return succeed(waitMs);
    },
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
  const { sendEnter, sendExit } = createRosterCalls({
    redis,
    scripts,
    scriptKeys,
    scriptArgs,
    announce,
    keys,
    turns,
    occupy,
    notifier,
    vacateIfEmpty,
  });
  const noticeListeners: ((room: Room, notice: PresenceEvent, clients: number) => void)[] = [];
  const resync = createPresenceResync({
    reported,
    onReturned: (room, user, clients) => notice(room, { event: 'join', user }, clients),
    enter: async (room, user, clients, known) => {
      const isKnown = () => known && reported.isAccepted(room, user.userId);
      return counted(await report(room, user, clients, { most: NO_LIMIT, known: isKnown }));
    },
    // The other instances may not be done.
    onRestored: settling.begin,
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
    clock,
    now,
    async onAccepted(known, mayHaveLost) {
      // Whoever is not known was reaped, or the store lost its data.
      if (!known) await dataMarks.check();
      resync.onHeartbeat(known, lost || (known && mayHaveLost));
      lost = false;
    },
  });
  let lost = false;

  /** Each server's data is reported again after an accepted heartbeat, because that shows whether this instance was reaped. */
  function onLoss(): void {
    lost = true;
    settling.begin();
    heartbeat.repeat();
  }
  onTakeover(onLoss);
  dataMarks.onChecked((isLost) => {
    if (isLost) onLoss();
    else settling.confirm();
  });

  function notice(room: Room, event: PresenceEvent, clients: number): void {
    for (const listener of noticeListeners) listener(room, event, clients);
  }

  function announce(room: Room, held: HeldChanges, clients: number): void {
    for (const event of noticesOf(held)) notice(room, event, clients);
  }

  function occupy(room: Room): Promise<Outcome<unknown>> {
    return allValues<unknown>([heartbeat.list(instanceId), occupied.occupy(instanceId, room)]);
  }

  /** A user may have entered since the room was found empty: the room is listed again then and must stay listed. */
  function vacateIfEmpty(room: Room): void {
    if (!reported.has(room)) void occupied.vacate(instanceId, room);
  }

  /** The members know of the users that the roster accepted, unless somebody has reaped this instance since. */
  const isTrusted = () => heartbeat.isLeased() && !resync.returning();

  async function report(room: Room, user: ReportedUser, clients: number, options: EnterOptions) {
    const entered = await sendEnter(room, user, clients, options);
    if (entered.ok && entered.value[4] === 0) reported.accepted(room, user.userId);
    return entered;
  }

  async function enter(room: Room, user: RosterEntry, own: number, clients: number) {
    const key = `${room.tag} ${user.userId}`;
    const trusted = isTrusted();
    const accepted = departing.delete(key) || reported.isAccepted(room, user.userId);
    const known = (settleMs: number) => accepted && (trusted || settleMs > 0);
    const expected = trusted && reported.hasAccepted(room);
    const person = { ...user, own };
    const takeBack = reported.enter(room, person, clients);
    const most = room.kind === 'room' ? maxRoomClients : NO_LIMIT;
    const entered = await report(room, person, clients, { most, known, expected });
    const refused = entered.ok ? entered.value[4] : 0;
    if (!entered.ok || refused === 0) return counted(entered);
    takeBack();
    vacateIfEmpty(room);
    return refused === BANNED
      ? refuseRestricted('ban', entered.value[5])
      : refuse('limit', 'roomid: the room is full');
  }

  async function exit(room: Room, userId: string, clients: number) {
    const expected = isTrusted() && reported.hasAccepted(room);
    const key = `${room.tag} ${userId}`;
    const user = reported.isAccepted(room, userId) ? reported.userIn(room, userId)?.user : departing.get(key);
    reported.exit(room, userId, clients);
    if (user) departing.set(key, user);
    const left = await sendExit(room, userId, clients, { known: user, expected });
    if (left.ok) departing.delete(key);
    return counted(left);
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
    onLateNotice: (listener) => {
      noticeListeners.push(listener);
    },
    ...createReaper({
      redis,
      scripts,
      keys,
      occupied,
      instances,
      clock,
      living,
      notifier,
      announce,
      settling,
      list: heartbeat.list,
    }),
    ...createRosterQueries({ redis, scripts, keys, occupied, living, instances, now }),
  };
}

function counted(outcome: Outcome<EnterReply | ExitReply>) {
  if (!outcome.ok) return outcome;
  const [users, clients, changed] = outcome.value;
  return succeed({ users, clients, changed: changed === 1 });
}
