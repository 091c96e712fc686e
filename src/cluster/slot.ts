import type { Logger } from 'pino';
import { createBackoff } from './backoff.ts';
import type { ChildWorker } from './child.ts';
import { CONTROL, type DrainOrder, type ProcessEvent, type WorkerStatus } from './control.ts';
import { createCrashGuard } from './crash-guard.ts';
import type { WorkerIpc } from './ipc.ts';
import { createSlotReload, type SlotReload } from './slot-reload.ts';
import { createSlotWorkers } from './slot-workers.ts';
import type { WorkerExit, WorkerHandle } from './worker-handle.ts';

export interface SlotDeps {
  readonly slot: number;
  readonly port: number;
  readonly fork: (slot: number, instanceId: string) => ChildWorker;
  readonly serve: (worker: WorkerIpc) => void;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** During the host's first start a crash loop ends the host. Later the other slots serve, and this one goes on trying. */
  readonly mayGiveUp: () => boolean;
  readonly onChange: (worker: WorkerHandle | undefined) => void;
  readonly onFailed: (message: string) => void;
  readonly onConnected: (count: number) => void;
  readonly onSilent: (instanceId: string) => void;
  /** The reason is undefined where the end of the worker was wanted. */
  readonly onGone: (instanceId: string, reason: WorkerExit['reason'] | undefined) => void;
  readonly onGiveUp: (reason: string) => void;
  readonly onProcess: (event: ProcessEvent) => void;
}

/**
 * One fixed port and the worker that serves it.
 *
 *   starting → ready ⇄ suspect  the current worker; when it dies: backoff → starting, until stopped
 *   ready → draining            the slot is stopped, or the worker's successor is ready (reload)
 *
 * During a reload a slot has two or three workers: the current one, its successor, and one that still drains.
 */
export interface Slot {
  start(): void;
  /** Starts no worker any more and drains the living ones. */
  drain(order: DrainOrder): void;
  kill(): void;
  /** Resolves when no process is left, which needs `drain` or `kill` before. */
  empty(): Promise<void>;
  /** Starts no worker any more and kills one that still starts; those that serve report not ready from now on. */
  leave(): void;
  readonly reload: SlotReload;
  workers(): readonly WorkerHandle[];
  ready(): WorkerHandle | undefined;
  status(): WorkerStatus[];
}

export function createSlot(deps: SlotDeps): Slot {
  const { slot, log, now } = deps;
  const backoff = createBackoff(deps.random);
  const guard = createCrashGuard(now);
  let current: WorkerHandle | undefined;
  let respawn: NodeJS.Timeout | undefined;
  /** No worker is started any more. */
  let leaving = false;
  let stopped = false;

  const workers = createSlotWorkers({
    slot,
    fork: deps.fork,
    serve: deps.serve,
    log,
    now,
    onChange: deps.onChange,
    onConnected: deps.onConnected,
    onSilent: deps.onSilent,
    onState({ pid, state }) {
      if (state !== 'gone') deps.onProcess({ slot, pid, state });
    },
    onGone(worker, exit) {
      const wanted = stopped || worker !== current || (leaving && !exit.wasReady);
      if (wanted) log.info({ slot, pid: worker.pid, code: exit.code, signal: exit.signal }, 'worker ended');
      if (current === worker) current = undefined;
      const replaced = !wanted && !leaving;
      deps.onProcess({ slot, pid: worker.pid, state: 'ended', cause: exit.cause, replaced });
      deps.onGone(worker.instanceId, replaced ? exit.reason : undefined);
    },
  });

  function start(): void {
    respawn = undefined;
    const worker = workers.spawn({ ready: () => guard.ready(), failed: deps.onFailed, gone: replace });
    if (typeof worker !== 'string') {
      current = worker;
      return;
    }
    deps.onProcess({ slot, pid: 0, state: 'ended', cause: worker, replaced: true });
    replace({ code: null, signal: null, wasReady: false, servedMs: 0, reason: 'start', cause: worker }, 0);
  }

  /** Respawns the current worker after its death. Ignores the death of a drained worker or a failed successor. */
  function replace({ wasReady, servedMs, cause, code, signal }: WorkerExit, pid: number): void {
    if (stopped || current !== undefined || respawn !== undefined) return;
    if (leaving) {
      if (wasReady)
        log.error(
          { slot, pid, code, signal },
          `worker ended (${cause}); it is not replaced: the host is stopping`,
        );
      return;
    }
    guard.ended(servedMs, cause);
    const { failures = 0 } = guard.failures() ?? {};
    if (guard.isLoop() && deps.mayGiveUp()) {
      stopped = true;
      deps.onGiveUp(
        `the workers of slot ${slot} die before they are ready or soon after, the last by ${cause}`,
      );
      return;
    }
    const delayMs = backoff.next(servedMs);
    const ended = wasReady ? 'worker ended' : 'worker ended before it was ready';
    log.error({ slot, pid, code, signal, failures, delayMs }, `${ended} (${cause}); it will be respawned`);
    respawn = setTimeout(start, delayMs);
  }

  const reload = createSlotReload({
    slot,
    spawn: workers.spawn,
    isOpen: () => !stopped && !leaving,
    current: () => current,
    onSucceeded(successor) {
      clearTimeout(respawn);
      respawn = undefined;
      guard.ready();
      current = successor;
    },
    onGone: replace,
  });

  const row = (worker: WorkerHandle): WorkerStatus => ({
    slot,
    pid: worker.pid,
    port: deps.port,
    ...worker.counts,
    ...guard.failures(),
    state: worker.state === 'gone' ? 'backoff' : worker.state,
  });

  return {
    start,
    drain(order) {
      stopped = true;
      clearTimeout(respawn);
      for (const worker of workers.alive()) worker.drain(order);
    },
    kill() {
      stopped = true;
      clearTimeout(respawn);
      for (const worker of workers.alive()) worker.kill();
    },
    leave() {
      leaving = true;
      clearTimeout(respawn);
      for (const worker of workers.alive()) {
        if (worker.state === 'starting') worker.kill();
        else worker.ipc.notify(CONTROL.leaving, null);
      }
    },
    empty: workers.empty,
    reload,
    workers: workers.alive,
    ready: () => (current?.state === 'ready' ? current : undefined),
    status() {
      const rows = workers.alive().map(row);
      if (rows.length > 0) return rows;
      return [
        {
          slot,
          pid: 0,
          port: deps.port,
          clients: 0,
          rooms: 0,
          loopDelayMs: 0,
          rssBytes: 0,
          ...guard.failures(),
          state: 'backoff',
        },
      ];
    },
  };
}
