import type { Refusal } from '../../protocol/codes.ts';
import type { ChatContext } from '../context.ts';
import type { Membership, RestrictionCheck, Session } from '../session.ts';

/** A command that this worker missed, as while it was cut off, takes effect after this time at the latest. */
const TRUSTED_MS = 1_000;

/**
 * Resolves to the refusal of a banned or muted user. No script of the store checks what is not appended to a log, so this asks the
 * store, at most once a second for a user who sends signals all the time. Events that arrive before the answer share it, and go on
 * in the order sent. A mute that is acknowledged ends the trust at once.
 */
export function volatileRefusal(
  session: Session,
  membership: Membership,
  enforcement: Pick<ChatContext['enforcement'], 'refusalOf' | 'connectionRefusal' | 'onRefused'>,
): Promise<Refusal | undefined> {
  const { room, restrictionCheck: last } = membership;
  const { id: userId } = session.user;
  const askedAt = performance.now();
  if (last?.userId === userId && isShared(last, membership, askedAt)) return last.refusal;

  async function ask(): Promise<Refusal | undefined> {
    // The answer must not overtake the earlier one, for which other events may still wait.
    await last?.refusal.catch(() => undefined);
    const refusal =
      (await enforcement.refusalOf(room, userId)) ?? (await enforcement.connectionRefusal(session, room));
    if (refusal?.error.code === 'forbidden') enforcement.onRefused(room, userId);
    check.trusted = refusal === undefined;
    return refusal;
  }

  const check: RestrictionCheck = {
    userId,
    askedAt,
    trusted: undefined,
    refusal: ask().finally(() => {
      check.trusted ??= false;
    }),
  };
  membership.restrictionCheck = check;
  return check.refusal;
}

function isShared({ askedAt, trusted }: RestrictionCheck, { mutedAt }: Membership, now: number): boolean {
  if (mutedAt !== undefined && mutedAt >= askedAt) return false;
  return trusted === undefined || (trusted && now - askedAt < TRUSTED_MS);
}
