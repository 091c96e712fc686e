import type { Sized } from '../sizes.ts';
import {
  type PrimaryBackend,
  type PrimaryBackendDeps,
  usesRedis,
  type WorkerBackend,
  type WorkerBackendDeps,
} from './backend.ts';

/*
 * The only place where the kind of store is chosen. Imported when chosen: a process loads one kind, and the primary
 * nothing of what only a worker needs.
 */

/** The caller MUST call it before it forks the first worker. */
export async function openPrimaryBackend(deps: PrimaryBackendDeps): Promise<PrimaryBackend & Sized> {
  if (usesRedis(deps.options)) {
    const { openRedisPrimary } = await import('./redis/primary.ts');
    return openRedisPrimary(deps);
  }
  const [{ openEmbeddedPrimary }, { default: clusterAdapter }] = await Promise.all([
    import('./embedded/primary.ts'),
    import('@socket.io/cluster-adapter'),
  ]);
  // Forwards what the workers' adapters send to each other.
  clusterAdapter.setupPrimary();
  return openEmbeddedPrimary(deps);
}

export async function openWorkerBackend(deps: WorkerBackendDeps): Promise<WorkerBackend & Sized> {
  if (usesRedis(deps.options)) {
    const { openRedisWorker } = await import('./redis/worker.ts');
    return openRedisWorker(deps);
  }
  const { openEmbeddedWorker } = await import('./embedded/worker.ts');
  return openEmbeddedWorker(deps);
}
