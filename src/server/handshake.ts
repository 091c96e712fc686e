import type { Identities, Identity } from '../chat/identity.ts';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { describeIssues, HANDSHAKE_AUTH, HANDSHAKE_QUERY } from '../protocol/payloads.ts';

export interface Handshake {
  readonly url: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly auth: unknown;
}

/** What a connection said of itself when it opened. */
export interface Introduction {
  readonly identity: Identity;
  readonly roomid?: string;
  readonly resume?: { readonly epoch: string; readonly seq: number };
}

export function introduce(handshake: Handshake, identities: Identities): Outcome<Introduction> {
  // Engine.IO keeps the last of a repeated parameter: which one a proxy hashed by is then a guess.
  if (new URL(handshake.url, 'http://localhost').searchParams.getAll('roomid').length > 1) {
    return refuse('bad_request', 'roomid: must stand in the address once');
  }
  const query = HANDSHAKE_QUERY.safeParse(handshake.query);
  if (!query.success) return refuse('bad_request', describeIssues(query.error));
  const auth = HANDSHAKE_AUTH.safeParse(handshake.auth ?? {});
  if (!auth.success) return refuse('bad_request', `auth.${describeIssues(auth.error)}`);
  const { roomid } = query.data;
  const { userId, guestToken, resume } = auth.data;
  const username = auth.data.username ?? query.data.username;
  const avatar = auth.data.avatar ?? query.data.avatar;
  const identity = identities.identify({
    ...(userId === undefined ? {} : { userId }),
    ...(guestToken === undefined ? {} : { guestToken }),
    ...(username === undefined ? {} : { username }),
    ...(avatar === undefined ? {} : { avatar }),
  });
  if (!identity.ok) return identity;
  return succeed({
    identity: identity.value,
    ...(roomid === undefined ? {} : { roomid }),
    ...(resume === undefined ? {} : { resume }),
  });
}
