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
  /** Called for every worker forked, before it can have sent anything. */
  readonly serve: (worker: WorkerIpc) => void;
  readonly log: Logger;
  readonly now: () => number;
  /** The longest drain; two seconds later what is left is killed. */
  readonly drainMs: number;
  /** A worker process ended, in whatever way. */
  readonly onWorkerGone: (instanceId: string, slot: number) => void;
  /** Whether new clients may be sent to this worker (the id is node:cluster's). Told at every change. */
  readonly onServing: (workerId: number, serving: boolean) => void;
  /** After the start succeeded: a slot's workers only die. Nothing is stopped yet: stop and exit 1. */
  readonly onGiveUp: (reason: string) => void;
}

export interface Supervisor {
  /** Resolves when every slot is ready; or with why not, and then no process is left. */
  start(): Promise<Outcome<void>>;
  /** Ends respawning, drains, kills what is late; resolves when no process is left. Called again it kills at once. */
  stop(): Promise<void>;
  /**
   * Replaces all workers, one slot after the other, each by one that serves before the old one lets go. Ends at
   * the first slot whose new worker does not get ready: that slot and those after it keep their old workers.
   */
  reload(): Promise<Outcome<void>>;
  status(): WorkerStatus[];
  /** All workers that have clients: those that serve, and those that let theirs go. */
  withClients(): WorkerIpc[];
  /** The worker that serves each slot, of the slots that have one. */
  ready(): WorkerIpc[];
  /** A worker to give a job to. */
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
      onFailed: (message) => starting?.(refuse('unavailable', message)),
      onGone: (instanceId) => deps.onWorkerGone(instanceId, slot),
      onGiveUp(reason) {
        log.fatal({ slot }, reason);
        if (starting) starting(refuse('unavailable', reason));
        else deps.onGiveUp(reason);
      },
      onChange(worker) {
        population.changed();
        if (worker && serving.has(worker.id) !== (worker.state === 'ready')) {
          if (!serving.delete(worker.id)) serving.add(worker.id);
          deps.onServing(worker.id, serving.has(worker.id));
        }
        if (starting && slots.every((each) => each.ready())) starting(succeed(undefined));
      },
    }),
  );

  const population = createClientCountLog(log, () =>
    slots.flatMap((slot) => slot.workers()).reduce((sum, { counts }) => sum + counts.clients, 0),
  );

  const everySlotEmpty = async () => {
    await Promise.all(slots.map((slot) => slot.empty()));
    population.stop();
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
