import { refuse } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';

/** Ignores `socketId`, which clients of older systems send: the server knows whose socket this is. */
export const userLogin: EventHandler<'user_login'> = {
  mode: 'inTurn',
  async run(session, { userId, tokenId }, { identities, logins, log }, answer) {
    const waitMs = session.takeLoginToken();
    if (waitMs > 0) return refuse('rate_limited', 'too many logins', waitMs);
    const identity = identities.login(session.identity, tokenId ?? userId ?? '');
    if (!identity.ok) return identity;
    log.debug({ user: identity.value.user.id }, 'logged in');
    return logins.rebind(session, identity.value, () => answer({ user: identity.value.user }));
  },
};
