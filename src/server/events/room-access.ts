import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Membership, Session } from '../session.ts';

/** Why the user may not use a room, if so. The answer is the same whether the room exists or not. */
export function denied({ identity }: Pick<Session, 'identity'>, roomid: string): Refusal | undefined {
  if (identity.access.allows(roomid)) return undefined;
  return refuse('forbidden', `roomid: the token does not allow ${roomid}`);
}

/** The connection's membership of a room it may use. */
export function memberIn(session: Session, roomid: string): Outcome<Membership> {
  const refusal = denied(session, roomid);
  if (refusal) return refusal;
  const membership = session.memberships.get(roomid);
  return membership ? succeed(membership) : notJoined(roomid);
}

export function notJoined(roomid: string): Refusal {
  return refuse('not_joined', `roomid: join ${roomid} first`);
}
