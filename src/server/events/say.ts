import { refuse, succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';
import { isGuest, personOf } from '../session.ts';

/** Guests come back under new ids: remembered per guest, a retry after a reconnect would be a second message. */
const GUEST_SCOPE = 'guests';

export const say: EventHandler<'say'> = {
  mode: 'pipelined',
  says: true,
  async run({ socket, memberships, defaultRoom, user }, payload, { logs, feeds, limits, metrics, newId }) {
    const { text, type, clientMsgId, echo } = payload;
    const roomid = payload.roomid ?? defaultRoom;
    const membership = memberships.get(roomid);
    if (!membership) return refuse('not_joined', `roomid: join ${roomid} first`);
    if (Buffer.byteLength(text) > limits.maxTextBytes) {
      return refuse('too_large', `text: must not be longer than ${limits.maxTextBytes} bytes`);
    }
    const message = {
      event: 'broadcast_say',
      roomid,
      clientMsgId,
      data: { ...personOf(user), text, type },
    };
    const stored = await logs.append(membership.room, {
      id: newId(),
      members: JSON.stringify(message).slice(1, -1),
      ...(clientMsgId === undefined
        ? {}
        : { dedupe: { scope: isGuest(user) ? GUEST_SCOPE : `user ${user.id}`, clientMsgId } }),
      ...(echo ? {} : { except: socket.id }),
    });
    if (!stored.ok) return stored;
    metrics.said.inc();
    if (!stored.value.dup) membership.said = stored.value;
    feeds.expect(membership.room, stored.value);
    const { epoch, seq, id, at, dup } = stored.value;
    return succeed({ roomid, epoch, seq, id, at, ...(dup ? { dup } : {}) });
  },
};
