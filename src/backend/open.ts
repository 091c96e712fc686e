import { setupPrimary } from '@socket.io/cluster-adapter';
import type { PrimaryBackend, PrimaryBackendDeps, WorkerBackend, WorkerBackendDeps } from './backend.ts';
import { openEmbeddedPrimary } from './embedded/primary.ts';
import { openEmbeddedWorker } from './embedded/worker.ts';
import { openRedisPrimary } from './redis/primary.ts';
import { openRedisWorker } from './redis/worker.ts';

/** The only place where the kind of store is chosen. Once per process. */
export function openPrimaryBackend(deps: PrimaryBackendDeps): Promise<PrimaryBackend> {
  if (deps.options.redisUrl !== undefined) return openRedisPrimary(deps);
  // Carries what the workers' adapters say to each other; before the first worker is forked.
  setupPrimary();
  return openEmbeddedPrimary(deps);
}

export function openWorkerBackend(deps: WorkerBackendDeps): Promise<WorkerBackend> {
  return deps.options.redisUrl === undefined ? openEmbeddedWorker(deps) : openRedisWorker(deps);
}
