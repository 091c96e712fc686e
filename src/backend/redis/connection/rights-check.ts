import { randomBytes } from 'node:crypto';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import { away } from './failures.ts';
import type { RedisConnection } from './redis-connection.ts';
import { CLUSTER_TESTS, permissionTestsFor, WAIT_TEST } from './rights.ts';

const MOST_NAMED = 3;

export interface RightsCheckDeps {
  readonly redis: Pick<RedisConnection, 'wasDenied' | 'forgetDenial' | 'denies'>;
  readonly keyPrefix: string;
  readonly keys: RedisKeys;
  /** ACK_REPLICAS is set. */
  readonly waits: boolean;
  readonly clustered: boolean;
}

/**
 * Checks whether the user in REDIS_URL has all rights. Rights can be revoked while a worker runs, and PING alone does
 * not notice. It costs nothing until Redis denies a command; from then on each check tries every command, until none is
 * denied any more.
 */
export function createRightsCheck(deps: RightsCheckDeps): () => Promise<Outcome<void>> {
  const { redis, keyPrefix, keys, waits, clustered } = deps;
  const more = [...(waits ? [WAIT_TEST] : []), ...(clustered ? CLUSTER_TESTS : [])];
  return async () => {
    if (!redis.wasDenied()) return succeed(undefined);
    const tests = permissionTestsFor(keyPrefix, keys, randomBytes(6).toString('hex'));
    const commands = [...more, ...tests.commands];
    const denied = await allValues(commands.map(({ args }) => redis.denies(args)));
    if (!denied.ok) return denied;
    const missing = commands.filter((_, index) => denied.value[index]).map(({ rule }) => rule);
    if (missing.length > 0) {
      const others = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
      return away(`the store denies ${missing.slice(0, MOST_NAMED).join(' ')}${others}`);
    }
    redis.forgetDenial();
    return succeed(undefined);
  };
}
