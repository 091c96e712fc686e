import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { User } from '../protocol/people.ts';
import { MEMBER_RIGHTS, type Right } from '../protocol/rights.ts';
import type { ReservedNames } from './reserved-names.ts';

export const GUEST_PREFIX = 'g-';

/** The scope of a user's `clientMsgId`s. A guest keeps it across a reconnect only with the guestToken. */
export function dedupeScope({ user }: { readonly user: Pick<User, 'id'> }): string {
  return `user ${user.id}`;
}

/** A guest's token is the time at which the guest was created and a signature. */
const MADE_RADIX = 36;
const MADE_END = '.';

/** Returns when the token's guest was created, ms since 1970. */
export function guestCreatedAt(guestToken: string): number {
  const end = guestToken.indexOf(MADE_END);
  return end < 0 ? 0 : Number.parseInt(guestToken.slice(0, end), MADE_RADIX);
}

/** The claims of a client's handshake. */
export interface Credentials {
  readonly token?: string;
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
}

/** The claims by which a revocation finds a token. */
export interface TokenIssue {
  /** Ms since 1970; 0 if the token does not say. */
  readonly issuedAt: number;
  readonly jti?: string | undefined;
}

/** The rights of a connection and their end. */
export interface Access {
  /** The user's rights in the room. Either they include `read`, or there are none. */
  rightsIn(roomid: string): readonly Right[];
  /** The token's end, ms since 1970; absent if the access lasts as long as the connection. */
  readonly expiresAt?: number;
  /** Absent in open mode. */
  readonly token?: TokenIssue | undefined;
}

export interface Identity {
  readonly user: User;
  /** Guests only: the token that claims the same id again. */
  readonly guestToken?: string;
  /** False if the server made the name up. */
  readonly named: boolean;
  /** The fields that the token states: no event changes them. */
  readonly fixed: { readonly name: boolean; readonly avatar: boolean };
  /** False if the id was created just now, so its inbox is empty. */
  readonly known: boolean;
  readonly access: Access;
}

/** Decides which user a connection has. */
export interface Identities {
  readonly mode: 'open' | 'token';
  /** A name that no connection may take; a token that states it counts as one without a name. */
  readonly isReserved: ReservedNames;
  identify(claim: Credentials): Promise<Outcome<Identity>>;
  /** `user_login`: returns the connection's new identity, or refuses it. */
  login(current: Identity, userId: string): Outcome<Identity>;
  /** `token:refresh`: returns the same user with the access of the new token. */
  refresh(current: Identity, token: string): Promise<Outcome<Identity>>;
}

const OPEN: Access = { rightsIn: () => MEMBER_RIGHTS };
const NOTHING_FIXED = { name: false, avatar: false };

/**
 * Open mode: the client chooses its user id. Only the server makes guest ids, and signs them, so that no guest can claim the
 * id of another. A guest's token states when the guest was created, and keeps stating it when the guest returns.
 *
 * @param now ms since 1970
 */
export function createIdentities(
  secret: string,
  now: () => number,
  isReserved: ReservedNames = () => false,
): Identities {
  const sign = (id: string) => createHmac('sha256', secret).update(`guest\0${id}`).digest('base64url');

  function tokenOf(id: string, made: string): string {
    return [made, sign(`${id}\0${made}`)].join(MADE_END);
  }

  function isTokenOf(id: string, token: string): boolean {
    const end = token.indexOf(MADE_END);
    // Tokens of earlier versions have no time.
    const wanted = Buffer.from(end < 0 ? sign(id) : tokenOf(id, token.slice(0, end)));
    const given = Buffer.from(token);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  }

  const madeNow = () => now().toString(MADE_RADIX);

  return {
    mode: 'open',
    isReserved,
    async identify({ userId, guestToken, username, avatar }) {
      const guest = userId === undefined || userId.startsWith(GUEST_PREFIX);
      // `join` and not `+`: V8 would keep the parts of a concatenation as long as the connection lasts.
      const id = userId ?? [GUEST_PREFIX, randomBytes(9).toString('hex')].join('');
      if (guest && userId !== undefined && !isTokenOf(userId, guestToken ?? '')) {
        return refuse('forbidden', 'auth.userId: a guest id is claimed again with its guestToken');
      }
      const user = { id, name: username ?? guestName(id), ...(avatar === undefined ? {} : { avatar }) };
      return succeed({
        user,
        named: username !== undefined,
        fixed: NOTHING_FIXED,
        known: userId !== undefined,
        access: OPEN,
        ...(guest ? { guestToken: userId === undefined ? tokenOf(id, madeNow()) : guestToken } : {}),
      });
    },
    login(current, userId) {
      if (userId === current.user.id) return succeed(current);
      if (userId.startsWith(GUEST_PREFIX)) {
        return refuse('forbidden', 'userId: a guest id is claimed by connecting with its guestToken');
      }
      const { guestToken: _forgotten, ...rest } = current;
      const name = current.named ? current.user.name : guestName(userId);
      return succeed({ ...rest, user: { ...current.user, id: userId, name }, known: true });
    },
    refresh: async () => refuse('bad_request', 'token: this server uses none'),
  };
}

/** The same for every connection of one user, so that two tabs show one name. */
export function guestName(id: string): string {
  const digest = createHmac('sha256', 'guest name').update(id).digest('hex');
  return `guest-${digest.slice(0, 4)}`;
}
