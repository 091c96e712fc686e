import { socketRoom } from '../../backend/socket-room.ts';
import { inboxOf, type Room } from '../../chat/room.ts';
import type { Signal } from '../../protocol/rooms.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';

interface UserConnection {
  readonly socket: Pick<ClientSocket, 'id' | 'volatile'>;
  readonly user: { readonly id: string };
  readonly memberships: Pick<ReadonlyMap<string, unknown>, 'has'>;
}

export interface SignalsDeps {
  readonly namespaces: readonly ChatNamespace[];
  /** The user's connections on this worker. */
  readonly sessionsOf: (inbox: Room) => readonly UserConnection[];
}

/** Sends signals to members on all workers of all hosts, past the store. A slow client does not get them. */
export interface Signals {
  /** Sends to the other connections in the room, or to those of the user `to`. */
  send(from: ClientSocket, room: Room, signal: Signal, to?: string): void;
}

/** Between workers only: Socket.IO never hands a client's events to the namespace. */
const EVENT = 'signal to user';

export function createSignals({ namespaces, sessionsOf }: SignalsDeps): Signals {
  for (const nsp of namespaces) {
    nsp.on(EVENT as never, ((to: string, signal: Signal) => deliver(nsp, to, signal)) as never);
  }

  function deliver(nsp: Pick<ChatNamespace, 'name'>, to: string, signal: Signal, except?: string): void {
    for (const { socket, user, memberships } of sessionsOf(inboxOf(nsp.name, to))) {
      if (user.id !== to || socket.id === except || !memberships.has(signal.roomid)) continue;
      socket.volatile.emit('signal', signal);
    }
  }

  return {
    send(from, room, signal, to) {
      if (to === undefined) {
        from.to(socketRoom(room)).volatile.emit('signal', signal);
        return;
      }
      deliver(from.nsp, to, signal, from.id);
      // Every worker gets it: Socket.IO addresses rooms and connections, and not a user's connections within a room.
      from.nsp.serverSideEmit(EVENT as never, to as never, signal as never);
    },
  };
}
