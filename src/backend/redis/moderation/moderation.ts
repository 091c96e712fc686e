import { revocationRow } from '../../../chat/exclusions.ts';
import {
  type ActiveRestriction,
  type Moderation,
  type Restriction,
  type RevokedTokens,
  refuseMoreRestrictions,
} from '../../../chat/moderation.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { restrictionHash } from '../../restriction-hash.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisModerationDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'restrict' | 'restrictions'>;
  readonly keys: RedisKeys;
}

const UNTIL_LIFTED = 'inf';
const LIFT = '0';
const NONE = -1;
const TOO_MANY = -1;
const UNBOUNDED = Number.POSITIVE_INFINITY;

/** The restrictions are in the room's slot, so that roster-enter.lua and append.lua can check them. */
export function createRedisModeration({ redis, scripts, keys }: RedisModerationDeps): Moderation {
  const change = (room: Room, userId: string, kind: Restriction, lengthMs: string, most = UNBOUNDED) =>
    redis.evaluate<number>(
      scripts.restrict,
      [keys.restrictions(room)],
      [
        `${kind}:${userId}`,
        lengthMs,
        userId,
        restrictionHash(userId),
        most === UNBOUNDED ? 'inf' : String(most),
      ],
    );

  async function restrict(
    room: Room,
    userId: string,
    kind: Restriction,
    seconds?: number,
    most = UNBOUNDED,
  ): Promise<Outcome<ActiveRestriction>> {
    const lengthMs = seconds === undefined ? UNTIL_LIFTED : String(Math.max(1, Math.ceil(seconds * 1_000)));
    const ends = await change(room, userId, kind, lengthMs, most);
    if (!ends.ok) return ends;
    return ends.value === TOO_MANY ? refuseMoreRestrictions(most) : succeed(restrictedOf(ends.value));
  }

  async function lift(room: Room, userId: string, kind: Restriction): Promise<Outcome<boolean>> {
    const lifted = await change(room, userId, kind, LIFT);
    return lifted.ok ? succeed(lifted.value === 1) : lifted;
  }

  async function restrictions(room: Room, userId: string) {
    const hash = restrictionHash(userId);
    const names = [`ban:${userId}`, `mute:${userId}`, `ban#${hash}`, `mute#${hash}`];
    const found = await redis.evaluate<number[]>(scripts.restrictions, [keys.restrictions(room)], names);
    if (!found.ok) return found;
    const [ban = NONE, mute = NONE] = found.value;
    return succeed({
      ...(ban === NONE ? {} : { ban: restrictedOf(ban) }),
      ...(mute === NONE ? {} : { mute: restrictedOf(mute) }),
    });
  }

  async function revoke(inbox: Room, tokens: RevokedTokens, now: number): Promise<Outcome<void>> {
    const { name, until } = revocationRow(tokens, now);
    const revoked = await change(inbox, name, 'ban', `@${until}`);
    return revoked.ok ? succeed(undefined) : revoked;
  }

  return { restrict, lift, revoke, restrictions };
}

function restrictedOf(ends: number): ActiveRestriction {
  return ends === 0 ? {} : { until: ends };
}
