import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { MessagePort } from './ipc-channel.ts';
import { IPC_VERSIONS, showVersions } from './ipc-versions.ts';

/** A worker process as the supervisor needs it. */
export interface ChildWorker {
  /** The id that node:cluster gives, unique within this primary. */
  readonly id: number;
  readonly pid: number;
  readonly port: MessagePort;
  kill(signal: NodeJS.Signals): void;
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
}

/**
 * The space for new objects grows from 1 MB to its maximum of 16 MB in one step instead of doubling. Most objects of a short
 * connection then die young: with 1,000 joins and leaves per second the p99 of other users' messages was 25 to 38 ms, with a
 * full collection every three seconds, and is 16 to 17 ms now. It may shrink, so an idle worker does not keep 32 MB for it.
 */
const YOUNG_SPACE = '--semi-space-growth-factor=16';

export interface ForkOptions {
  /** The script that workers run and its arguments; by default what the primary runs. */
  readonly exec?: string;
  readonly args?: readonly string[];
  readonly log: Logger;
}

/**
 * Sets up node:cluster, once, and returns the function that forks a worker. A worker finds its slot, its
 * instance id and this primary's IPC versions in the environment variables RC_SLOT, RC_INSTANCE_ID and RC_IPC_VERSIONS, which
 * program.ts reads.
 *
 * SCHED_NONE: workers accept from the shared listening handle themselves. Handing over each connection by IPC would cost
 * the primary CPU and queue behind it. `advanced` serialisation: without it the bytes that the front door has read of a
 * connection do not arrive as bytes, and the connection hangs.
 */
export function openForks({
  exec,
  args,
  log,
}: ForkOptions): (slot: number, instanceId: string) => ChildWorker {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    serialization: 'advanced',
    // The operator's options come last, so they win.
    execArgv: [YOUNG_SPACE, ...process.execArgv],
    ...(exec === undefined ? {} : { exec }),
    ...(args === undefined ? {} : { args: [...args] }),
  });
  return (slot, instanceId) => {
    const worker = cluster.fork({
      RC_SLOT: String(slot),
      RC_INSTANCE_ID: instanceId,
      RC_IPC_VERSIONS: showVersions(IPC_VERSIONS),
    });
    // A failed send without a callback, as the cluster adapter's are, raises `error`, which would end the primary.
    worker.on('error', (error) => log.warn({ slot, err: error }, 'the IPC channel to a worker failed'));
    finishDisconnect(worker);
    return childOf(worker);
  };
}

function childOf(worker: Worker): ChildWorker {
  return {
    id: worker.id,
    pid: worker.process.pid ?? 0,
    port: {
      send: (message, callback) => worker.send(message, undefined, undefined, callback),
      onMessage: (listener) => worker.on('message', listener),
      onClose(listener) {
        worker.on('exit', listener);
        worker.on('disconnect', listener);
      },
    },
    kill: (signal) => worker.process.kill(signal),
    onExit(listener) {
      worker.on('exit', (code: number | null, signal: string | null) =>
        listener(code, signal as NodeJS.Signals | null),
      );
      // A process that could not be forked (no memory, too many processes) raises no `exit`.
      if (worker.process.pid === undefined) worker.process.once('error', () => listener(null, null));
    },
  };
}

/**
 * A child that dies before it has confirmed a handed-over socket never raises `disconnect`, since Node keeps waiting for
 * the confirmation. If `exit` comes before the end of the IPC channel, node:cluster then keeps the worker in
 * `cluster.workers` and its slot's port open with nobody behind it. `close` always comes, after both.
 */
function finishDisconnect(worker: Worker): void {
  let disconnected = false;
  worker.process.once('disconnect', () => {
    disconnected = true;
  });
  worker.process.once('close', () => {
    setImmediate(() => {
      if (!disconnected) worker.process.emit('disconnect');
    });
  });
}
