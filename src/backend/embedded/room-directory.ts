import type { Room } from '../../chat/room.ts';
import type { ListedRoom, RosterPage } from '../../chat/roster.ts';
import type { Sized } from '../../sizes.ts';
import { createPagedMap, deletePaged, type PagedMap, pageOf, setPaged } from './paged-map.ts';
import {
  countRoom,
  createRoomPresence,
  isVacant,
  type RoomPresence,
  type RoomPresenceDeps,
} from './room-presence.ts';

/** The rooms that have users or connections. */
export interface RoomDirectory {
  find(tag: string): RoomPresence | undefined;
  /** Creates the room if it is missing; call `forgetVacant` afterwards. */
  presenceIn(room: Room): RoomPresence;
  forgetVacant(presence: RoomPresence): void;
  list(nsp: string, page: RosterPage): { rooms: readonly ListedRoom[]; next?: string };
  /** The number of rooms of kind `room` in all namespaces. */
  size(): number;
}

export function createRoomDirectory(deps: RoomPresenceDeps): RoomDirectory & Sized {
  const rooms = new Map<string, RoomPresence>();
  /** The rooms of kind `room`, by namespace and roomid. */
  const listed = new Map<string, PagedMap<RoomPresence>>();

  function indexOf({ nsp, kind }: Room): PagedMap<RoomPresence> | undefined {
    if (kind !== 'room') return undefined;
    const index = listed.get(nsp) ?? createPagedMap();
    listed.set(nsp, index);
    return index;
  }

  return {
    sizes: () => ({ rooms: rooms.size, listed: listed.size }),
    find: (tag) => rooms.get(tag),
    presenceIn(room) {
      const known = rooms.get(room.tag);
      if (known) return known;
      const presence = createRoomPresence(room, deps);
      rooms.set(room.tag, presence);
      const index = indexOf(room);
      if (index) setPaged(index, room.roomid, presence);
      return presence;
    },
    forgetVacant(presence) {
      if (!isVacant(presence)) return;
      presence.changes.close();
      rooms.delete(presence.room.tag);
      const index = indexOf(presence.room);
      if (index) deletePaged(index, presence.room.roomid);
    },
    list(nsp, query) {
      const index = listed.get(nsp);
      if (!index) return { rooms: [] };
      const { page, ...more } = pageOf(index, query);
      const found = page.map((presence) => ({ roomid: presence.room.roomid, ...countRoom(presence) }));
      return { rooms: found, ...more };
    },
    size: () => [...listed.values()].reduce((sum, { values }) => sum + values.size, 0),
  };
}
