import { refuseExcluded } from '../../chat/exclusions.ts';
import type { Access } from '../../chat/identity.ts';
import { inboxOf } from '../../chat/room.ts';
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
    const { access } = refreshed.value;
    // While the store is away the token is taken: the worker checks all connections once the store is back.
    const inbox = inboxOf(session.socket.nsp.name, before.user.id);
    const known = await context.inboxes.markers(inbox, { jti: access.token?.jti });
    if (!known.ok && known.error.code !== 'unavailable') return known;
    const refusal = known.ok ? refuseExcluded(known.value.exclusion, access, context.now()) : undefined;
    if (refusal) return refusal;
    const moved = rename(session, refreshed.value, context);
    // The watch changes before the first await: the old token must not expire meanwhile.
    context.tokenExpiry.watch(session);
    const forbidden = [...memberships].filter(([roomid]) => !reads(access, roomid));
    await Promise.all([
      moved,
      reads(access, defaultRoom) === reads(before.access, defaultRoom) ||
        context.textmsgAudience.moved(session),
      ...forbidden.map(async ([roomid, membership]) => {
        await leaveRoom(session, roomid, membership, context);
        // The room is no longer among the user's: a message there may not mention them.
        await context.readMarkers.left(session, roomid);
      }),
    ]);
    const left = forbidden.map(([roomid]) => roomid);
    const can = [...memberships.keys()].map((roomid) => ({ roomid, can: access.rightsIn(roomid) }));
    return succeed({ expiresAt: access.expiresAt, left, can });
  },
};

function reads(access: Access, roomid: string): boolean {
  return access.rightsIn(roomid).includes('read');
}
