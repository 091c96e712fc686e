import { createHash } from 'node:crypto';
import { type Restricted, type Restriction, refuseRestricted } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import type { Refusal } from '../../protocol/codes.ts';

/** What one user may not do in one room. */
export interface Restrictions {
  readonly ban?: Restricted;
  readonly mute?: Restricted;
}

const KINDS = ['ban', 'mute'] as const satisfies readonly Restriction[];

/** Of room and user. Hashed: an id may be longer than a key of the store. */
export function restrictionKey({ tag }: Pick<Room, 'tag'>, userId: string): string {
  return `${tag}:${createHash('sha256').update(userId).digest('base64url').slice(0, 22)}`;
}

/** Without those that ended by then; undefined: none is left. */
export function lasting(all: Restrictions | undefined, now: number): Restrictions | undefined {
  const held = KINDS.filter((kind) => {
    const one = all?.[kind];
    return one && (one.until === undefined || one.until > now);
  });
  return held.length === 0 ? undefined : Object.fromEntries(held.map((kind) => [kind, all?.[kind]]));
}

/** The first of those kinds that holds, as a refusal. */
export function refusalFor(
  all: Restrictions | undefined,
  kinds: readonly Restriction[],
  now: number,
): Refusal | undefined {
  const held = lasting(all, now);
  const kind = kinds.find((one) => held?.[one]);
  if (!kind) return undefined;
  const until = held?.[kind]?.until;
  return refuseRestricted(kind, until === undefined ? undefined : until - now);
}
