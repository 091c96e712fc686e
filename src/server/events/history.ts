import { succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { messageOf } from '../delivery/messages.ts';
import { entriesFor } from '../delivery/older-clients.ts';
import { memberIn } from './room-access.ts';

export const history: EventHandler<'room:history'> = {
  mode: 'inTurn',
  async run(session, payload, { logs, enforcement }) {
    const { before, after, limit } = payload;
    const roomid = payload.roomid ?? session.defaultRoom;
    const joined = memberIn(session, roomid, 'read');
    if (!joined.ok) return joined;
    const { room } = joined.value;
    const banned = enforcement.banOf(room, session.user.id);
    const answer = await logs.read(room, { limit, maxBytes: MAX_PAGE_BYTES, before, after });
    const refused = await banned;
    if (refused) return refused;
    if (!answer.ok) return answer;
    const { epoch, top, more, entries } = answer.value;
    return succeed({ epoch, top, more, messages: entriesFor(session.socket, entries.map(messageOf)) });
  },
};
