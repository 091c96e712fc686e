import type { Refusal } from '../../protocol/codes.ts';
import type { ChatContext } from '../context.ts';
import type { Membership, Session } from '../session.ts';

/** A command that this worker missed, as while it was cut off, takes effect after this time at the latest. */
const TRUSTED_MS = 1_000;

/**
 * Returns the refusal of a banned or muted user. No script of the store checks what is not appended to a log, so this asks the
 * store, at most once a second for a user who sends signals all the time. A mute that is acknowledged ends the trust at once.
 */
export async function volatileRefusal(
  session: Session,
  membership: Membership,
  enforcement: Pick<ChatContext['enforcement'], 'refusalOf' | 'connectionRefusal' | 'onRefused'>,
): Promise<Refusal | undefined> {
  const { room } = membership;
  const { id: userId } = session.user;
  const askedAt = performance.now();
  const refusal =
    (isTrusted(membership, userId, askedAt) ? undefined : await enforcement.refusalOf(room, userId)) ??
    (await enforcement.connectionRefusal(session, room));
  if (refusal?.error.code === 'forbidden') enforcement.onRefused(room, userId);
  if (!refusal && membership.unrestricted?.userId !== userId) {
    membership.unrestricted = { userId, askedAt };
  }
  return refusal;
}

function isTrusted(membership: Membership, userId: string, now: number): boolean {
  const { unrestricted, mutedAt = Number.NEGATIVE_INFINITY } = membership;
  if (unrestricted?.userId !== userId) return false;
  const { askedAt } = unrestricted;
  if (askedAt > mutedAt && now - askedAt < TRUSTED_MS) return true;
  delete membership.unrestricted;
  return false;
}
