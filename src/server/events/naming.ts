import type { Identity } from '../../chat/identity.ts';
import { type Refusal, refuse } from '../../protocol/codes.ts';
import type { ChatContext } from '../context.ts';
import { personOf, type Session } from '../session.ts';

/** Name and avatar as an event gives them. */
export interface NewName {
  readonly username?: string | undefined;
  readonly avatar?: string | undefined;
}

/** Refuses a name that people may not take. */
export function reservedName(
  name: string | undefined,
  field: 'username' | 'name',
  { identities }: Pick<ChatContext, 'identities'>,
): Refusal | undefined {
  return name !== undefined && identities.isReserved(name)
    ? refuse('bad_request', `${field}: is reserved`)
    : undefined;
}

/** The connection's identity with that name and avatar, except those that its token states. */
export function renamed({ identity, user }: Session, { username, avatar }: NewName): Identity {
  const name = identity.fixed.name ? undefined : username;
  const face = identity.fixed.avatar ? undefined : avatar;
  return {
    ...identity,
    named: identity.named || name !== undefined,
    user: { ...user, name: name ?? user.name, avatar: face ?? user.avatar },
  };
}

/**
 * Gives the connection that name and avatar. Resolves once every worker finds it by them, or the store is away. It counts as an event
 * for each room that is written: a connection in fifty rooms that takes another name with every event would have the store write
 * fifty times as often as others.
 */
export async function rename(
  session: Session,
  identity: Identity,
  { presence, textmsgAudience }: Pick<ChatContext, 'presence' | 'textmsgAudience'>,
): Promise<void> {
  const { user: before } = session;
  const { named } = session.identity;
  const { user } = identity;
  session.identity = identity;
  session.user = user;
  if (user.name === before.name && user.avatar === before.avatar && identity.named === named) return;
  const rooms = [...session.memberships.values()];
  session.budget.traffic.charge(rooms.length);
  await Promise.all([
    ...rooms.map(({ room }) => presence.rename(room, personOf(user))),
    textmsgAudience.moved(session),
  ]);
}
