import { refuse } from '../../protocol/codes.ts';
import { MAX_RESTRICTIONS } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { memberIn } from './room-access.ts';

export const moderate: EventHandler<'moderate'> = {
  mode: 'inTurn',
  async run(session, payload, context) {
    const { roomid = session.defaultRoom, action, userId, seconds } = payload;
    // A moderator who is banned from the room is no member, and so has no power there.
    const joined = memberIn(session, roomid, 'moderate');
    if (!joined.ok) return joined;
    // A moderator whom somebody else has muted or banned must not undo it.
    if (userId === session.user.id) return refuse('forbidden', 'userId: nobody moderates themselves');
    const waitMs = session.takeModerationToken();
    if (waitMs > 0) return refuse('rate_limited', 'too many orders of a moderator', waitMs);
    const { room } = joined.value;
    // The command of the moderator's own ban may not have reached this worker.
    const banned = await context.enforcement.banOf(room, session.user.id);
    return banned ?? context.moderator.moderate(room, { action, userId, seconds }, MAX_RESTRICTIONS);
  },
};
