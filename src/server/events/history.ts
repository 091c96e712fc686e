import { refuse, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { messageOf } from '../delivery/messages.ts';
import { denied } from './room-access.ts';

export const history: EventHandler<'room:history'> = {
  mode: 'inTurn',
  async run(session, payload, { logs, enforcement }) {
    const { before, after, limit } = payload;
    const roomid = payload.roomid ?? session.defaultRoom;
    const refusal = denied(session, roomid);
    if (refusal) return refusal;
    const membership = session.memberships.get(roomid);
    if (!membership) return refuse('not_joined', `roomid: join ${roomid} first`);
    const banned = enforcement.banOf(membership.room, session.user.id);
    const answer = await logs.read(membership.room, {
      limit,
      maxBytes: MAX_PAGE_BYTES,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
    const refused = await banned;
    if (refused) return refused;
    if (!answer.ok) return answer;
    const { epoch, top, more, entries } = answer.value;
    return succeed({ epoch, top, more, messages: entries.map(messageOf) });
  },
};
