import { type Exclusion, exclusionNames, exclusionOf } from '../../../chat/exclusions.ts';
import type { Room } from '../../../chat/room.ts';
import { type Outcome, succeed } from '../../../protocol/codes.ts';
import { restrictionHash } from '../../restriction-hash.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisExclusionDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'restrictions'>;
  readonly keys: Pick<RedisKeys, 'restrictions'>;
}

type Found = Outcome<{ readonly exclusion?: Exclusion }>;

const NONE = -1;

/** Reads what keeps an inbox's user and a token out. Hardly anybody has something: one command finds that out. */
export function createExclusionReader({ redis, scripts, keys }: RedisExclusionDeps) {
  /** By the clock of Redis, as moderation.ts reads a restriction. */
  async function endOf(key: string, name: string): Promise<Outcome<number>> {
    const hash = restrictionHash(name);
    const names = [`ban:${name}`, `mute:${name}`, `ban#${hash}`, `mute#${hash}`];
    const found = await redis.evaluate<number[]>(scripts.restrictions, [key], names);
    return found.ok ? succeed(found.value[0] ?? NONE) : found;
  }

  async function exact(key: string, names: readonly string[]): Promise<Found> {
    const ends = await allValues(names.map((name) => endOf(key, name)));
    if (!ends.ok) return ends;
    const rows = ends.value.map((end) => (end === NONE ? undefined : end === 0 ? {} : { until: end }));
    return succeed(exclusionOf(rows));
  }

  return async (inbox: Room, jti: string | undefined): Promise<Found> => {
    const key = keys.restrictions(inbox);
    const names = exclusionNames(inbox.roomid, jti);
    const members = names.flatMap((name) => [`ban:${name}`, `ban#${restrictionHash(name)}`]);
    const scores = await redis.call<unknown[]>(['ZMSCORE', key, ...members]);
    if (!scores.ok) return scores;
    return scores.value.every((score) => score === null) ? succeed({}) : exact(key, names);
  };
}
