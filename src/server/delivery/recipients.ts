import { socketRoom } from '../../backend/socket-room.ts';
import type { Room } from '../../chat/room.ts';
import type { ChatNamespace } from '../socket-types.ts';
import type { Connection, ConnectionInternals, FramePath } from '../transport/private-members.ts';

/** A room's members on this worker, each at the same place of every list. */
export interface Recipients {
  readonly ids: readonly string[];
  readonly connections: readonly Connection[];
  readonly paths: readonly FramePath[];
}

export interface RecipientsDeps {
  readonly of: (nsp: string) => Pick<ChatNamespace, 'adapter' | 'sockets'>;
  readonly internals: Pick<ConnectionInternals, 'pathTo'>;
}

/** Looked up once and kept until somebody comes or goes: by member and message that took a third as long as the write. */
export type RecipientsOf = (room: Room) => Recipients;

const NOBODY: Recipients = { ids: [], connections: [], paths: [] };

export function createRecipients({ of, internals }: RecipientsDeps): RecipientsOf {
  /** Of each namespace, by Socket.IO's room. */
  const known = new Map<string, Map<string, Recipients>>();
  const paths = new WeakMap<Connection, FramePath>();

  function knownIn(name: string): Map<string, Recipients> {
    const before = known.get(name);
    if (before) return before;
    const rooms = new Map<string, Recipients>();
    const { adapter } = of(name);
    const forget = (room: string) => void rooms.delete(room);
    adapter.on('join-room', forget);
    adapter.on('leave-room', forget);
    known.set(name, rooms);
    return rooms;
  }

  function pathOf(connection: Connection): FramePath {
    const path = paths.get(connection) ?? internals.pathTo(connection);
    paths.set(connection, path);
    return path;
  }

  function find(nsp: string, room: string): Recipients {
    const { adapter, sockets } = of(nsp);
    const members = adapter.rooms.get(room);
    if (!members) return NOBODY;
    const ids = [...members].filter((id) => sockets.has(id));
    const conns = ids.flatMap((id) => sockets.get(id)?.conn ?? []);
    return { ids, connections: conns, paths: conns.map(pathOf) };
  }

  return (room) => {
    const rooms = knownIn(room.nsp);
    const name = socketRoom(room);
    const before = rooms.get(name);
    if (before) return before;
    const found = find(room.nsp, name);
    if (found !== NOBODY) rooms.set(name, found);
    return found;
  };
}
