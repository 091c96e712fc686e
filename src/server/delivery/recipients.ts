import { socketRoom } from '../../backend/socket-room.ts';
import type { Room } from '../../chat/room.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import type { Connection, ConnectionInternals, FramePath } from '../transport/private-members.ts';
import { isOlder } from './older-clients.ts';

/** A room's members on this worker; each has the same index in every list. */
export interface Recipients {
  readonly ids: readonly string[];
  readonly connections: readonly Connection[];
  readonly paths: readonly FramePath[];
  /** The ids of older clients, see `older-clients.ts`; absent without any. */
  readonly older?: ReadonlySet<string>;
}

export interface RecipientsDeps {
  readonly of: (nsp: string) => Pick<ChatNamespace, 'adapter' | 'sockets'>;
  readonly internals: Pick<ConnectionInternals, 'pathTo'>;
}

/** Cached until a connection joins or leaves the room: looking up each member for each message took a third of a write. */
export type RecipientsOf = (room: Room) => Recipients;

export interface RecipientsCache extends Sized {
  readonly of: RecipientsOf;
}

const EMPTY: Recipients = { ids: [], connections: [], paths: [] };

export function createRecipients({ of, internals }: RecipientsDeps): RecipientsCache {
  /** Recipients by namespace and Socket.IO room. */
  const cache = new Map<string, Map<string, Recipients>>();
  const paths = new WeakMap<Connection, FramePath>();

  function cacheOf(name: string): Map<string, Recipients> {
    const existing = cache.get(name);
    if (existing) return existing;
    const rooms = new Map<string, Recipients>();
    const { adapter } = of(name);
    const evict = (room: string) => void rooms.delete(room);
    adapter.on('join-room', evict);
    adapter.on('leave-room', evict);
    cache.set(name, rooms);
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
    if (!members) return EMPTY;
    const ids = [...members].filter((id) => sockets.has(id));
    const connections = ids.flatMap((id) => sockets.get(id)?.conn ?? []);
    const found = { ids, connections, paths: connections.map(pathOf) };
    const older = ids.filter((id) => isOlder(sockets.get(id) as ClientSocket));
    return older.length === 0 ? found : { ...found, older: new Set(older) };
  }

  return {
    sizes: () => ({ cache: [...cache.values()].reduce((sum, rooms) => sum + rooms.size, 0) }),
    of(room) {
      const rooms = cacheOf(room.nsp);
      const name = socketRoom(room);
      const cached = rooms.get(name);
      if (cached) return cached;
      const found = find(room.nsp, name);
      if (found !== EMPTY) rooms.set(name, found);
      return found;
    },
  };
}
