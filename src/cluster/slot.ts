import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { createBackoff } from './backoff.ts';
import type { ChildWorker } from './child.ts';
import type { DrainOrder, WorkerStatus } from './control.ts';
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
  /** Starts a successor and drains the old worker once the new one is ready. Otherwise the old one stays. */
  reload(drainMs: number): Promise<Outcome<Succession>>;
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
}

export function createSlot(deps: SlotDeps): Slot {
  const { slot, log, now } = deps;
  const backoff = createBackoff(deps.random);
  const guard = createCrashGuard();
  const alive = new Set<WorkerHandle>();
  const emptyWaiters: Array<() => void> = [];
  let current: WorkerHandle | undefined;
  let respawn: NodeJS.Timeout | undefined;
  let stopped = false;
  let reloading = false;

  function spawn(on: {
    ready(): void;
    failed(message: string): void;
    gone(exit: WorkerExit, pid: number): void;
  }) {
    const instanceId = randomBytes(12).toString('base64url');
    const worker = createWorkerHandle({
      slot,
      instanceId,
      log,
      now,
      child: deps.fork(slot, instanceId),
      serve: deps.serve,
      onChange: () => deps.onChange(worker),
      onReady: on.ready,
      onConnected: deps.onConnected,
      onFailed: on.failed,
      onGone(exit) {
        alive.delete(worker);
        const wanted = stopped || worker !== current;
        if (wanted) log.info({ slot, pid: worker.pid, code: exit.code, signal: exit.signal }, 'worker ended');
        if (current === worker) current = undefined;
        deps.onGone(instanceId, wanted ? undefined : exit.reason);
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
    current = spawn({ ready: () => guard.served(), failed: deps.onFailed, gone: replace });
  }

  /** Respawns the current worker after its death. Ignores the death of a drained worker or a failed successor. */
  function replace({ wasReady, servedMs, cause, code, signal }: WorkerExit, pid: number): void {
    if (stopped || current !== undefined || respawn !== undefined) return;
    if (!wasReady) guard.diedUnready(cause);
    const { failures = 0 } = guard.failures() ?? {};
    if (guard.isLoop() && deps.mayGiveUp()) {
      stopped = true;
      deps.onGiveUp(`the workers of slot ${slot} die before they are ready, the last by ${cause}`);
      return;
    }
    const delayMs = backoff.next(servedMs);
    const ended = wasReady ? 'worker ended' : 'worker ended before it was ready';
    log.error({ slot, pid, code, signal, failures, delayMs }, `${ended} (${cause}); it will be respawned`);
    respawn = setTimeout(start, delayMs);
  }

  async function reload(drainMs: number): Promise<Outcome<Succession>> {
    if (stopped || reloading) return refuse('unavailable', `slot ${slot} is being reloaded or stopped`);
    reloading = true;
    try {
      return await new Promise<Outcome<Succession>>((resolve) => {
        const old = current;
        let message = 'the new worker died before it was ready';
        const successor = spawn({
          ready() {
            clearTimeout(respawn);
            respawn = undefined;
            guard.served();
            const before = current ?? old;
            current = successor;
            const clients = before?.counts.clients ?? 0;
            before?.drain({ deadlineMs: drainMs, refuge: 'here' });
            resolve(succeed({ pid: successor.pid, clients, gone: before?.gone ?? Promise.resolve() }));
          },
          failed(reason) {
            message = reason;
          },
          gone(exit, pid) {
            resolve(refuse('unavailable', `slot ${slot}: ${message}; the old worker stays`));
            if (exit.wasReady) replace(exit, pid);
          },
        });
      });
    } finally {
      reloading = false;
    }
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
