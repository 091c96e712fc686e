import type { Logger } from 'pino';
import type { Roster } from '../../chat/roster.ts';
import { succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { createPresenceResync } from '../presence-resync.ts';
import { createReportedPresence } from '../reported-presence.ts';
import type { RosterService } from './services.ts';

export interface WorkerRosterDeps {
  readonly service: RosterService;
  readonly log: Logger;
}

/** The roster as a worker reaches it, in the primary's memory. */
export function createWorkerRoster({ service, log }: WorkerRosterDeps): Roster & Sized {
  const reported = createReportedPresence();
  const returnListeners: Parameters<Roster['onReturn']>[0][] = [];
  const resync = createPresenceResync({
    reported,
    onReturned: (room, user, clients) => {
      for (const listener of returnListeners) listener(room, user, clients);
    },
    enter: (room, { own, ...user }, clients) => service.enter(room, user, own, clients, true),
    setConnections: service.setConnections,
    now: () => performance.now(),
    log,
  });

  return {
    sizes: () => ({ reported: reported.sizes() }),
    async enter(room, user, own, clients) {
      const takeBack = reported.enter(room, { ...user, own }, clients);
      const entered = await service.enter(room, user, own, clients);
      if (!entered.ok && !entered.error.temporary) takeBack();
      return entered;
    },
    exit(room, userId, clients, unannounced = false) {
      reported.exit(room, userId, clients);
      return service.exit(room, userId, clients, unannounced);
    },
    setClients(room, clients) {
      reported.setClients(room, clients);
      return service.setClients(room, clients);
    },
    setConnections(inbox, connections) {
      reported.setConnections(inbox, connections);
      return service.setConnections(inbox, connections);
    },
    async heartbeat() {
      const known = await service.heartbeat();
      if (!known.ok) return known;
      resync.onHeartbeat(known.value, false);
      return succeed(undefined);
    },
    onReturn(listener) {
      returnListeners.push(listener);
    },
    count: service.count,
    findByUsername: service.findByUsername,
    isOnlineIn: service.isOnlineIn,
    isInAny: service.isInAny,
    members: service.members,
    rooms: service.rooms,
    connections: service.connections,
    totals: service.totals,
    fence: service.fence,
    reap: (instanceId) => service.reap(instanceId, true),
    expired: service.expired,
  };
}
