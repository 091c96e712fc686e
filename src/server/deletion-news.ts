import { type Room, roomOf, socketRoom } from '../chat/room.ts';
import type { ChatNamespace } from './gateway.ts';

export interface DeletionNewsDeps {
  readonly namespaces: readonly ChatNamespace[];
  /** What is gathered for the room is written first: the message may be among it, with its text. */
  readonly flush: (room: Room) => void;
}

/** Tells the room's members, on all workers of all hosts, that a message was taken out. */
export type TellDeleted = (room: Room, seq: number) => void;

/** Between workers only: Socket.IO never hands a client's events to the namespace. */
const EVENT = 'message:deleted';

export function createDeletionNews({ namespaces, flush }: DeletionNewsDeps): TellDeleted {
  const served = new Map(namespaces.map((nsp) => [nsp.name, nsp]));

  function tellHere(nsp: ChatNamespace, roomid: string, seq: number): void {
    const room = roomOf(nsp.name, roomid);
    flush(room);
    nsp.local.to(socketRoom(room)).emit('message', { event: 'deleted', roomid, seq });
  }

  for (const nsp of namespaces) {
    const hear = (roomid: string, seq: number) => tellHere(nsp, roomid, seq);
    // Typed as what clients send, which this is not.
    nsp.on(EVENT as never, hear as never);
  }
  return ({ nsp: name, roomid }, seq) => {
    const nsp = served.get(name);
    if (!nsp) return;
    nsp.serverSideEmit(EVENT, roomid, seq);
    tellHere(nsp, roomid, seq);
  };
}
