import type { Logger } from 'pino';
import { inboxOf, type Room } from '../../chat/room.ts';
import { BYE } from '../../protocol/codes.ts';
import { runDespiteLimit } from '../event-queue.ts';
import type { Session } from '../session.ts';
import type { ChatNamespace } from '../socket-types.ts';
import type { Logins } from '../users/logins.ts';
import { type CommandWorkers, createWorkerCommands } from './worker-commands.ts';

export interface UserDisconnectsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly logins: Pick<Logins, 'sessionsOf'>;
  /** Ends what the user's tokens read over HTTP. */
  readonly endStreams: (nsp: string, userId: string) => void;
  /** Writes the room's gathered messages now. */
  readonly flush: (room: Room) => void;
  readonly log: Logger;
}

/** Disconnects all of the user's connections in that namespace, on all workers of all hosts. */
export type DisconnectUser = CommandWorkers<string>;

export function createUserDisconnects({
  namespaces,
  logins,
  endStreams,
  flush,
  log,
}: UserDisconnectsDeps): DisconnectUser {
  async function end({ socket, memberships, binding, user }: Session, userId: string): Promise<void> {
    if (user.id !== userId || !socket.connected) return;
    // Read-your-writes: after the answer no worker counts the connection.
    await binding?.uncount();
    for (const { room } of memberships.values()) flush(room);
    socket.emit('bye', {
      code: BYE.disconnected,
      reason: 'an operator ended this connection',
      reconnect: false,
      afterMs: 0,
    });
    // `disconnect`, because stock clients reconnect after a closed engine.
    socket.disconnect(true);
  }

  return createWorkerCommands<string>({
    namespaces,
    event: 'user:disconnect',
    carryOut({ name }, userId) {
      endStreams(name, userId);
      const sessions = logins.sessionsOf(inboxOf(name, userId));
      // The disconnect waits for the connection's turn: it may be changing to this user, or to another.
      return Promise.all(
        sessions.map((session) => runDespiteLimit(session.queue, () => end(session, userId))),
      );
    },
    log,
  });
}
