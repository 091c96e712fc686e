import type { Logger } from 'pino';
import type { Identity } from '../../chat/identity.ts';
import type { Presence } from '../../chat/presence.ts';
import type { Room } from '../../chat/room.ts';
import { type Membership, personOf, type Session } from '../session.ts';

/*
 * A connection that goes over to another user takes its rooms along: in each of them the old one leaves and the new one
 * comes. A membership:
 *
 *   counted(old) ──move──► uncounted ──entered──► counted(new)
 *                              └──store away──► tried again, until it is entered or the membership ends
 */

const RETRY_MS = 2_000;

export interface MembershipTransferDeps {
  readonly presence: Pick<Presence, 'enter' | 'leave'>;
  /** The user may not be in a room this connection is in. */
  readonly onBanned: (room: Room, userId: string) => void;
  readonly log: Logger;
}

export interface MembershipTransfer {
  /** The connection is the other user's from now on. Answers once the roster knows, with what tells the rooms so. */
  transfer(session: Session, identity: Identity): Promise<() => void>;
  /** Tries again with those the store did not take. */
  restate(): void;
  close(): void;
}

export function createMembershipTransfer({
  presence,
  onBanned,
  log,
}: MembershipTransferDeps): MembershipTransfer {
  /** Memberships the roster could not be told of. */
  const unentered = new Map<Membership, Session>();
  let retrying: NodeJS.Timeout | undefined;
  let closed = false;

  async function enter(session: Session, membership: Membership): Promise<() => void> {
    const { user, memberships } = session;
    const { room } = membership;
    membership.uncounted = true;
    const entered = await presence.enter(room, personOf(user));
    const holds = memberships.get(room.roomid) === membership && session.user.id === user.id;
    if (!entered.ok) {
      if (entered.error.code === 'forbidden') return () => onBanned(room, user.id);
      log.warn({ tag: room.tag, code: entered.error.code }, 'a user could not be moved in a room yet');
      if (holds) retryLater(session, membership);
      return () => undefined;
    }
    // The connection was lost meanwhile.
    if (!holds) await presence.leave(room, user.id, 'lost');
    else delete membership.uncounted;
    return entered.value.announce;
  }

  function retryLater(session: Session, membership: Membership): void {
    if (closed) return;
    unentered.set(membership, session);
    retrying ??= setTimeout(restate, RETRY_MS);
  }

  function restate(): void {
    clearTimeout(retrying);
    retrying = undefined;
    const again = [...unentered];
    unentered.clear();
    for (const [membership, session] of again) void enterInTurn(session, membership);
  }

  /** Not while the connection joins that room again, which enters it too. */
  async function enterInTurn(session: Session, membership: Membership): Promise<void> {
    const refused = await session.queue.run('inTurn', async () => {
      if (session.memberships.get(membership.room.roomid) !== membership || !membership.uncounted) return;
      (await enter(session, membership))();
    });
    if (refused) retryLater(session, membership);
  }

  async function moveIn(session: Session, membership: Membership, before: string): Promise<() => void> {
    const left = membership.uncounted ? undefined : presence.leave(membership.room, before, 'asked');
    const tell = await enter(session, membership);
    await left;
    return tell;
  }

  return {
    async transfer(session, identity) {
      const before = session.user.id;
      Object.assign(session, { identity, user: identity.user });
      const moves = [...session.memberships.values()].map((membership) =>
        moveIn(session, membership, before),
      );
      const tells = await Promise.all(moves);
      return () => {
        for (const tell of tells) tell();
      };
    },
    restate,
    close() {
      closed = true;
      clearTimeout(retrying);
    },
  };
}
