import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type QueueKey, UNPROVED } from '../../chat/connect-queue.ts';
import type { AcceptedHandshake } from './handshake.ts';

/** A user's connections that wait for RATE_ADMIT have so many places at most, however many ids a program makes up. */
const PLACES_PER_USER = 4_096;

export interface QueueKeyDeps {
  readonly accepted: AcceptedHandshake;
  readonly headers: IncomingHttpHeaders;
  /** The client's address, if other people cannot share it unseen. */
  readonly address: string | undefined;
}

/**
 * Each connection of a user has a key of its own, so that several tabs do not wait for one place one after the other. The SDK
 * tells its connections apart by `auth.connectId`. Other clients repeat their handshake: the tabs of one browser that name
 * different rooms differ. A guest that comes without its id is known by its name, address and browser; without a name or an
 * address anybody could take the place of anybody.
 *
 * A connection changes its identity by `user_login`, and comes back with the new one.
 */
export function queueKeyOf({ accepted, headers, address }: QueueKeyDeps): QueueKey {
  const { identity, connectId, roomid } = accepted;
  const device = connectId ?? [roomid, headers['user-agent']];
  const place = digest(device).readUInt16BE() % PLACES_PER_USER;
  const guestKey = guestKeyOf();

  function guestKeyOf(): string | undefined {
    if (connectId !== undefined) return UNPROVED + keyOf('connect', connectId);
    if (identity.known) return undefined;
    return identity.named && address !== undefined
      ? UNPROVED + keyOf(address, identity.user.name, device)
      : undefined;
  }

  const isReturning = identity.known;
  return ({ guestToken, user }) => {
    if (guestToken !== undefined && (guestKey !== undefined || !isReturning)) return guestKey;
    return keyOf('user', user.id, place);
  };
}

const digest = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest();

/** No text of a client gets into a store's keys. */
const keyOf = (...parts: unknown[]) => digest(parts).toString('base64url', 0, 16);
