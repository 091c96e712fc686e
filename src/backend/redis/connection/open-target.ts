import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { BackendError, type BackendOptions } from '../../backend.ts';
import { parseRedisAddress, parseSentinelAddress, type TlsOptions } from './address.ts';
import { openSentinelTarget } from './sentinel-target.ts';
import { fixedTarget, type RedisTarget } from './target.ts';

export type TargetOptions = Pick<
  BackendOptions,
  'redisUrl' | 'redisSentinels' | 'redisSentinelName' | 'redisCaFile' | 'redisCertFile' | 'redisKeyFile'
>;

/** With Sentinels and without REDIS_URL: no user, no password, no TLS. The host is never dialled. */
const PLAIN_URL = 'redis://sentinel';

/** The server of the settings. With Sentinels, the host in REDIS_URL stands for the master that they name. */
export function openRedisTarget(options: TargetOptions, log: Logger): RedisTarget {
  const certificates = readCertificates(options);
  const { redisUrl = PLAIN_URL, redisSentinels, redisSentinelName } = options;
  const address = parseRedisAddress(redisUrl, certificates);
  if (!redisSentinels || redisSentinelName === undefined) return fixedTarget(address);
  const sentinels = redisSentinels.map((text) => parseSentinelAddress(text, address.tls, certificates));
  return openSentinelTarget({ sentinels, name: redisSentinelName, address, log });
}

export function readCertificates({ redisCaFile, redisCertFile, redisKeyFile }: TargetOptions): TlsOptions {
  return {
    ...(redisCaFile === undefined ? {} : { ca: read('REDIS_CA_FILE', redisCaFile) }),
    ...(redisCertFile === undefined ? {} : { cert: read('REDIS_CERT_FILE', redisCertFile) }),
    ...(redisKeyFile === undefined ? {} : { key: read('REDIS_KEY_FILE', redisKeyFile) }),
  };
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendError(`${setting} cannot be read: ${reason}`);
  }
}
