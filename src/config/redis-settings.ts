import { busSecrets, integer, list, matching, oneOf, path, redisNode, redisUrl } from './grammar.ts';
import { setting } from './setting.ts';

/** The Redis servers, and the way to them. */
export const REDIS_SETTINGS = {
  redisUrl: setting<string | undefined>(
    'REDIS_URL',
    undefined,
    redisUrl,
    'redis://, rediss:// or unix: address of a Redis ≥ 7.0. Unset: embedded mode, one machine, no Redis',
    '–',
  ),
  redisUrls: setting<readonly string[] | undefined>(
    'REDIS_URLS',
    undefined,
    list(redisUrl, () => 'not shown here'),
    'experimental: comma list of plain Redis servers that share the rooms, instead of REDIS_URL; all hosts name the same ones',
    '–',
  ),
  redisClusterNodes: setting<readonly string[] | undefined>(
    'REDIS_CLUSTER_NODES',
    undefined,
    list(redisNode, () => 'not shown here'),
    'experimental: comma list of some nodes of a Redis Cluster, instead of REDIS_URL: host:port, or redis://user:password@host:port. The first one’s user, password and TLS hold for all nodes',
    '–',
  ),
  redisSentinels: setting<readonly string[] | undefined>(
    'REDIS_SENTINELS',
    undefined,
    list(redisNode, () => 'not shown here'),
    'comma list of the Redis Sentinels, host:port or redis://user:password@host:port. They name the master; its user, password, database and TLS come from REDIS_URL, whose host does not matter then',
    '–',
  ),
  redisSentinelName: setting<string | undefined>(
    'REDIS_SENTINEL_NAME',
    undefined,
    matching(/^[\w.-]{1,128}$/, 'the name of a master: letters, digits and . _ -'),
    'the name under which the Sentinels watch the master',
    '–',
  ),
  ackReplicas: setting(
    'ACK_REPLICAS',
    0,
    integer(0, 100),
    'Redis replicas that must have a message before it is acknowledged. 0 = none',
  ),
  busSecrets: setting<readonly string[] | undefined>(
    'BUS_SECRET',
    undefined,
    busSecrets,
    'signs what workers publish over Redis: one secret of at least 32 bytes, or two with a comma between them, of which the first signs and both are good. Unset: whoever may publish there can speak for a worker',
    '–',
  ),
  busUnsigned: setting<'refuse' | 'accept'>(
    'BUS_UNSIGNED',
    'refuse',
    oneOf(['refuse', 'accept']),
    'accept: with BUS_SECRET, what is not signed is good too, while some workers do not sign yet',
  ),
  redisCaFile: setting<string | undefined>(
    'REDIS_CA_FILE',
    undefined,
    path,
    'certificates (PEM) of the authorities that may vouch for Redis, with rediss://. Unset: those of Node',
    '–',
  ),
  redisCertFile: setting<string | undefined>(
    'REDIS_CERT_FILE',
    undefined,
    path,
    'certificate (PEM) to show to Redis, together with REDIS_KEY_FILE',
    '–',
  ),
  redisKeyFile: setting<string | undefined>(
    'REDIS_KEY_FILE',
    undefined,
    path,
    'private key (PEM) of REDIS_CERT_FILE',
    '–',
  ),
} as const;
