import type { Logger } from 'pino';
import type { Identity } from '../../chat/identity.ts';
import type { Presence } from '../../chat/presence.ts';
import { type AttemptResult, createReconciler } from '../../chat/reconciler.ts';
import type { Room } from '../../chat/room.ts';
import type { Sized } from '../../sizes.ts';
import { type Membership, personOf, type Session } from '../session.ts';

/*
 * A connection that logs in as another user takes its rooms along: in each of them the old user leaves and the new one
 * enters. The states of a membership:
 *
 *   counted(old) ──transfer──► uncounted ──entered──► counted(new)
 *                                  └──store away──► repeated until it is entered or the membership ends
 */

const RETRY_MS = 2_000;

export interface MembershipTransferDeps {
  readonly presence: Pick<Presence, 'enter' | 'leave'>;
  /** The new user is banned from a room that the connection is in. */
  readonly onBanned: (room: Room, userId: string) => void;
  readonly log: Logger;
}

export interface MembershipTransfer {
  /**
   * Makes the connection the other user's. Resolves once the roster has it, or has rejected it, with a function that
   * announces the change in the rooms.
   */
  transfer(session: Session, identity: Identity): Promise<() => void>;
  /** Repeats at once what the store has not accepted. */
  resync(): void;
  close(): void;
}

interface Transferred {
  readonly session: Session;
  readonly membership: Membership;
}

export function createMembershipTransfer({
  presence,
  onBanned,
  log,
}: MembershipTransferDeps): MembershipTransfer & Sized {
  const pending = createReconciler<Transferred>({
    attempt: enterInTurn,
    onError: (error) => log.error({ err: error }, 'a membership could not be transferred'),
    keyOf: ({ membership }) => membership,
    retryMs: RETRY_MS,
    // An attempt waits for its connection's turn, for as long as the client stays behind. The connection's queue runs its
    // transfers one at a time; a limit on all of them would let a few connections block everybody's.
    concurrency: Number.POSITIVE_INFINITY,
  });

  async function enter(session: Session, membership: Membership): Promise<() => void> {
    const { user, memberships } = session;
    const { room } = membership;
    membership.uncounted = true;
    const entered = await presence.enter(room, personOf(user));
    const holds = memberships.get(room.roomid) === membership && session.user.id === user.id;
    if (!entered.ok) {
      if (entered.error.code === 'forbidden') return () => onBanned(room, user.id);
      log.warn({ tag: room.tag, code: entered.error.code }, 'a membership is not transferred yet');
      if (holds) pending.schedule({ session, membership });
      return () => undefined;
    }
    // The connection was lost, or changed its user again, during the call.
    if (!holds) await presence.leave(room, user.id, 'lost');
    else delete membership.uncounted;
    return entered.value.announce;
  }

  /** Enters in the connection's turn: a join of that room that is under way enters it as well. */
  async function enterInTurn({ session, membership }: Transferred): Promise<AttemptResult> {
    const refused = await session.queue.run('inTurn', async () => {
      if (session.memberships.get(membership.room.roomid) !== membership || !membership.uncounted) return;
      (await enter(session, membership))();
    });
    return refused ? 'failed' : 'done';
  }

  async function transferIn(session: Session, membership: Membership, before: string): Promise<() => void> {
    const left = membership.uncounted ? undefined : presence.leave(membership.room, before, 'asked');
    const announce = await enter(session, membership);
    await left;
    return announce;
  }

  return {
    sizes: () => ({ pending: pending.sizes() }),
    async transfer(session, identity) {
      const before = session.user.id;
      Object.assign(session, { identity, user: identity.user });
      const transfers = [...session.memberships.values()].map((membership) =>
        transferIn(session, membership, before),
      );
      const announcements = await Promise.all(transfers);
      return () => {
        for (const announce of announcements) announce();
      };
    },
    resync: pending.flush,
    close: pending.close,
  };
}
