import { EventEmitter } from 'node:events';
import type { ChildWorker } from '../../src/cluster/child.ts';
import { CONTROL, type WorkerCounts } from '../../src/cluster/control.ts';
import { createIpcChannel, type MessagePort } from '../../src/cluster/ipc-channel.ts';
import { IPC_VERSIONS } from '../../src/cluster/ipc-versions.ts';
import { silentLog } from './silent-log.ts';

export interface FakePort extends MessagePort {
  /** Ends this end only, as the death of the other process does. */
  close(): void;
  /** From now on every send fails with this. */
  fail(error: Error): void;
  /** What was sent through this end, in order. */
  readonly sent: unknown[];
  /** As if the other end had sent it. */
  receive(message: unknown): void;
}

/** Two ends that keep order, clone what they carry and deliver in a later turn, as IPC does. */
export function createPortPair(): [FakePort, FakePort] {
  const ends = [new EventEmitter(), new EventEmitter()] as const;
  const open = [true, true];
  const createEnd = (own: 0 | 1): FakePort => {
    const other = own === 0 ? 1 : 0;
    let broken: Error | null = null;
    const sent: unknown[] = [];
    return {
      sent,
      send(message, callback) {
        const copy = structuredClone(message);
        sent.push(copy);
        queueMicrotask(() => {
          if (!broken && open[other]) ends[other].emit('message', copy);
          callback(broken);
        });
      },
      onMessage: (listener) => ends[own].on('message', listener),
      onClose: (listener) => ends[own].on('close', listener),
      close() {
        open[own] = false;
        ends[own].emit('close');
      },
      fail(error) {
        broken = error;
      },
      receive: (message) => ends[own].emit('message', message),
    };
  };
  return [createEnd(0), createEnd(1)];
}

/** A worker process that a test plays: it has the worker's end of the IPC channel and dies on command. */
export interface FakeWorker {
  readonly slot: number;
  readonly instanceId: string;
  readonly pid: number;
  readonly ipc: ReturnType<typeof createIpcChannel>;
  readonly port: FakePort;
  readonly signals: string[];
  readonly alive: boolean;
  /** It hangs from now on, as a stopped process does, or goes on. */
  hang(hanging: boolean): void;
  exit(code: number | null, signal?: NodeJS.Signals): void;
}

/** Forks fake workers; SIGKILL ends them at once. */
export function createFakeForks(): {
  fork(slot: number, instanceId: string): ChildWorker;
  all: FakeWorker[];
} {
  const all: FakeWorker[] = [];
  return {
    all,
    fork(slot, instanceId) {
      const [primary, worker] = createPortPair();
      const exits = new EventEmitter();
      const id = all.length + 1;
      let alive = true;
      const signals: string[] = [];
      const ipc = createIpcChannel(worker, { log: silentLog, theirVersions: IPC_VERSIONS });
      let hanging = false;
      let counts: WorkerCounts = { clients: 0, rooms: 0, loopDelayMs: 0, rssBytes: 0 };
      const reporting = setInterval(() => {
        if (!hanging) ipc.notify(CONTROL.counts, counts);
      }, 1_000);
      reporting.unref();
      const exit = (code: number | null, signal: NodeJS.Signals | null = null) => {
        if (!alive) return;
        alive = false;
        clearInterval(reporting);
        exits.emit('exit', code, signal);
        primary.close();
      };
      all.push({
        slot,
        instanceId,
        pid: 1000 + id,
        ipc: {
          ...ipc,
          notify(kind, body) {
            const step = (body as { count?: number } | null)?.count ?? 0;
            if (kind === CONTROL.counts) counts = body as unknown as WorkerCounts;
            if (kind === CONTROL.clientConnect) counts = { ...counts, clients: counts.clients + step };
            if (kind === CONTROL.clientDisconnect)
              counts = { ...counts, clients: Math.max(0, counts.clients - step) };
            ipc.notify(kind, body as never);
          },
        },
        port: worker,
        signals,
        get alive() {
          return alive;
        },
        hang(now) {
          hanging = now;
        },
        exit,
      });
      return {
        id,
        pid: 1000 + id,
        port: primary,
        kill(signal) {
          signals.push(signal);
          if (signal === 'SIGKILL') queueMicrotask(() => exit(null, signal));
        },
        onExit: (listener) => exits.on('exit', listener),
      };
    },
  };
}
