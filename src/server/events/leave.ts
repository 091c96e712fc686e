import { socketRoom } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';

export const leave: EventHandler<'leave'> = {
  mode: 'inTurn',
  async run({ socket, memberships, defaultRoom, user }, payload, { feeds, presence }) {
    const roomid = payload.roomid ?? defaultRoom;
    const membership = memberships.get(roomid);
    if (!membership) return refuse('not_joined', `roomid: not in ${roomid}`);
    // What this connection was told is stored still comes to it: the bus may be behind the acks.
    if (membership.said) await feeds.arrival(membership.room, membership.said);
    if (memberships.get(roomid) !== membership) return succeed({});
    memberships.delete(roomid);
    void socket.leave(socketRoom(membership.room));
    membership.hold.release();
    presence.leave(membership.room, user.id, 'asked');
    return succeed({});
  },
};
