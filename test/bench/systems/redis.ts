import { openRedis, type RedisProcess } from '../../support/redis-server.ts';
import { type BusTap, openBusTap } from '../measure/bus-tap.ts';

/** The Redis of a run, everything in its append-only file as the README asks for, tapped if so wished. */
export interface RunRedis {
  readonly url: string;
  readonly pid: number;
  readonly ask: RedisProcess['ask'];
  readonly path: RedisProcess['path'];
  readonly tap?: BusTap;
  close(): Promise<void>;
}

export async function openRunRedis(tapped = false): Promise<RunRedis> {
  const redis = await openRedis();
  const tap = tapped ? await openBusTap(redis.port) : undefined;
  return {
    url: tap?.url ?? redis.url,
    pid: redis.pid,
    ask: redis.ask,
    path: redis.path,
    ...(tap === undefined ? {} : { tap }),
    async close() {
      await tap?.close();
      await redis.close();
    },
  };
}
