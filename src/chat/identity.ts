import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { User } from '../protocol/people.ts';

export const GUEST_PREFIX = 'g-';

/** A guest's retry after a reconnect is known again if the guest came back with its guestToken. */
export function dedupeScope({ user }: Pick<Identity, 'user'>): string {
  return `user ${user.id}`;
}

/** What a connection says of itself. */
export interface Claim {
  readonly token?: string;
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
}

/** What a connection may do, and until when. */
export interface Access {
  allows(roomid: string): boolean;
  /** As the token says it, ms since 1970; absent: for as long as the link lasts. */
  readonly expiresAt?: number;
}

export interface Identity {
  readonly user: User;
  /** Only a guest gets one: with it, the same id can be claimed again. */
  readonly guestToken?: string;
  /** False: the name was made up by us. */
  readonly named: boolean;
  /** What of the user the token says: no event changes it. */
  readonly fixed: { readonly name: boolean; readonly avatar: boolean };
  /** False: an id made just now, so nothing can be waiting for it. */
  readonly known: boolean;
  readonly access: Access;
}

/** Who a connection is. */
export interface Identities {
  readonly mode: 'open' | 'token';
  identify(claim: Claim): Promise<Outcome<Identity>>;
  /** `user_login`: who the connection is from now on, if it may be. */
  login(current: Identity, userId: string): Outcome<Identity>;
  /** `token:refresh`: the same user with what the new token allows. */
  refresh(current: Identity, token: string): Promise<Outcome<Identity>>;
}

const EVERYTHING: Access = { allows: () => true };
const NOTHING_FIXED = { name: false, avatar: false };

/** Open mode: a user is who the client says. Only guest ids are ours, so that one guest cannot be another. */
export function createIdentities(secret: string): Identities {
  const sign = (id: string) => createHmac('sha256', secret).update(`guest\0${id}`).digest('base64url');

  function proves(id: string, token: string): boolean {
    const wanted = Buffer.from(sign(id));
    const given = Buffer.from(token);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  }

  return {
    mode: 'open',
    async identify({ userId, guestToken, username, avatar }) {
      const guest = userId === undefined || userId.startsWith(GUEST_PREFIX);
      // Joined, for it is kept as long as the connection: what is added up keeps its parts.
      const id = userId ?? [GUEST_PREFIX, randomBytes(9).toString('hex')].join('');
      if (guest && userId !== undefined && !proves(userId, guestToken ?? '')) {
        return refuse('forbidden', 'auth.userId: a guest id is only had again with its guestToken');
      }
      const user = { id, name: username ?? guestName(id), ...(avatar === undefined ? {} : { avatar }) };
      return succeed({
        user,
        named: username !== undefined,
        fixed: NOTHING_FIXED,
        known: userId !== undefined,
        access: EVERYTHING,
        ...(guest ? { guestToken: sign(id) } : {}),
      });
    },
    login(current, userId) {
      if (userId === current.user.id) return succeed(current);
      if (userId.startsWith(GUEST_PREFIX)) {
        return refuse('forbidden', 'userId: a guest id is only had by connecting with its guestToken');
      }
      const { guestToken: _forgotten, ...rest } = current;
      const name = current.named ? current.user.name : guestName(userId);
      return succeed({ ...rest, user: { ...current.user, id: userId, name }, known: true });
    },
    refresh: async () => refuse('bad_request', 'token: this server asks for none'),
  };
}

/** The same for every connection of one user, so that two tabs show one name. */
export function guestName(id: string): string {
  const digest = createHmac('sha256', 'guest name').update(id).digest('hex');
  return `guest-${digest.slice(0, 4)}`;
}
