import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { createBackoff } from './backoff.ts';
import type { ChildWorker } from './child.ts';
import { CONTROL, type DrainOrder, type WorkerStatus } from './control.ts';
import { createCrashGuard } from './crash-guard.ts';
import type { WorkerIpc } from './ipc.ts';
import { createWorkerHandle, type WorkerExit, type WorkerHandle } from './worker-handle.ts';

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
  /** The reason is undefined where the end of the worker was wanted. */
  readonly onGone: (instanceId: string, reason: WorkerExit['reason'] | undefined) => void;
  readonly onGiveUp: (reason: string) => void;
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
  /**
   * Starts a successor and drains the old worker once the new one is ready. Otherwise the old one stays, also if `signal`
   * aborts first.
   */
  reload(drainMs: number, signal: AbortSignal): Promise<Outcome<Succession>>;
  workers(): readonly WorkerHandle[];
  ready(): WorkerHandle | undefined;
  status(): WorkerStatus[];
}

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

export function createSlot(deps: SlotDeps): Slot {
  const { slot, log, now } = deps;
  const backoff = createBackoff(deps.random);
  const guard = createCrashGuard(now);
  const alive = new Set<WorkerHandle>();
  const emptyWaiters: Array<() => void> = [];
  let current: WorkerHandle | undefined;
  let respawn: NodeJS.Timeout | undefined;
  /** No worker is started any more. */
  let leaving = false;
  let stopped = false;
  let reloading = false;

  /** Node throws if the system has no memory for another process. */
  function forkOf(instanceId: string): ChildWorker | string {
    try {
      return deps.fork(slot, instanceId);
    } catch (error) {
      return `no process: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** Returns the worker, or why its process cannot be started. */
  function spawn(on: {
    ready(): void;
    failed(message: string): void;
    gone(exit: WorkerExit, pid: number): void;
  }) {
    const instanceId = randomBytes(12).toString('base64url');
    const child = forkOf(instanceId);
    if (typeof child === 'string') return child;
    const worker = createWorkerHandle({
      slot,
      instanceId,
      log,
      now,
      child,
      serve: deps.serve,
      onChange: () => deps.onChange(worker),
      onReady: on.ready,
      onConnected: deps.onConnected,
      onFailed: on.failed,
      onGone(exit) {
        alive.delete(worker);
        const wanted = stopped || worker !== current || (leaving && !exit.wasReady);
        if (wanted) log.info({ slot, pid: worker.pid, code: exit.code, signal: exit.signal }, 'worker ended');
        if (current === worker) current = undefined;
        deps.onGone(instanceId, wanted || leaving ? undefined : exit.reason);
        on.gone(exit, worker.pid);
        if (alive.size === 0) for (const resolve of emptyWaiters.splice(0)) resolve();
      },
    });
    alive.add(worker);
    deps.onChange(worker);
    return worker;
  }

  function start(): void {
    respawn = undefined;
    const worker = spawn({ ready: () => guard.ready(), failed: deps.onFailed, gone: replace });
    if (typeof worker !== 'string') current = worker;
    else
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

  async function reload(drainMs: number, signal: AbortSignal): Promise<Outcome<Succession>> {
    if (stopped || leaving || reloading)
      return refuse('unavailable', `slot ${slot} is being reloaded or stopped`);
    reloading = true;
    try {
      return await succeedBy(drainMs, signal);
    } finally {
      reloading = false;
    }
  }

  function succeedBy(drainMs: number, signal: AbortSignal): Promise<Outcome<Succession>> {
    const old = current;
    const stays = (why: string) => refuse('unavailable', `slot ${slot}: ${why}; the old worker stays`);
    if (signal.aborted) return Promise.resolve(stays(String(signal.reason)));
    return new Promise<Outcome<Succession>>((resolve) => {
      let message = 'the new worker died before it was ready';
      let lose = (_cause: string) => {};
      const lost = new Promise<string>((settle) => {
        lose = settle;
      });
      const successor = spawn({
        ready() {
          signal.removeEventListener('abort', abandon);
          clearTimeout(respawn);
          respawn = undefined;
          guard.ready();
          const before = current ?? old;
          current = worker;
          const clients = before?.counts.clients ?? 0;
          before?.drain({ deadlineMs: drainMs, refuge: 'here' });
          const gone = before?.gone ?? Promise.resolve();
          const serves = () => worker.state === 'ready' && current === worker;
          resolve(succeed({ pid: worker.pid, clients, gone, serves, lost }));
        },
        failed(reason) {
          message = reason;
        },
        gone(exit, pid) {
          signal.removeEventListener('abort', abandon);
          resolve(stays(message));
          lose(exit.cause);
          if (exit.wasReady) replace(exit, pid);
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
      for (const worker of alive) worker.drain(order);
    },
    kill() {
      stopped = true;
      clearTimeout(respawn);
      for (const worker of alive) worker.kill();
    },
    leave() {
      leaving = true;
      clearTimeout(respawn);
      for (const worker of alive) {
        if (worker.state === 'starting') worker.kill();
        else worker.ipc.notify(CONTROL.leaving, null);
      }
    },
    empty() {
      if (alive.size === 0) return Promise.resolve();
      return new Promise<void>((resolve) => emptyWaiters.push(resolve));
    },
    reload,
    workers: () => [...alive],
    ready: () => (current?.state === 'ready' ? current : undefined),
    status() {
      const rows = [...alive].map(row);
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
