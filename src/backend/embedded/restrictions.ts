import { exclusionNames, exclusionOf } from '../../chat/exclusions.ts';
import { type ActiveRestriction, type Restriction, refuseRestricted } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import type { Refusal } from '../../protocol/codes.ts';
import { restrictionHash } from '../restriction-hash.ts';

/** The ban and the mute of one user in one room. */
export interface Restrictions {
  readonly ban?: ActiveRestriction;
  readonly mute?: ActiveRestriction;
}

const KINDS = ['ban', 'mute'] as const satisfies readonly Restriction[];

/** The key of a user in a room. */
export function restrictionKey({ tag }: Pick<Room, 'tag'>, userId: string): string {
  return `${tag}:${restrictionHash(userId)}`;
}

/** The restrictions that have not ended by then; undefined if none is left. */
export function withoutExpired(all: Restrictions | undefined, now: number): Restrictions | undefined {
  const held = KINDS.filter((kind) => {
    const one = all?.[kind];
    return one && (one.until === undefined || one.until > now);
  });
  return held.length === 0 ? undefined : Object.fromEntries(held.map((kind) => [kind, all?.[kind]]));
}

/** Reads what keeps an inbox's user, and the token with that `jti`, out. */
export function exclusionIn(
  snapshot: { row(table: 'restrictions', key: string): Restrictions | undefined },
  inbox: Pick<Room, 'tag' | 'roomid'>,
  { jti, now }: { readonly jti: string | undefined; readonly now: number },
) {
  const rows = exclusionNames(inbox.roomid, jti).map(
    (name) => withoutExpired(snapshot.row('restrictions', restrictionKey(inbox, name)), now)?.ban,
  );
  return exclusionOf(rows);
}

/** The refusal for the first of those kinds that is in force. */
export function refusalFor(
  all: Restrictions | undefined,
  kinds: readonly Restriction[],
  now: number,
): Refusal | undefined {
  const held = withoutExpired(all, now);
  const kind = kinds.find((one) => held?.[one]);
  if (!kind) return undefined;
  const until = held?.[kind]?.until;
  return refuseRestricted(kind, until === undefined ? undefined : until - now);
}
