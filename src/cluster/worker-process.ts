import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { CONTROL } from './control.ts';
import type { IpcChannel } from './ipc.ts';
import { createIpcChannel, type MessagePort } from './ipc-channel.ts';

export interface WorkerProcessDeps {
  readonly slot: number;
  readonly instanceId: string;
  readonly log: Logger;
}

/** The worker's side of its supervisor. */
export interface WorkerProcess {
  readonly slot: number;
  readonly instanceId: string;
  readonly ipc: IpcChannel;
  /** Serves from now on. */
  ready(): void;
  /** Says why this worker cannot serve, then ends the process. */
  failed(message: string): Promise<never>;
  /**
   * What to do when asked to leave; the process ends when it resolves or throws. Whatever has not left by the
   * deadline is killed with the process.
   */
  onDrain(listener: (deadlineMs: number) => Promise<void>): void;
}

/**
 * Once per worker process. When the primary goes away node:cluster ends the process at once. SIGINT and SIGTERM are
 * ignored: Ctrl-C and service managers send them to the whole process group, and only the primary decides who
 * leaves when. A bug ends the process with code 1: its state is not to be trusted, and the primary starts another.
 */
export function openWorkerProcess({ slot, instanceId, log }: WorkerProcessDeps): WorkerProcess {
  let leave: ((deadlineMs: number) => Promise<void>) | undefined;
  const ipc = createIpcChannel(processPort(), { log });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('uncaughtException', (error, origin) => {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    log.fatal({ origin, message, stack }, 'worker ends after a bug');
    process.exit(1);
  });

  async function end(code: number): Promise<never> {
    await ipc.flushed();
    process.exit(code);
  }

  ipc.onNotice(CONTROL.drain, async ({ deadlineMs }) => {
    try {
      await leave?.(deadlineMs);
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
      // The primary kills this process when it has heard. Exiting first could overtake the message.
      await sleep(1_000);
      process.exit(1);
    },
    onDrain(listener) {
      leave = listener;
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
