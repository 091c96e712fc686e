import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Right } from '../../protocol/rights.ts';
import type { Membership, Session } from '../session.ts';

/** Refuses a user who lacks the right in a room. The answer is the same whether the room exists or not. */
export function denied(
  { identity }: Pick<Session, 'identity'>,
  roomid: string,
  right: Right,
): Refusal | undefined {
  if (identity.access.rightsIn(roomid).includes(right)) return undefined;
  return refuse('forbidden', `roomid: the right ${right} is missing in ${roomid}`);
}

/** The connection's membership of a room in which its user has the right. */
export function memberIn(session: Session, roomid: string, right: Right): Outcome<Membership> {
  const refusal = denied(session, roomid, right);
  if (refusal) return refusal;
  const membership = session.memberships.get(roomid);
  return membership ? succeed(membership) : notJoined(roomid);
}

export function notJoined(roomid: string): Refusal {
  return refuse('not_joined', `roomid: join ${roomid} first`);
}
