import type { PushPositions, PushStore } from '../../../chat/inbox-store.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import type { RetentionOptions } from '../retention.ts';
import type { Script } from '../scripts.ts';

export interface RedisPushesDeps {
  readonly redis: RedisConnection;
  /** push-find.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
  readonly options: Pick<RetentionOptions, 'inboxTtlS'>;
}

/** The field beside the user ids that holds the namespace; no id is empty. */
const NSP = '';

export function createRedisPushes({ redis, script, keys, options }: RedisPushesDeps): PushStore {
  const placesS = String(options.inboxTtlS);

  async function keep(id: string, { nsp, positions: places }: PushPositions): Promise<Outcome<void>> {
    const fields = places.flatMap(({ userId, seq, at }) => [userId, `${seq} ${at}`]);
    const key = keys.places(id);
    const [kept, bounded] = await Promise.all([
      redis.call(['HSET', key, NSP, nsp, ...fields]),
      redis.call(['EXPIRE', key, placesS]),
    ]);
    if (!kept.ok) return kept;
    return bounded.ok ? succeed(undefined) : bounded;
  }

  async function find(id: string): Promise<Outcome<PushPositions | undefined>> {
    const kept = await redis.evaluate<string[]>(script, [keys.places(id)], []);
    if (!kept.ok) return kept;
    let nsp: string | undefined;
    const places = [];
    for (let index = 0; index < kept.value.length; index += 2) {
      const [userId = '', value = ''] = kept.value.slice(index, index + 2);
      if (userId === NSP) nsp = value;
      else places.push(placeOf(userId, value));
    }
    return succeed(nsp === undefined ? undefined : { nsp, positions: places });
  }

  return { save: keep, find };
}

function placeOf(userId: string, value: string): PushPositions['positions'][number] {
  const [seq, at] = value.split(' ');
  return { userId, seq: Number(seq), at: Number(at) };
}
