import { CLAIM_LEASE_MS, type ClaimResult, type IdempotencyStore } from '../../../chat/idempotency.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisIdempotencyDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'claim' | 'settleClaim'>;
  readonly keys: RedisKeys;
  readonly dedupeTtlS: number;
}

type ClaimReply = [state: ClaimResult['state'], text: string];

/** The atomic parts are in claim.lua and claim-settle.lua. */
export function createRedisIdempotency({
  redis,
  scripts,
  keys,
  dedupeTtlS,
}: RedisIdempotencyDeps): IdempotencyStore {
  const ttlMs = String(dedupeTtlS * 1_000);

  async function claim(key: string, fingerprint: string, id: string): Promise<Outcome<ClaimResult>> {
    const args = [id, fingerprint, ttlMs, String(CLAIM_LEASE_MS)];
    const reply = await redis.evaluate<ClaimReply>(scripts.claim, keys.claim(key), args);
    if (!reply.ok) return reply;
    const [state, text] = reply.value;
    if (state === 'granted') return succeed({ state, id: text });
    return succeed(state === 'answered' ? { state, answer: text } : { state });
  }

  async function settle(key: string, id: string, answer = ''): Promise<Outcome<void>> {
    const settled = await redis.evaluate<number>(scripts.settleClaim, keys.claim(key), [id, answer, ttlMs]);
    return settled.ok ? succeed(undefined) : settled;
  }

  return { claim, complete: settle };
}
