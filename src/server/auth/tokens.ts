import { type Credentials, guestName, type Identities } from '../../chat/identity.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { User } from '../../protocol/people.ts';
import type { Claims } from './token-claims.ts';
import { createTokenVerifier, type TokenVerifierDeps } from './token-verifier.ts';

/** Token mode: the token says who a user is; a client cannot change a name or an avatar that it states. */
export function createTokenIdentities(deps: TokenVerifierDeps): Identities {
  const verifier = createTokenVerifier(deps);

  return {
    mode: 'token',
    isReserved: deps.isReserved ?? (() => false),
    async identify(claim) {
      if (claim.token === undefined) return refuse('unauthorized', 'token: must be given');
      const verified = await verifier.verify(claim.token);
      if (!verified.ok) return verified;
      const { userId, name, access } = verified.value;
      if (claim.userId !== undefined && claim.userId !== userId) return refuseOther('auth.userId');
      return succeed({
        user: userOf(verified.value, claim),
        named: (name ?? claim.username) !== undefined,
        fixed: fixedBy(verified.value),
        known: true,
        access,
      });
    },
    login: (current, userId) => (userId === current.user.id ? succeed(current) : refuseOther('userId')),
    async refresh(current, token) {
      const verified = await verifier.verify(token);
      if (!verified.ok) return verified;
      const { userId, name, avatar, access } = verified.value;
      if (userId !== current.user.id) return refuse('forbidden', 'token: belongs to another user');
      return succeed({
        user: { ...current.user, name: name ?? current.user.name, avatar: avatar ?? current.user.avatar },
        named: current.named || name !== undefined,
        fixed: fixedBy(verified.value),
        known: true,
        access,
      });
    },
  };
}

function userOf(claims: Claims, { username, avatar: face }: Credentials): User {
  return {
    id: claims.userId,
    name: claims.name ?? username ?? guestName(claims.userId),
    avatar: claims.avatar ?? face,
  };
}

function fixedBy({ name, avatar }: Claims) {
  return { name: name !== undefined, avatar: avatar !== undefined };
}

function refuseOther(field: string) {
  return refuse('forbidden', `${field}: is not the user of the token`);
}
