import type { Served } from '../../cluster/ipc-services.ts';
import { succeed } from '../../protocol/codes.ts';
import type { ModerationStore } from './moderation-store.ts';
import type { InstanceRoster } from './roster.ts';
import type { PrimaryServices } from './services.ts';

/** The roster as the requests of one worker reach it. */
export function createRosterService(
  roster: InstanceRoster,
  instanceId: string,
  moderation: Pick<ModerationStore, 'admit'>,
): Served<PrimaryServices>['roster'] {
  return {
    enter(room, user, own, clients, returned) {
      const admitted = moderation.admit(room, user.userId);
      return admitted.ok ? roster.enter(instanceId, room, user, own, clients, returned) : admitted;
    },
    exit: (...exit) => succeed(roster.exit(instanceId, ...exit)),
    setClients: (...count) => succeed(roster.setClients(instanceId, ...count)),
    setConnections: (...count) => succeed(roster.setConnections(instanceId, ...count)),
    heartbeat: () => succeed(roster.heartbeat(instanceId)),
    count: (room) => succeed(roster.count(room)),
    findByUsername: (...query) => succeed(roster.findByUsername(...query)),
    isInAny: (rooms, userId) => succeed(roster.isInAny(rooms, userId)),
    isOnlineIn: (room, userId) => succeed(roster.isOnlineIn(room, userId)),
    members: (room, page) => succeed(roster.members(room, page)),
    rooms: (nsp, page) => succeed(roster.rooms(nsp, page)),
    connections: (inboxes) => succeed(roster.connections(inboxes)),
    totals: () => succeed(roster.totals()),
    fence: (dead) => succeed(roster.fence(dead)),
    reap: (...dead) => succeed(roster.reap(...dead)),
    expired: () => succeed(roster.expired()),
  };
}
