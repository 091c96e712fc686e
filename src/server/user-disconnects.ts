import { inboxOf } from '../chat/room.ts';
import { BYE } from '../protocol/codes.ts';
import type { ChatNamespace } from './gateway.ts';
import type { Logins } from './logins.ts';

export interface UserDisconnectsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly logins: Pick<Logins, 'sessionsOf'>;
}

/** Lets every connection of the user in that namespace go, on all workers of all hosts. */
export type DisconnectUser = (nsp: string, userId: string) => void;

/** Between workers only: Socket.IO never hands a client's events to the namespace. */
const EVENT = 'user:disconnect';

export function createUserDisconnects({ namespaces, logins }: UserDisconnectsDeps): DisconnectUser {
  const served = new Map(namespaces.map((nsp) => [nsp.name, nsp]));

  function disconnectHere(nsp: string, userId: string): void {
    for (const { socket } of logins.sessionsOf(inboxOf(nsp, userId))) {
      socket.emit('bye', {
        code: BYE.disconnected,
        reason: 'an operator ended this connection',
        reconnect: false,
        afterMs: 0,
      });
      // `disconnect`, not a closed engine: stock clients come back after the latter.
      socket.disconnect(true);
    }
  }

  for (const nsp of namespaces) {
    // Typed as what clients send, which this is not.
    nsp.on(EVENT as never, ((userId: string) => disconnectHere(nsp.name, userId)) as never);
  }
  return (nsp, userId) => {
    served.get(nsp)?.serverSideEmit(EVENT, userId);
    disconnectHere(nsp, userId);
  };
}
