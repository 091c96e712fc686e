import type { Logger } from 'pino';
import type { ChatNamespace } from '../socket-types.ts';

/** The longest wait for a worker that is frozen or was just killed. */
const PATIENCE_MS = 1_000;

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

  async function follow(nsp: ChatNamespace, command: T): Promise<void> {
    try {
      await carryOut(nsp, command);
    } catch (error) {
      log.error({ event, err: error }, 'a command of an operator failed');
    }
  }

  /** Socket.IO types it as a client's event, which it is not. */
  function hear(nsp: ChatNamespace, listener: (command: T, done?: () => void) => void): void {
    nsp.on(event as never, listener as never);
  }

  for (const nsp of namespaces) hear(nsp, (command, done) => void follow(nsp, command).then(done));

  return async (name, command) => {
    const nsp = served.get(name);
    if (!nsp) return;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    const others = new Promise<void>((resolve) => {
      nsp.serverSideEmit(event, command, (failed: Error | null, replies: readonly unknown[]) => {
        // The adapter knows of no other server yet and sent nothing, though there may be some.
        if (!failed && replies.length === 0) nsp.serverSideEmit(event, command);
        resolve();
      });
    });
    await Promise.race([Promise.all([others, follow(nsp, command)]), patience]);
    clearTimeout(timer);
  };
}
