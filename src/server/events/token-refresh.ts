import { succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';
import { leaveRoom } from './leave.ts';
import { rename } from './naming.ts';

export const tokenRefresh: EventHandler<'token:refresh'> = {
  mode: 'inTurn',
  free: true,
  async run(session, { token }, context) {
    const { memberships, defaultRoom, identity: before } = session;
    const refreshed = await context.identities.refresh(before, token);
    if (!refreshed.ok) return refreshed;
    const { allows, expiresAt } = refreshed.value.access;
    const moved = rename(session, refreshed.value, context);
    // The watch changes before the first await: the old token must not expire meanwhile.
    context.tokenExpiry.watch(session);
    const forbidden = [...memberships].filter(([roomid]) => !allows(roomid));
    await Promise.all([
      moved,
      allows(defaultRoom) === before.access.allows(defaultRoom) || context.textmsgAudience.moved(session),
      ...forbidden.map(([roomid, membership]) => leaveRoom(session, roomid, membership, context)),
    ]);
    const left = forbidden.map(([roomid]) => roomid);
    return succeed({ expiresAt, left });
  },
};
