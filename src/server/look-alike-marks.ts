import type { WorkerBackend } from '../backend/backend.ts';
import { createLookAlikes } from '../chat/look-alikes.ts';
import type { Delivery } from './delivery/delivery.ts';

/** Returns both with the marks of members whose names look alike, for everybody who is told of members. */
export function withLookAlikes(backend: WorkerBackend, delivery: Delivery) {
  const { roster } = backend;
  const lookAlikes = createLookAlikes({
    roster,
    deliver: delivery.deliverPresence,
    now: () => performance.now(),
  });
  return {
    lookAlikes,
    backend: { ...backend, roster: { ...roster, members: lookAlikes.members } },
    delivery: { ...delivery, deliverPresence: lookAlikes.push },
  };
}
