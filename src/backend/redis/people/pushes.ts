import type { PushPositions, PushStore } from '../../../chat/inbox-store.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { placeIn, placeText } from '../push-places.ts';
import type { RetentionOptions } from '../retention.ts';
import type { Script } from '../scripts.ts';

export interface RedisPushesDeps {
  readonly redis: RedisCommands;
  /** push-find.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
  readonly options: Pick<RetentionOptions, 'inboxTtlS'>;
}

/** The field beside the user ids that holds the namespace; no id is empty. */
const NSP = '';

export function createRedisPushes({ redis, script, keys, options }: RedisPushesDeps): PushStore {
  const lifetimeS = String(options.inboxTtlS);

  async function save(id: string, { nsp, positions }: PushPositions): Promise<Outcome<void>> {
    const fields = positions.flatMap(({ userId, seq, at, epoch }) => [userId, placeText(seq, at, epoch)]);
    const key = keys.pushPositions(id);
    const [stored, expiring] = await Promise.all([
      redis.call(['HSET', key, NSP, nsp, ...fields]),
      redis.call(['EXPIRE', key, lifetimeS]),
    ]);
    if (!stored.ok) return stored;
    return expiring.ok ? succeed(undefined) : expiring;
  }

  async function find(id: string): Promise<Outcome<PushPositions | undefined>> {
    const stored = await redis.evaluate<string[]>(script, [keys.pushPositions(id)], []);
    if (!stored.ok) return stored;
    let nsp: string | undefined;
    const positions = [];
    for (let index = 0; index < stored.value.length; index += 2) {
      const [userId = '', value = ''] = stored.value.slice(index, index + 2);
      if (userId === NSP) nsp = value;
      else positions.push(positionOf(userId, value));
    }
    return succeed(nsp === undefined ? undefined : { nsp, positions });
  }

  return { save, find };
}

function positionOf(userId: string, value: string): PushPositions['positions'][number] {
  const [seq, at, epoch] = placeIn(value);
  return { userId, seq, at, ...(epoch !== undefined && { epoch }) };
}
