import type { IpcChannel, WorkerIpc } from '../../src/cluster/ipc.ts';
import { createIpcChannel } from '../../src/cluster/ipc-channel.ts';
import { IPC_VERSIONS } from '../../src/cluster/ipc-versions.ts';
import { createPortPair } from '../cluster/fake-port.ts';
import { silentLog } from '../cluster/silent-log.ts';

export interface IpcPair {
  /** What the worker holds. */
  readonly primary: IpcChannel;
  /** What the primary holds. */
  readonly worker: WorkerIpc;
  /** As if the process at the other end of each were gone. */
  cut(): void;
}

/** A worker and its primary within one process, with the real IPC channel between them. */
export function createIpcPair(slot: number, instanceId: string): IpcPair {
  const [atWorker, atPrimary] = createPortPair();
  return {
    primary: createIpcChannel(atWorker, { log: silentLog, theirVersions: IPC_VERSIONS }),
    worker: { ...createIpcChannel(atPrimary, { log: silentLog }), slot, pid: 1, instanceId },
    cut() {
      atWorker.close();
      atPrimary.close();
    },
  };
}
