import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { ChildWorker } from './child.ts';
import { createClientCountLog } from './client-count-log.ts';
import type { WorkerStatus } from './control.ts';
import type { WorkerIpc } from './ipc.ts';
import { createSlot } from './slot.ts';

export interface SupervisorDeps {
  readonly workers: number;
  /** The port of slot 0; slot i has `basePort + i`. */
  readonly basePort: number;
  readonly fork: (slot: number, instanceId: string) => ChildWorker;
  /** Called for every forked worker, before it can have sent anything. */
  readonly serve: (worker: WorkerIpc) => void;
  readonly log: Logger;
  readonly now: () => number;
  /** Spreads the respawns of slots that crash together. */
  readonly random: () => number;
  /** The longest drain. Two seconds after it the supervisor kills what is left. */
  readonly drainMs: number;
  /** A worker process ended, expectedly or not. */
  readonly onWorkerGone: (instanceId: string, slot: number) => void;
  /** Called when it changes whether new clients may go to this worker. The id is node:cluster's. */
  readonly onServing: (workerId: number, serving: boolean) => void;
}

export interface Supervisor {
  /** Resolves when every slot is ready, or with the reason why not; no process is left then. */
  start(): Promise<Outcome<void>>;
  /** Drains all workers and kills those that are late; resolves when no process is left. A second call kills at once. */
  stop(): Promise<void>;
  /**
   * Replaces all workers, slot by slot; the new one serves before the old one drains. Stops at the first slot whose new
   * worker does not become ready: that slot and the following ones keep their old workers.
   */
  reload(): Promise<Outcome<void>>;
  status(): WorkerStatus[];
  /** All workers that have clients: those that serve and those that drain. */
  withClients(): WorkerIpc[];
  /** The workers that serve, at most one per slot. */
  ready(): WorkerIpc[];
  /** Any worker that serves, to do a task for the primary. */
  pick(): WorkerIpc | undefined;
}

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const { log } = deps;
  let starting: ((outcome: Outcome<void>) => void) | undefined;
  let stopping: Promise<void> | undefined;
  const serving = new Set<number>();

  const slots = Array.from({ length: deps.workers }, (_, slot) =>
    createSlot({
      slot,
      port: deps.basePort + slot,
      fork: deps.fork,
      serve: deps.serve,
      log,
      now: deps.now,
      random: deps.random,
      mayGiveUp: () => starting !== undefined,
      onFailed: (message) => starting?.(refuse('unavailable', message)),
      onGone: (instanceId) => deps.onWorkerGone(instanceId, slot),
      onGiveUp(reason) {
        log.fatal({ slot }, reason);
        starting?.(refuse('unavailable', reason));
      },
      onChange(worker) {
        clientCountLog.changed();
        if (worker && serving.has(worker.id) !== (worker.state === 'ready')) {
          if (!serving.delete(worker.id)) serving.add(worker.id);
          deps.onServing(worker.id, serving.has(worker.id));
        }
        if (starting && slots.every((each) => each.ready())) starting(succeed(undefined));
      },
    }),
  );

  const clientCountLog = createClientCountLog(log, () =>
    slots.flatMap((slot) => slot.workers()).reduce((sum, { counts }) => sum + counts.clients, 0),
  );

  const everySlotEmpty = async () => {
    await Promise.all(slots.map((slot) => slot.empty()));
    clientCountLog.stop();
  };

  async function start(): Promise<Outcome<void>> {
    const outcome = await new Promise<Outcome<void>>((resolve) => {
      starting = resolve;
      for (const slot of slots) slot.start();
    });
    starting = undefined;
    if (!outcome.ok) {
      for (const slot of slots) slot.kill();
      await everySlotEmpty();
    }
    return outcome;
  }

  function stop(): Promise<void> {
    if (stopping) {
      for (const slot of slots) slot.kill();
      return stopping;
    }
    for (const slot of slots) slot.drain(deps.drainMs);
    stopping = everySlotEmpty();
    starting?.(refuse('unavailable', 'stopped while starting'));
    return stopping;
  }

  async function reload(): Promise<Outcome<void>> {
    for (const slot of slots) {
      const outcome = await slot.reload(deps.drainMs);
      if (!outcome.ok) return outcome;
    }
    return succeed(undefined);
  }

  const ready = () => slots.flatMap((slot) => slot.ready()?.ipc ?? []);

  return {
    start,
    stop,
    reload,
    ready,
    status: () => slots.flatMap((slot) => slot.status()),
    withClients: () =>
      slots
        .flatMap((slot) => slot.workers())
        .flatMap(({ state, ipc }) => (state === 'ready' || state === 'draining' ? [ipc] : [])),
    pick: () => ready()[0],
  };
}
