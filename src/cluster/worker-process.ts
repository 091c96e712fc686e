import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Sized } from '../sizes.ts';
import { CONTROL, type DrainOrder } from './control.ts';
import type { IpcChannel } from './ipc.ts';
import { createIpcChannel, type MessagePort } from './ipc-channel.ts';
import type { IpcVersions } from './ipc-versions.ts';

export interface WorkerProcessDeps {
  readonly slot: number;
  readonly instanceId: string;
  readonly primaryVersions: IpcVersions;
  readonly log: Logger;
}

/** The worker's side of its supervisor. */
export interface WorkerProcess {
  readonly slot: number;
  readonly instanceId: string;
  readonly ipc: IpcChannel & Sized;
  /** Reports that this worker serves from now on. */
  ready(): void;
  /** Reports why this worker cannot serve, then ends the process. */
  failed(message: string): Promise<never>;
  onDrain(handlers: DrainHandlers): void;
}

export interface DrainHandlers {
  /**
   * Called when the supervisor drains this worker; the process ends when the promise resolves or rejects. The supervisor
   * kills a process that is late.
   */
  drain(order: DrainOrder): Promise<void>;
  /** A stricter order for the drain that runs: the host stops during a reload. */
  tighten(order: DrainOrder): void;
}

/**
 * Call it once per worker process. When the primary goes away, node:cluster ends the process at once. The worker ignores
 * SIGINT and SIGTERM: Ctrl-C and service managers send them to the whole process group, and the primary alone decides
 * which worker drains when. A bug ends the process with code 1, since its state cannot be trusted; the primary respawns
 * it.
 */
export function openWorkerProcess(deps: WorkerProcessDeps): WorkerProcess {
  const { slot, instanceId, primaryVersions, log } = deps;
  let handlers: DrainHandlers | undefined;
  let draining = false;
  const ipc = createIpcChannel(processPort(), { log, theirVersions: primaryVersions });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('uncaughtException', (error, origin) => {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    log.fatal({ origin, message, stack }, 'the worker ends after an uncaught exception');
    process.exit(1);
  });

  async function end(code: number): Promise<never> {
    await ipc.flushed();
    process.exit(code);
  }

  ipc.onNotice(CONTROL.drain, async (order) => {
    if (draining) {
      handlers?.tighten(order);
      return;
    }
    draining = true;
    try {
      await handlers?.drain(order);
      await end(0);
    } catch (error) {
      log.error({ err: error }, 'drain failed');
      await end(1);
    }
  });

  return {
    slot,
    instanceId,
    ipc,
    ready: () => ipc.notify(CONTROL.ready, null),
    async failed(message) {
      ipc.notify(CONTROL.failed, { message });
      await ipc.flushed();
      // The primary kills this process when it has the message. An exit could overtake it.
      await sleep(1_000);
      process.exit(1);
    },
    onDrain(given) {
      handlers = given;
    },
  };
}

function processPort(): MessagePort {
  if (!process.send) throw new Error('not a worker: this process was not forked');
  return {
    send: (message, callback) => process.send?.(message, undefined, undefined, callback),
    onMessage: (listener) => process.on('message', listener),
    onClose: (listener) => process.on('disconnect', listener),
  };
}
