import type { InboxStore } from '../../chat/inbox-store.ts';
import type { Moderation } from '../../chat/moderation.ts';
import { inboxOf, roomOf } from '../../chat/room.ts';
import type { RoomSubscriptions } from '../../chat/room-subscriptions.ts';
import type { Roster } from '../../chat/roster.ts';
import type { TracedPosition, UserTrace } from '../../message-trace.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';

export interface UserTracerDeps {
  readonly roster: Pick<Roster, 'connections' | 'isOnlineIn'>;
  readonly roomSubscriptions: Pick<RoomSubscriptions, 'list'>;
  readonly inboxes: Pick<InboxStore, 'progress' | 'markers'>;
  readonly moderation: Pick<Moderation, 'restrictions'>;
}

/** Reads what the store knows of a user with regard to a message. */
export function createUserTracer({ roster, roomSubscriptions, inboxes, moderation }: UserTracerDeps) {
  return async (message: TracedPosition, userId: string): Promise<Outcome<UserTrace>> => {
    const { nsp, kind, roomid, epoch, seq } = message;
    const inbox = inboxOf(nsp, userId);
    const [counted, markers] = await Promise.all([
      roster.connections([inbox]),
      inboxes.markers(inbox, { jti: undefined }),
    ]);
    if (!counted.ok) return counted;
    if (!markers.ok) return markers;
    const { ban, issuedBefore } = markers.value.exclusion ?? {};
    const user = {
      userId,
      connections: counted.value[0] ?? 0,
      ...(ban && { bannedEverywhere: true }),
      ...(issuedBefore !== undefined && { revokedBefore: issuedBefore }),
    };
    if (kind === 'inbox') {
      if (roomid !== userId) return succeed(user);
      const progress = await inboxes.progress([{ inbox, epoch, seq }]);
      return progress.ok ? succeed({ ...user, ...progress.value[0] }) : progress;
    }
    const room = roomOf(nsp, roomid);
    const [present, restricted, own] = await Promise.all([
      roster.isOnlineIn(room, userId),
      moderation.restrictions(room, userId),
      roomSubscriptions.list(inbox),
    ]);
    if (!present.ok) return present;
    if (!restricted.ok) return restricted;
    if (!own.ok) return own;
    const read = own.value.find((one) => one.roomid === roomid)?.read;
    return succeed({
      ...user,
      inRoom: present.value,
      banned: restricted.value.ban !== undefined,
      muted: restricted.value.mute !== undefined,
      ...(read === undefined ? {} : { readUpTo: read }),
    });
  };
}
