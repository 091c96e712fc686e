import type { WorkerBackend } from '../backend/backend.ts';
import { createLookAlikes } from '../chat/look-alikes.ts';
import type { Delivery } from './delivery/delivery.ts';

/** Returns both with the marks of members whose names look alike, for everybody who is told of members. */
export function withLookAlikes(backend: WorkerBackend, delivery: Delivery) {
  const { roster } = backend;
  const { members, push, sizes } = createLookAlikes({
    roster,
    deliver: delivery.deliverPresence,
    now: () => performance.now(),
  });
  return {
    sizes,
    backend: { ...backend, roster: { ...roster, members } },
    delivery: { ...delivery, deliverPresence: push },
  };
}
