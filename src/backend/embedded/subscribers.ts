import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../chat/roster.ts';
import type { WorkerIpc } from '../../cluster/ipc.ts';
import type { Sized } from '../../sizes.ts';
import { BUS } from './services.ts';
import type { Transaction } from './transaction.ts';

/** The workers that are subscribed to each room. */
export interface Subscribers {
  add(tag: string, worker: WorkerIpc): void;
  remove(tag: string, worker: WorkerIpc): void;
  removeWorker(worker: WorkerIpc): void;
  publish(published: Transaction['published']): void;
  publishPresence(room: Pick<Room, 'tag'>, change: PresenceChange | PresenceEvent): void;
}

export function createSubscribers(): Subscribers & Sized {
  const rooms = new Map<string, Set<WorkerIpc>>();

  function remove(tag: string, worker: WorkerIpc): void {
    const holding = rooms.get(tag);
    holding?.delete(worker);
    if (holding?.size === 0) rooms.delete(tag);
  }

  return {
    sizes: () => ({ rooms: rooms.size }),
    add(tag, worker) {
      rooms.set(tag, (rooms.get(tag) ?? new Set()).add(worker));
    },
    remove,
    removeWorker(worker) {
      for (const tag of [...rooms.keys()]) remove(tag, worker);
    },
    publish(published) {
      // One notice per worker and commit: an IPC message per entry cost more than the commit.
      const notices = new Map<WorkerIpc, Transaction['published'][number][]>();
      for (const one of published) {
        for (const worker of rooms.get(one.tag) ?? []) {
          const notice = notices.get(worker);
          if (notice) notice.push(one);
          else notices.set(worker, [one]);
        }
      }
      for (const [worker, notice] of notices) worker.notify(BUS.entries, notice);
    },
    publishPresence({ tag }, change) {
      for (const worker of rooms.get(tag) ?? []) worker.notify(BUS.presence, { tag, change });
    },
  };
}
