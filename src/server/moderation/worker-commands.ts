import type { Logger } from 'pino';
import type { ChatNamespace } from '../socket-types.ts';

/** A worker that is frozen, or was killed just now, keeps nobody waiting longer. */
const PATIENCE_MS = 1_000;

export interface WorkerCommandsDeps<T> {
  readonly namespaces: readonly ChatNamespace[];
  /** Between workers only: Socket.IO never hands a client's events to the namespace. */
  readonly event: string;
  readonly carryOut: (nsp: ChatNamespace, command: T) => Promise<unknown>;
  readonly log: Logger;
}

/** Answers once every worker of every host has done in that namespace what was ordered, or after a second. */
export type CommandWorkers<T> = (nsp: string, command: T) => Promise<void>;

export function createWorkerCommands<T>(deps: WorkerCommandsDeps<T>): CommandWorkers<T> {
  const { namespaces, event, carryOut, log } = deps;
  const served = new Map(namespaces.map((nsp) => [nsp.name, nsp]));

  async function follow(nsp: ChatNamespace, command: T): Promise<void> {
    try {
      await carryOut(nsp, command);
    } catch (error) {
      log.error({ event, err: error }, 'what an operator ordered could not be carried out');
    }
  }

  /** Typed as what clients send, which this is not. */
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
        // The adapter knows of no other server just now, and sent nothing: there may be some.
        if (!failed && replies.length === 0) nsp.serverSideEmit(event, command);
        resolve();
      });
    });
    await Promise.race([Promise.all([others, follow(nsp, command)]), patience]);
    clearTimeout(timer);
  };
}
