import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { MessagePort } from './ipc-channel.ts';

/** A worker process as the supervisor needs it. */
export interface ChildWorker {
  /** Of node:cluster, unique within this primary. */
  readonly id: number;
  readonly pid: number;
  readonly port: MessagePort;
  kill(signal: NodeJS.Signals): void;
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
}

/**
 * New objects get 16 MB from the start, which V8 allows itself at most anyway, instead of as much as proved too little. What
 * somebody needs who comes and soon goes then mostly dies young: with 1,000 joining and leaving a second the 99th percentile
 * of others' messages was 25 to 38 ms with a full collection of 2,500 connections every three seconds, and is 16 to 17.
 */
const YOUNG_SPACE = '--min-semi-space-size=16';

export interface ForkOptions {
  /** The script that workers run and its arguments; by default what the primary runs. */
  readonly exec?: string;
  readonly args?: readonly string[];
  readonly log: Logger;
}

/**
 * Sets node:cluster up, once, and gives what forks a worker. A worker finds its slot and instance id in the
 * environment variables RC_SLOT and RC_INSTANCE_ID (read by main.ts).
 *
 * SCHED_NONE: workers accept from the shared listening handle themselves; handing each connection over IPC would
 * cost the primary and queue behind it. `advanced` serialisation: without it the front
 * door's first bytes of a connection do not arrive as bytes, and the connection hangs.
 */
export function openForks({
  exec,
  args,
  log,
}: ForkOptions): (slot: number, instanceId: string) => ChildWorker {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    serialization: 'advanced',
    // What the operator gave counts: it comes later.
    execArgv: [YOUNG_SPACE, ...process.execArgv],
    ...(exec === undefined ? {} : { exec }),
    ...(args === undefined ? {} : { args: [...args] }),
  });
  return (slot, instanceId) => {
    const worker = cluster.fork({ RC_SLOT: String(slot), RC_INSTANCE_ID: instanceId });
    // A failed send without a callback (the cluster adapter's have none) raises `error`, which would end the primary.
    worker.on('error', (error) => log.warn({ slot, err: error }, 'channel to a worker'));
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
      // A process that could not be made (no memory, too many of them) raises no `exit`.
      if (worker.process.pid === undefined) worker.process.once('error', () => listener(null, null));
    },
  };
}

/**
 * A child that dies before it confirmed a socket handed to it never raises `disconnect`: Node goes on waiting for the
 * confirmation. If its `exit` is seen before the end of its channel, node:cluster then keeps it in `cluster.workers`
 * and its slot's port open with nobody behind it. `close` comes in any case, once both have been seen.
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
