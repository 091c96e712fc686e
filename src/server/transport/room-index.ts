import type { Adapter } from 'socket.io-adapter';
import { FewSet } from './few-set.ts';

type Members = Set<string>;

/**
 * Socket.IO's tables of who is in which room, in a smaller form. Every socket is in a room of its own id, by which
 * `to(id)` and `except(id)` find it: that room needs no place in the table, for the other table lists the socket. And
 * most rooms have one member, an inbox's owner, and most sockets few rooms.
 */
export function shrinkRoomTables(adapter: Pick<Adapter, 'rooms' | 'sids'>): void {
  // Namespaces are served before the first client: with members in them the tables would have to be copied.
  if (adapter.rooms.size > 0 || adapter.sids.size > 0) return;
  const sids = new FewTable();
  adapter.sids = sids;
  adapter.rooms = new RoomTable(sids);
}

/** What is put into it is always a new empty Set. */
class FewTable extends Map<string, Members> {
  override set(key: string, members: Members): this {
    return super.set(key, members.size === 0 ? new FewSet() : members);
  }
}

class RoomTable extends FewTable {
  private readonly sids: ReadonlyMap<string, Members>;

  constructor(sids: ReadonlyMap<string, Members>) {
    super();
    this.sids = sids;
  }

  override has(room: string): boolean {
    return super.has(room) || this.sids.has(room);
  }

  override get(room: string): Members | undefined {
    const members = super.get(room);
    if (members) return members;
    return this.sids.has(room) ? new Set([room]) : undefined;
  }
}
