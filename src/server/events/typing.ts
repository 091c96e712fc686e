import { socketRoom } from '../../backend/socket-room.ts';
import { succeed } from '../../protocol/codes.ts';
import { TYPING_INTERVAL_MS } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { memberIn, notJoined } from './room-access.ts';
import { volatileRefusal } from './volatile-refusal.ts';

export const typing: EventHandler<'typing'> = {
  mode: 'pipelined',
  free: true,
  async run(session, { roomid = session.defaultRoom, on }, { enforcement }) {
    const joined = memberIn(session, roomid, 'say');
    if (!joined.ok) return joined;
    const membership = joined.value;
    const key = on ? 'on' : 'off';
    const now = performance.now();
    const toldAt = membership.typing?.[key];
    // Dropped, not refused: a client that sends it with every key does nothing wrong.
    if (toldAt !== undefined && now - toldAt < TYPING_INTERVAL_MS) return succeed({});
    membership.typing = { ...membership.typing, [key]: now };
    const { room } = membership;
    const { id: userId, name: username } = session.user;
    const restricted = await volatileRefusal(session, membership, enforcement);
    if (restricted) return restricted;
    if (session.memberships.get(roomid) !== membership) return notJoined(roomid);
    session.socket.to(socketRoom(room)).volatile.emit('typing', { roomid, userId, username, on });
    return succeed({});
  },
};
