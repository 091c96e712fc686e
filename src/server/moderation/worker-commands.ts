import type { Logger } from 'pino';
import type { ChatNamespace } from '../socket-types.ts';

/** The longest wait for a worker that is frozen or was just killed. */
const TIMEOUT_MS = 1_000;

export interface WorkerCommandsDeps<T> {
  readonly namespaces: readonly ChatNamespace[];
  /** Between workers only: Socket.IO never hands a client's events to the namespace. */
  readonly event: string;
  readonly carryOut: (nsp: ChatNamespace, command: T) => Promise<unknown>;
  readonly log: Logger;
}

/** Resolves once every worker of every host has carried out the command in that namespace, or after a second. */
export type CommandWorkers<T> = (nsp: string, command: T) => Promise<void>;

export function createWorkerCommands<T>(deps: WorkerCommandsDeps<T>): CommandWorkers<T> {
  const { namespaces, event, carryOut, log } = deps;
  const served = new Map(namespaces.map((nsp) => [nsp.name, nsp]));

  async function execute(nsp: ChatNamespace, command: T): Promise<void> {
    try {
      await carryOut(nsp, command);
    } catch (error) {
      log.error({ event, err: error }, 'a command of an operator failed');
    }
  }

  /** Casts, because Socket.IO types this as a client's event. */
  function listen(nsp: ChatNamespace, listener: (command: T, done?: () => void) => void): void {
    nsp.on(event as never, listener as never);
  }

  for (const nsp of namespaces) listen(nsp, (command, done) => void execute(nsp, command).then(done));

  return async (name, command) => {
    const nsp = served.get(name);
    if (!nsp) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, TIMEOUT_MS);
    });
    const others = new Promise<void>((resolve) => {
      nsp.serverSideEmit(event, command, (failed: Error | null, replies: readonly unknown[]) => {
        // The adapter knows no other server yet and sent nothing, though there may be some.
        if (!failed && replies.length === 0) nsp.serverSideEmit(event, command);
        resolve();
      });
    });
    await Promise.race([Promise.all([others, execute(nsp, command)]), timeout]);
    clearTimeout(timer);
  };
}
