import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { User } from '../protocol/people.ts';

export const GUEST_PREFIX = 'g-';

/** A guest's retry after a reconnect is known again if the guest came back with its guestToken. */
export function dedupeScope({ user }: Pick<Identity, 'user'>): string {
  return `user ${user.id}`;
}

/** A guest's token: when the guest was made, and the proof. */
const MADE_RADIX = 36;
const MADE_END = '.';

/** Since when there is the guest to whom we gave the token, ms since 1970. */
export function guestSince(guestToken: string): number {
  const end = guestToken.indexOf(MADE_END);
  return end < 0 ? 0 : Number.parseInt(guestToken.slice(0, end), MADE_RADIX);
}

/** What a connection says of itself. */
export interface Credentials {
  readonly token?: string;
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
}

/** What a connection may do, and until when. */
export interface Access {
  allows(roomid: string): boolean;
  /** As the token says it, ms since 1970; absent: for as long as the connection lasts. */
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
  identify(claim: Credentials): Promise<Outcome<Identity>>;
  /** `user_login`: who the connection is from now on, if it may be. */
  login(current: Identity, userId: string): Outcome<Identity>;
  /** `token:refresh`: the same user with what the new token allows. */
  refresh(current: Identity, token: string): Promise<Outcome<Identity>>;
}

const EVERYTHING: Access = { allows: () => true };
const NOTHING_FIXED = { name: false, avatar: false };

/**
 * Open mode: a user is who the client says. Only guest ids are ours, so that one guest cannot be another. A guest's token says
 * since when there is the guest, also when it is given again.
 *
 * @param now ms since 1970
 */
export function createIdentities(secret: string, now: () => number): Identities {
  const sign = (id: string) => createHmac('sha256', secret).update(`guest\0${id}`).digest('base64url');

  function tokenOf(id: string, made: string): string {
    return [made, sign(`${id}\0${made}`)].join(MADE_END);
  }

  function isTokenOf(id: string, token: string): boolean {
    const end = token.indexOf(MADE_END);
    // Those of earlier versions have no time.
    const wanted = Buffer.from(end < 0 ? sign(id) : tokenOf(id, token.slice(0, end)));
    const given = Buffer.from(token);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  }

  const madeNow = () => now().toString(MADE_RADIX);

  return {
    mode: 'open',
    async identify({ userId, guestToken, username, avatar }) {
      const guest = userId === undefined || userId.startsWith(GUEST_PREFIX);
      // Joined, for it is kept as long as the connection: what is added up keeps its parts.
      const id = userId ?? [GUEST_PREFIX, randomBytes(9).toString('hex')].join('');
      if (guest && userId !== undefined && !isTokenOf(userId, guestToken ?? '')) {
        return refuse('forbidden', 'auth.userId: a guest id is only had again with its guestToken');
      }
      const user = { id, name: username ?? guestName(id), ...(avatar === undefined ? {} : { avatar }) };
      return succeed({
        user,
        named: username !== undefined,
        fixed: NOTHING_FIXED,
        known: userId !== undefined,
        access: EVERYTHING,
        ...(guest ? { guestToken: userId === undefined ? tokenOf(id, madeNow()) : guestToken } : {}),
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
