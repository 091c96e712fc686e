import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { ChildWorker } from './child.ts';
import type { WorkerIpc } from './ipc.ts';
import { createWorkerHandle, type WorkerExit, type WorkerHandle } from './worker-handle.ts';

export interface SlotWorkersDeps {
  readonly slot: number;
  readonly fork: (slot: number, instanceId: string) => ChildWorker;
  readonly serve: (worker: WorkerIpc) => void;
  readonly log: Logger;
  readonly now: () => number;
  readonly onChange: (worker: WorkerHandle) => void;
  /** Its state is another than before; `onGone` hears of its end. */
  readonly onState: (worker: WorkerHandle) => void;
  readonly onConnected: (count: number) => void;
  readonly onSilent: (instanceId: string) => void;
  /** It hears of every end, before the listener that the worker was spawned with. */
  readonly onGone: (worker: WorkerHandle, exit: WorkerExit) => void;
}

export interface SpawnListener {
  ready(): void;
  failed(message: string): void;
  gone(exit: WorkerExit, pid: number): void;
}

/** The living workers of a slot, whatever part each has in it. */
export interface SlotWorkers {
  /** Returns the worker, or why its process cannot be started. */
  spawn(listener: SpawnListener): WorkerHandle | string;
  alive(): readonly WorkerHandle[];
  /** Resolves when no process is left. */
  empty(): Promise<void>;
}

export function createSlotWorkers(deps: SlotWorkersDeps): SlotWorkers {
  const { slot, log, now } = deps;
  const alive = new Set<WorkerHandle>();
  const emptyWaiters: Array<() => void> = [];

  /** Node throws if the system has no memory for another process. */
  function forkOf(instanceId: string): ChildWorker | string {
    try {
      return deps.fork(slot, instanceId);
    } catch (error) {
      return `no process: ${error instanceof Error ? error.message : error}`;
    }
  }

  return {
    spawn(listener) {
      const instanceId = randomBytes(12).toString('base64url');
      const child = forkOf(instanceId);
      if (typeof child === 'string') return child;
      let seen: WorkerHandle['state'] | undefined;
      const worker = createWorkerHandle({
        slot,
        instanceId,
        log,
        now,
        child,
        serve: deps.serve,
        onChange: () => {
          const { state } = worker;
          if (state !== seen && state !== 'gone') deps.onState(worker);
          seen = state;
          deps.onChange(worker);
        },
        onReady: listener.ready,
        onConnected: deps.onConnected,
        onSilent: () => deps.onSilent(instanceId),
        onFailed: listener.failed,
        onGone(exit) {
          alive.delete(worker);
          deps.onGone(worker, exit);
          listener.gone(exit, worker.pid);
          if (alive.size === 0) for (const resolve of emptyWaiters.splice(0)) resolve();
        },
      });
      alive.add(worker);
      seen = worker.state;
      deps.onState(worker);
      deps.onChange(worker);
      return worker;
    },
    alive: () => [...alive],
    empty() {
      if (alive.size === 0) return Promise.resolve();
      return new Promise<void>((resolve) => emptyWaiters.push(resolve));
    },
  };
}
