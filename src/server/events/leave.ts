import { socketRoom } from '../../backend/socket-room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import type { Membership, Session } from '../session.ts';

export const leave: EventHandler<'leave'> = {
  mode: 'inTurn',
  free: true,
  async run(session, payload, context) {
    const roomid = payload.roomid ?? session.defaultRoom;
    const membership = session.memberships.get(roomid);
    if (!membership) return refuse('not_joined', `roomid: this connection is not in ${roomid}`);
    await leaveRoom(session, roomid, membership, context);
    await context.readMarkers.left(session, roomid);
    return succeed({});
  },
};

export async function leaveRoom(
  { socket, memberships, user }: Session,
  roomid: string,
  membership: Membership,
  { feeds, fanout, presence }: Pick<ChatContext, 'feeds' | 'fanout' | 'presence'>,
): Promise<void> {
  // The connection still gets its own acknowledged messages: the bus may be behind the acks.
  if (membership.lastSay) await feeds.whenDelivered(membership.room, membership.lastSay);
  if (memberships.get(roomid) !== membership) return;
  memberships.delete(roomid);
  fanout.flush(membership.room);
  void socket.leave(socketRoom(membership.room));
  membership.lease.release();
  // Read-your-writes: after the ack, no worker counts this connection in the room.
  if (!membership.uncounted) await presence.leave(membership.room, user.id, 'asked');
}
