import type { Logger } from 'pino';
import { inboxOf, type Room } from '../chat/room.ts';
import { BYE } from '../protocol/codes.ts';
import type { ChatNamespace } from './gateway.ts';
import type { Logins } from './logins.ts';
import { createWorkerOrders, type OrderWorkers } from './worker-orders.ts';

export interface UserDisconnectsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly logins: Pick<Logins, 'sessionsOf'>;
  /** What is gathered for the room is written now. */
  readonly flush: (room: Room) => void;
  readonly log: Logger;
}

/** Lets every connection of the user in that namespace go, on all workers of all hosts. */
export type DisconnectUser = OrderWorkers<string>;

export function createUserDisconnects({
  namespaces,
  logins,
  flush,
  log,
}: UserDisconnectsDeps): DisconnectUser {
  return createWorkerOrders<string>({
    namespaces,
    event: 'user:disconnect',
    async carryOut({ name }, userId) {
      const sessions = logins.sessionsOf(inboxOf(name, userId));
      // Whoever asks any worker after the answer does not find them any more.
      await Promise.all(sessions.map(({ login }) => login?.uncount()));
      for (const { socket, memberships } of sessions) {
        for (const { room } of memberships.values()) flush(room);
        socket.emit('bye', {
          code: BYE.disconnected,
          reason: 'an operator ended this connection',
          reconnect: false,
          afterMs: 0,
        });
        // `disconnect`, not a closed engine: stock clients come back after the latter.
        socket.disconnect(true);
      }
    },
    log,
  });
}
