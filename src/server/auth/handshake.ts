import type { Identities, Identity } from '../../chat/identity.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { describeIssues } from '../../protocol/issues.ts';
import { HANDSHAKE_AUTH, HANDSHAKE_QUERY } from '../../protocol/payloads.ts';
import type { AllowedOrigins } from '../transport/origins.ts';
import { type TokenCarrier, tokenOf } from './token-sources.ts';

export interface Handshake extends TokenCarrier {
  readonly url: string;
  readonly query: Readonly<Record<string, unknown>>;
}

export interface HandshakeDeps {
  readonly identities: Identities;
  readonly corsOrigin: AllowedOrigins;
}

/** The client's handshake, parsed. */
export interface AcceptedHandshake {
  readonly identity: Identity;
  readonly roomid?: string;
  readonly resume?: { readonly epoch: string; readonly seq: number };
  /** The position up to which the device has received the user's inbox. */
  readonly inbox?: { readonly epoch: string; readonly seq: number };
  /** The client connects elsewhere before it leaves a draining worker. */
  readonly moves: boolean;
  /** The client's own name for this connection and its later ones. */
  readonly connectId?: string;
  /** The client is of ours, and from before messages could change. */
  readonly older: boolean;
}

export async function authenticate(
  handshake: Handshake,
  { identities, corsOrigin }: HandshakeDeps,
): Promise<Outcome<AcceptedHandshake>> {
  // Engine.IO keeps the last of a repeated parameter, a proxy may have routed by the first.
  if (mayRepeatRoom(handshake.url) && roomsIn(handshake.url).length > 1) {
    return refuse('bad_request', 'roomid: must be in the address once');
  }
  const query = HANDSHAKE_QUERY.safeParse(addressOf(handshake));
  if (!query.success) return refuse('bad_request', describeIssues(query.error));
  const auth = HANDSHAKE_AUTH.safeParse(handshake.auth ?? {});
  if (!auth.success) return refuse('bad_request', `auth.${describeIssues(auth.error)}`);
  const carried = identities.mode === 'token' ? tokenOf(handshake, corsOrigin) : succeed(undefined);
  if (!carried.ok) return carried;
  const token = carried.value;
  const { roomid } = query.data;
  const { userId, guestToken, resume, inbox, moves = false, connectId, changes } = auth.data;
  // Stock clients, which declare nothing, get all entries.
  const older = (moves || connectId !== undefined) && changes !== true;
  const username = auth.data.username ?? query.data.username;
  const avatar = auth.data.avatar ?? query.data.avatar;
  if (username !== undefined && identities.isReserved(username)) {
    const field = auth.data.username === undefined ? 'username' : 'auth.username';
    return refuse('bad_request', `${field}: is reserved`);
  }
  const identity = await identities.identify({ token, userId, guestToken, username, avatar });
  if (!identity.ok) return identity;
  return succeed({ identity: identity.value, roomid, resume, inbox, moves, connectId, older });
}

/** A quick test first: parsing every URL again would cost as much as the rest of the handshake. */
function mayRepeatRoom(url: string): boolean {
  // The search has no `=`, which a parameter need not have.
  const first = url.indexOf('roomid');
  return url.includes('%') || url.indexOf('roomid', first + 1) > first;
}

function roomsIn(url: string): string[] {
  return new URL(url, 'http://localhost').searchParams.getAll('roomid');
}

/**
 * The query parameters. Socket.IO 2.x clients have a query for each namespace and send it on entering one: the server
 * finds it in place of `auth`, which 2.x does not have.
 */
function addressOf({ query, auth }: Handshake): object {
  return query.EIO === '3' && typeof auth === 'object' && auth !== null ? { ...query, ...auth } : query;
}
