import { refuse, succeed } from '../../protocol/codes.ts';
import { parseId } from '../../protocol/names.ts';
import type { EventHandler } from '../context.ts';
import { memberIn } from './room-access.ts';

export const members: EventHandler<'room:members'> = {
  mode: 'inTurn',
  async run(session, payload, { roster, enforcement }) {
    const { limit, cursor } = payload;
    const roomid = payload.roomid ?? session.defaultRoom;
    const joined = memberIn(session, roomid, 'read');
    if (!joined.ok) return joined;
    const { room } = joined.value;
    const after = cursor === undefined ? undefined : idOf(cursor);
    if (cursor !== undefined && after === undefined) {
      return refuse('bad_request', 'cursor: must come from an answer of room:members');
    }
    const [banned, counted, listed] = await Promise.all([
      enforcement.banOf(room, session.user.id),
      roster.count(room),
      roster.members(room, { limit, after }),
    ]);
    if (banned) return banned;
    if (!counted.ok) return counted;
    if (!listed.ok) return listed;
    const { users, clients } = counted.value;
    const { rev, members: found, next } = listed.value;
    const nextCursor = next === undefined ? undefined : cursorOf(next);
    return succeed({ rev, users, clients, members: found, cursor: nextCursor });
  },
};

/** Opaque, so that a page may end with something else than an id one day. */
function cursorOf(userId: string): string {
  return Buffer.from(userId).toString('base64url');
}

function idOf(cursor: string): string | undefined {
  return parseId(Buffer.from(cursor, 'base64url').toString());
}
