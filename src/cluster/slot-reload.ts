import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { SlotWorkers } from './slot-workers.ts';
import type { WorkerExit, WorkerHandle } from './worker-handle.ts';

/** One worker has followed another. */
export interface Succession {
  readonly pid: number;
  /** The clients of the old worker; `gone` resolves when its process has ended. */
  readonly clients: number;
  readonly gone: Promise<void>;
  /** Returns whether the new worker is the one that serves the slot. */
  serves(): boolean;
  /** Resolves with the cause when the new worker's process has ended. */
  readonly lost: Promise<string>;
}

export interface SlotReloadDeps {
  readonly slot: number;
  readonly spawn: SlotWorkers['spawn'];
  /** Returns whether the slot still starts workers. */
  readonly isOpen: () => boolean;
  readonly current: () => WorkerHandle | undefined;
  /** A successor is ready: it is the current worker from now on. */
  readonly onSucceeded: (successor: WorkerHandle) => void;
  /** A successor that was ready has ended. */
  readonly onGone: (exit: WorkerExit, pid: number) => void;
}

export type SlotReload = (drainMs: number, signal: AbortSignal) => Promise<Outcome<Succession>>;

/**
 * Starts a successor and drains the old worker once the new one is ready. Otherwise the old one stays, also if `signal`
 * aborts first. A slot is reloaded once at a time.
 */
export function createSlotReload(deps: SlotReloadDeps): SlotReload {
  const { slot, current } = deps;
  const stays = (why: string) => refuse('unavailable', `slot ${slot}: ${why}; the old worker stays`);
  let reloading = false;

  function succeedBy(drainMs: number, signal: AbortSignal): Promise<Outcome<Succession>> {
    const old = current();
    if (signal.aborted) return Promise.resolve(stays(String(signal.reason)));
    return new Promise<Outcome<Succession>>((resolve) => {
      let message = 'the new worker died before it was ready';
      let lose = (_cause: string) => {};
      const lost = new Promise<string>((settle) => {
        lose = settle;
      });
      const successor = deps.spawn({
        ready() {
          signal.removeEventListener('abort', abandon);
          const before = current() ?? old;
          deps.onSucceeded(worker);
          const clients = before?.counts.clients ?? 0;
          before?.drain({ deadlineMs: drainMs, refuge: 'here' });
          const gone = before?.gone ?? Promise.resolve();
          const serves = () => worker.state === 'ready' && current() === worker;
          resolve(succeed({ pid: worker.pid, clients, gone, serves, lost }));
        },
        failed(reason) {
          message = reason;
        },
        gone(exit, pid) {
          signal.removeEventListener('abort', abandon);
          resolve(stays(message));
          lose(exit.cause);
          if (exit.wasReady) deps.onGone(exit, pid);
        },
      });
      if (typeof successor === 'string') {
        resolve(stays(successor));
        return;
      }
      const worker = successor;
      function abandon(): void {
        message = String(signal.reason);
        worker.kill();
      }
      signal.addEventListener('abort', abandon);
    });
  }

  return async (drainMs, signal) => {
    if (reloading || !deps.isOpen())
      return refuse('unavailable', `slot ${slot} is being reloaded or stopped`);
    reloading = true;
    try {
      return await succeedBy(drainMs, signal);
    } finally {
      reloading = false;
    }
  };
}
