import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { User } from '../protocol/events.ts';

export const GUEST_PREFIX = 'g-';

export interface Claim {
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
}

export interface Identity {
  readonly user: User;
  /** Only a guest gets one: with it, the same id can be claimed again. */
  readonly guestToken?: string;
  /** False: the name was made up by us. */
  readonly named: boolean;
}

/** Open mode: a user is who the client says. Only guest ids are ours, so that one guest cannot be another. */
export interface Identities {
  identify(claim: Claim): Outcome<Identity>;
}

export function createIdentities(secret: string): Identities {
  const sign = (id: string) => createHmac('sha256', secret).update(`guest\0${id}`).digest('base64url');

  function proves(id: string, token: string): boolean {
    const wanted = Buffer.from(sign(id));
    const given = Buffer.from(token);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  }

  return {
    identify({ userId, guestToken, username, avatar }) {
      const guest = userId === undefined || userId.startsWith(GUEST_PREFIX);
      const id = userId ?? `${GUEST_PREFIX}${randomBytes(9).toString('hex')}`;
      if (guest && userId !== undefined && !proves(userId, guestToken ?? '')) {
        return refuse('forbidden', 'auth.userId: a guest id is only had again with its guestToken');
      }
      const user = { id, name: username ?? guestName(id), ...(avatar === undefined ? {} : { avatar }) };
      return succeed({
        user,
        named: username !== undefined,
        ...(guest ? { guestToken: sign(id) } : {}),
      });
    },
  };
}

/** The same for every connection of one user, so that two tabs show one name. */
function guestName(id: string): string {
  const digest = createHmac('sha256', 'guest name').update(id).digest('hex');
  return `guest-${digest.slice(0, 4)}`;
}
