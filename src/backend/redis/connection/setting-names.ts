import type { RedisChoice } from '../../backend.ts';

export type RedisSetting = 'REDIS_URL' | 'REDIS_URLS' | 'REDIS_CLUSTER_NODES' | 'REDIS_SENTINELS';

/** Returns the setting that says where the servers are, for the texts that tell an operator what to correct. */
export function addressSetting({ redisUrls, redisClusterNodes, redisSentinels }: RedisChoice): RedisSetting {
  if (redisClusterNodes) return 'REDIS_CLUSTER_NODES';
  if (redisUrls) return 'REDIS_URLS';
  return redisSentinels ? 'REDIS_SENTINELS' : 'REDIS_URL';
}

/** Returns the setting that has the servers' user, password and database; Sentinels name only the address. */
export function userSetting(choice: RedisChoice): RedisSetting {
  const setting = addressSetting(choice);
  return setting === 'REDIS_SENTINELS' ? 'REDIS_URL' : setting;
}
