import { socketRoom } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import { TYPING_MS } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { denied } from './room-access.ts';

export const typing: EventHandler<'typing'> = {
  mode: 'pipelined',
  free: true,
  async run(session, { roomid = session.defaultRoom, on }, { enforcement }) {
    const refusal = denied(session, roomid);
    if (refusal) return refusal;
    const membership = session.memberships.get(roomid);
    if (!membership) return refuse('not_joined', `roomid: join ${roomid} first`);
    const key = on ? 'on' : 'off';
    const now = performance.now();
    const toldAt = membership.typing?.[key];
    // Swallowed, not refused: a client that says it with every key does nothing wrong.
    if (toldAt !== undefined && now - toldAt < TYPING_MS) return succeed({});
    membership.typing = { ...membership.typing, [key]: now };
    const { room } = membership;
    const { id: userId, name: username } = session.user;
    // Not kept in a log, so the store does not look by itself.
    const restricted =
      (await enforcement.refusalOf(room, userId)) ?? (await enforcement.connectionRefusal(session, room));
    if (restricted) {
      if (restricted.error.code === 'forbidden') enforcement.onRefused(room, userId);
      return restricted;
    }
    if (session.memberships.get(roomid) !== membership) {
      return refuse('not_joined', `roomid: join ${roomid} first`);
    }
    session.socket.to(socketRoom(room)).volatile.emit('typing', { roomid, userId, username, on });
    return succeed({});
  },
};
