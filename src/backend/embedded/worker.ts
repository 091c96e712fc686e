import { createAdapter } from '@socket.io/cluster-adapter';
import { createOpenQueue } from '../../chat/connect-queue.ts';
import { callServices } from '../../cluster/ipc-services.ts';
import type { Sized } from '../../sizes.ts';
import type { WorkerBackend, WorkerBackendDeps } from '../backend.ts';
import { createBus } from './bus.ts';
import { createSpaceWatch, diskSpaceOf } from './disk-space.ts';
import type { PrimaryServices } from './services.ts';
import { createWorkerRoster } from './worker-roster.ts';

/** A call that takes longer fails; the caller learns whether the message was stored by trying again. */
const TIMEOUT_MS = 2_000;
const RETRY_AFTER_MS = 1_000;

/** A worker of embedded mode: it asks the primary for everything, over IPC. */
export async function openEmbeddedWorker({
  options,
  primary,
  log,
}: WorkerBackendDeps): Promise<WorkerBackend & Sized> {
  const services = callServices<PrimaryServices>(async (kind, args) => {
    const outcome = await primary.request(kind, args, TIMEOUT_MS);
    if (outcome.ok || outcome.error.code !== 'unavailable') return outcome;
    return { ok: false, error: { retryAfterMs: RETRY_AFTER_MS, ...outcome.error } };
  });
  const {
    store,
    logs,
    loggedRooms,
    roomReaders,
    inboxes,
    pushes,
    idempotency,
    moderation,
    blocks,
    mentionNotes,
    connects,
    roomSubscriptions,
    hooks,
  } = services;
  const bus = createBus({ service: services.bus, primary });
  const roster = createWorkerRoster({ service: services.roster, log });

  return {
    sizes: () => ({ bus: bus.sizes(), roster: roster.sizes() }),
    logs,
    loggedRooms,
    roomReaders,
    bus,
    roster,
    inboxes,
    pushes,
    idempotency,
    moderation,
    blocks,
    mentionNotes,
    // Without a limit no connect waits for the primary.
    connects: options.rateAdmit === 0 ? createOpenQueue() : connects,
    roomSubscriptions,
    hooks,
    adapter: createAdapter(),
    secret: store.secret,
    check: store.check,
    awayServers: () => [],
    isNearlyFull: createSpaceWatch(diskSpaceOf(options.dataDir)),
    async close() {
      bus.close();
    },
  };
}
