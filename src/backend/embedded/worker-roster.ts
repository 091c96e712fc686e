import type { Logger } from 'pino';
import type { Room } from '../../chat/room.ts';
import type { Roster, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { succeed } from '../../protocol/codes.ts';
import { createPresenceResync } from '../presence-resync.ts';
import { createReportedPresence } from '../reported-presence.ts';
import type { Ask } from './channel.ts';

export interface WorkerRosterDeps {
  readonly ask: Ask;
  readonly log: Logger;
}

/** The roster as a worker reaches it, in the primary's memory. */
export function createWorkerRoster({ ask, log }: WorkerRosterDeps): Roster {
  const reported = createReportedPresence();
  const returnListeners: ((room: Room, user: RosterEntry, clients: number) => void)[] = [];
  const resync = createPresenceResync({
    reported,
    onReturned: (...returned) => {
      for (const listener of returnListeners) listener(...returned);
    },
    enter: (room, { own, ...user }, clients) =>
      ask('roster.enter', { room, user, own, clients, returned: true }),
    setConnections: (inbox, connections) => ask('roster.setConnections', { inbox, connections }),
    now: () => performance.now(),
    log,
  });

  return {
    async enter(room, user, own, clients) {
      const takeBack = reported.enter(room, { ...user, own }, clients);
      const entered = await ask<RosterCount & { changed: boolean }, 'roster.enter'>('roster.enter', {
        room,
        user,
        own,
        clients,
      });
      if (!entered.ok && !entered.error.temporary) takeBack();
      return entered;
    },
    exit(room, userId, clients) {
      reported.exit(room, userId, clients);
      return ask('roster.exit', { room, userId, clients });
    },
    recount(room, clients) {
      reported.setClients(room, clients);
      return ask('roster.recount', { room, clients });
    },
    count: ({ tag }) => ask('roster.count', { tag }),
    named: ({ tag }, username, limit) => ask('roster.named', { tag, username, limit }),
    staysIn: ({ tag }, userId) => ask('roster.staysIn', { tag, userId }),
    isIn: (rooms, userId) => ask('roster.isIn', { tags: rooms.map(({ tag }) => tag), userId }),
    members: ({ tag }, page) => ask('roster.members', { tag, page }),
    rooms: (nsp, page) => ask('roster.rooms', { nsp, page }),
    setConnections(inbox, connections) {
      reported.setConnections(inbox, connections);
      return ask('roster.setConnections', { inbox, connections });
    },
    connections: (inboxes) => ask('roster.connections', { tags: inboxes.map(({ tag }) => tag) }),
    totals: () => ask('roster.totals', null),
    bury: (instanceId) => ask('roster.bury', { instanceId }),
    // How many connections it has the primary knows from `setConnections`.
    async renew() {
      const known = await ask<boolean, 'roster.renew'>('roster.renew', null);
      if (!known.ok) return known;
      resync.onHeartbeat(known.value);
      return succeed(undefined);
    },
    onReturned(listener) {
      returnListeners.push(listener);
    },
    sweep: (instanceId) => ask('roster.sweep', { instanceId }),
    expired: () => ask('roster.expired', null),
  };
}
