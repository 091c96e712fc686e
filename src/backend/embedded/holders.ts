import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceMove } from '../../chat/roster.ts';
import type { WorkerIpc } from '../../cluster/ipc.ts';
import type { Group } from './group.ts';
import { BUS } from './services.ts';

/** Which worker holds which room. */
export interface Holders {
  hold(tag: string, worker: WorkerIpc): void;
  release(tag: string, worker: WorkerIpc): void;
  releaseAll(worker: WorkerIpc): void;
  publish(published: Group['published']): void;
  publishPresence(room: Pick<Room, 'tag'>, change: PresenceChange | PresenceMove): void;
}

export function createHolders(): Holders {
  const rooms = new Map<string, Set<WorkerIpc>>();

  function release(tag: string, worker: WorkerIpc): void {
    const holding = rooms.get(tag);
    holding?.delete(worker);
    if (holding?.size === 0) rooms.delete(tag);
  }

  return {
    hold(tag, worker) {
      rooms.set(tag, (rooms.get(tag) ?? new Set()).add(worker));
    },
    release,
    releaseAll(worker) {
      for (const tag of [...rooms.keys()]) release(tag, worker);
    },
    publish(published) {
      // One notice a worker and commit: an IPC message each cost more than the commit did.
      const notices = new Map<WorkerIpc, Group['published'][number][]>();
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
