import { socketRoom } from '../../backend/socket-room.ts';
import { roomOf } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { Announcement } from '../../protocol/people.ts';
import type { ChatNamespace } from '../socket-types.ts';

export interface RoomAnnouncementsDeps {
  readonly of: (nsp: string) => Pick<ChatNamespace, 'to'>;
  readonly degraded: () => boolean;
}

/** Sends to the members of these rooms on all workers, to each connection once. Live only. */
export type AnnounceInRooms = (
  nsp: string,
  roomids: readonly string[],
  announcement: Announcement,
) => Outcome<void>;

const RETRY_MS = 1_000;

export function createRoomAnnouncements({ of, degraded }: RoomAnnouncementsDeps): AnnounceInRooms {
  return (nsp, roomids, announcement) => {
    // Live only: what cannot reach the other workers now is not sent later.
    if (degraded()) return refuse('unavailable', 'the store is away', RETRY_MS);
    const rooms = roomids.map((roomid) => socketRoom(roomOf(nsp, roomid)));
    // Socket.IO takes an empty list of rooms for every connection.
    if (rooms.length > 0) of(nsp).to(rooms).emit('announcement', announcement);
    return succeed(undefined);
  };
}
