import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import type { ChildWorker } from './child.ts';
import { createClientCountLog } from './client-count-log.ts';
import { CONTROL, type ProcessEvent, type Refuge, type WorkerStatus } from './control.ts';
import type { WorkerIpc } from './ipc.ts';
import { createSlot, type Slot } from './slot.ts';
import type { Succession } from './slot-reload.ts';

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
  /** A worker process ended; `reason` says why another one replaces it, undefined where its end was wanted. */
  readonly onWorkerGone: (instanceId: string, reason: string | undefined) => void;
  /** A worker hangs, and reports again or is replaced soon. Called twice a second. */
  readonly onWorkerSilent: (instanceId: string) => void;
  /** Called when it changes whether new clients may go to this worker. The id is node:cluster's. */
  readonly onServing: (workerId: number, serving: boolean) => void;
  readonly onProcess: (event: ProcessEvent) => void;
}

export interface Supervisor {
  /** Resolves when every slot is ready, or with the reason why not; no process is left then. */
  start(): Promise<Outcome<void>>;
  /** The workers report not ready from now on, and go on serving. None is started any more, and a reload ends. */
  leave(): void;
  /** Drains all workers and kills those that are late; resolves when no process is left. */
  stop(refuge: Refuge): Promise<void>;
  /** Kills all workers; none is respawned. */
  kill(): void;
  /**
   * Replaces all workers, slot by slot; the new one serves before the old one drains, and the next slot waits until the
   * old one has ended and the new one has served a moment. Stops at the first slot whose new worker does not become ready,
   * and as soon as a new worker of any slot ends: the slots whose turn has not come keep their old workers.
   */
  reload(onStep?: (step: ReloadStep) => void): Promise<Outcome<void>>;
  status(): WorkerStatus[];
  /** All workers that have clients: those that serve and those that drain. */
  withClients(): WorkerIpc[];
  /** The workers that serve, at most one per slot. */
  ready(): WorkerIpc[];
  /** Any worker that serves, to do a task for the primary. */
  pick(): WorkerIpc | undefined;
}

/** The progress of a reload in one slot. `clients`: those of the old worker when the new one took over. */
export interface ReloadStep {
  readonly slot: number;
  readonly state: 'starting' | 'draining' | 'done' | 'failed';
  readonly pid?: number;
  readonly clients?: number;
  readonly message?: string;
}

/** A new worker that serves so long has come through its first clients. */
const SOAK_MS = 1_000;
const LEAVING = 'the host is stopping';

export function createSupervisor(deps: SupervisorDeps): Supervisor & Sized {
  const { log } = deps;
  let starting: ((outcome: Outcome<void>) => void) | undefined;
  let stopping: Promise<void> | undefined;
  /** Undefined: no reload runs. */
  let reloading: AbortController | undefined;
  let leaving = false;
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
      onConnected: countArrivals,
      onSilent: deps.onWorkerSilent,
      onFailed: (message) => starting?.(refuse('unavailable', message)),
      onGone: deps.onWorkerGone,
      onProcess: deps.onProcess,
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

  /** Draining workers let their clients go as fast as the others take them in. */
  function countArrivals(count: number): void {
    for (const { state, ipc } of slots.flatMap((slot) => slot.workers())) {
      if (state === 'draining') ipc.notify(CONTROL.arrived, { count });
    }
  }

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
      kill();
      await everySlotEmpty();
    }
    return outcome;
  }

  function kill(): void {
    leaving = true;
    reloading?.abort(LEAVING);
    for (const slot of slots) slot.kill();
  }

  function leave(): void {
    if (leaving) return;
    leaving = true;
    for (const slot of slots) slot.leave();
    reloading?.abort(LEAVING);
  }

  function stop(refuge: Refuge): Promise<void> {
    if (stopping) return stopping;
    leave();
    for (const slot of slots) slot.drain({ deadlineMs: deps.drainMs, refuge });
    stopping = everySlotEmpty();
    starting?.(refuse('unavailable', 'stopped while starting'));
    return stopping;
  }

  async function reload(onStep: (step: ReloadStep) => void = () => {}): Promise<Outcome<void>> {
    if (leaving) return refuse('unavailable', LEAVING);
    const ended = new AbortController();
    reloading = ended;
    try {
      for (const [index, slot] of slots.entries()) {
        const replaced = await replaceIn(slot, index, ended, onStep);
        if (replaced.ok) continue;
        onStep({ slot: index, state: 'failed', message: replaced.error.message });
        return replaced;
      }
      return succeed(undefined);
    } finally {
      reloading = undefined;
    }
  }

  async function replaceIn(
    slot: Slot,
    index: number,
    ended: AbortController,
    onStep: (step: ReloadStep) => void,
  ): Promise<Outcome<void>> {
    const { signal } = ended;
    onStep({ slot: index, state: 'starting' });
    const outcome = await slot.reload(deps.drainMs, signal);
    if (!outcome.ok) return outcome;
    const { pid, clients, lost } = outcome.value;
    const succession = { pid, clients };
    void lost.then((cause) => ended.abort(`the new worker of slot ${index} ended (${cause})`));
    onStep({ slot: index, state: 'draining', ...succession });
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (!signal.aborted) await Promise.race([aborted, followed(outcome.value, signal)]);
    if (signal.aborted) return refuse('unavailable', String(signal.reason));
    onStep({ slot: index, state: 'done', ...succession });
    return succeed(undefined);
  }

  const ready = () => slots.flatMap((slot) => slot.ready()?.ipc ?? []);

  return {
    sizes: () =>
      Object.fromEntries(
        slots.flatMap((slot) => slot.workers()).map(({ id, ipc }) => [`worker${id}`, ipc.sizes()]),
      ),
    start,
    leave,
    stop,
    kill,
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

const soak = () => new Promise<void>((resolve) => setTimeout(resolve, SOAK_MS).unref());

/** Resolves when the old worker has ended, and the new one has served a moment and serves. One that does not report might hang. */
async function followed({ gone, serves }: Succession, signal: AbortSignal): Promise<void> {
  await Promise.all([gone, soak()]);
  while (!serves() && !signal.aborted) await soak();
}
