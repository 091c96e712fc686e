import type { Logger } from 'pino';
import type { Sized } from '../sizes.ts';
import type { ChildWorker } from './child.ts';
import { CONTROL, type DrainOrder, type WorkerCounts } from './control.ts';
import { createDrainOrders } from './drain-orders.ts';
import type { WorkerIpc } from './ipc.ts';
import { createIpcChannel } from './ipc-channel.ts';
import { IPC_VERSIONS, showVersions } from './ipc-versions.ts';
import { createSilenceWatch } from './silence-watch.ts';

/** A worker that is not ready by then hangs, and is replaced. */
const READY_LIMIT_MS = 30_000;

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wasReady: boolean;
  readonly servedMs: number;
  readonly reason: 'start' | 'hung' | 'crash';
  /** Why it ended, for the operator. */
  readonly cause: string;
}

export interface WorkerHandleDeps {
  readonly slot: number;
  readonly instanceId: string;
  readonly child: ChildWorker;
  readonly log: Logger;
  readonly now: () => number;
  /** Registers handlers before the worker can have sent a request. */
  readonly serve: (worker: WorkerIpc) => void;
  readonly onChange: () => void;
  readonly onReady: () => void;
  /** So many clients have connected. */
  readonly onConnected: (count: number) => void;
  /** It has not reported for seconds, and reports again or is killed soon. Called twice a second. */
  readonly onSilent: () => void;
  readonly onFailed: (message: string) => void;
  readonly onGone: (departure: WorkerExit) => void;
}

/**
 * The primary's view of one worker process: `starting` → `ready` ⇄ `suspect` → `draining` → `gone`, each step may be skipped.
 * A suspect worker has not reported its counts for 3 s. After 10 s it is killed, since nothing it does can be trusted to end.
 */
export interface WorkerHandle {
  readonly id: number;
  readonly pid: number;
  readonly instanceId: string;
  readonly ipc: WorkerIpc & Sized;
  readonly state: 'starting' | 'ready' | 'suspect' | 'draining' | 'gone';
  readonly counts: WorkerCounts;
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  /** Passes the order on. A draining worker gets what is stricter in it: a sooner end, or fewer places to go to. */
  drain(order: DrainOrder): void;
  kill(): void;
}

export function createWorkerHandle(deps: WorkerHandleDeps): WorkerHandle {
  const { slot, instanceId, child, log, now } = deps;
  const { pid } = child;
  let state: WorkerHandle['state'] = 'starting';
  let counts: WorkerCounts = { clients: 0, rooms: 0, loopDelayMs: 0, rssBytes: 0 };
  let readySince: number | undefined;
  let failure: string | undefined;

  const fail = (message: string) => {
    if (state === 'gone' || failure !== undefined) return;
    failure = message;
    log.error({ slot, pid: child.pid }, `worker failed: ${message}`);
    deps.onFailed(message);
    child.kill('SIGKILL');
  };

  const ipc: WorkerIpc & Sized = {
    ...createIpcChannel(child.port, {
      log,
      onForeignVersions: (theirs) =>
        fail(
          `it speaks version ${showVersions(theirs)} of the messages between processes, this primary ${showVersions(IPC_VERSIONS)}; restart the primary`,
        ),
    }),
    slot,
    pid,
    instanceId,
  };

  let killedBecause: string | undefined;
  const killBecause = (cause: string) => {
    killedBecause ??= cause;
    log.error({ slot, pid: child.pid }, `worker killed: ${cause}`);
    child.kill('SIGKILL');
  };

  let killed = false;
  const readyLimit = setTimeout(() => killBecause(`not ready within ${READY_LIMIT_MS} ms`), READY_LIMIT_MS);

  const drainOrders = createDrainOrders({
    now,
    send: (order) => ipc.notify(CONTROL.drain, order),
    onOverdue() {
      log.warn({ slot, pid: child.pid }, 'worker did not exit in time; killed');
      child.kill('SIGKILL');
    },
  });

  const silence = createSilenceWatch({
    now,
    onSuspect() {
      if (state !== 'ready') return;
      state = 'suspect';
      log.warn({ slot, pid: child.pid }, 'the worker does not report: it gets no new clients');
      deps.onChange();
    },
    onSilent: deps.onSilent,
    onHung: () => killBecause('it hung: no report for 10 s'),
  });

  ipc.onNotice(CONTROL.ready, () => {
    if (state !== 'starting' || killed) return;
    clearTimeout(readyLimit);
    state = 'ready';
    readySince = now();
    silence.start();
    log.info({ slot, pid: child.pid }, 'worker ready');
    deps.onReady();
    deps.onChange();
  });
  ipc.onNotice(CONTROL.failed, ({ message }) => fail(message));
  ipc.onNotice(CONTROL.counts, (body) => {
    counts = body;
    silence.heard();
    if (state === 'suspect') {
      state = 'ready';
      log.info({ slot, pid: child.pid }, 'the worker reports again');
    }
    deps.onChange();
  });
  const step = (by: number) => {
    counts = { ...counts, clients: Math.max(0, counts.clients + by) };
    deps.onChange();
  };
  ipc.onNotice(CONTROL.clientConnect, ({ count }) => {
    step(count);
    if (state === 'ready') deps.onConnected(count);
  });
  ipc.onNotice(CONTROL.clientDisconnect, ({ count }) => step(-count));
  deps.serve(ipc);

  let ended = () => {};
  const gone = new Promise<void>((resolve) => {
    ended = resolve;
  });
  child.onExit((code, signal) => {
    clearTimeout(readyLimit);
    drainOrders.end();
    silence.stop();
    state = 'gone';
    counts = { ...counts, clients: 0, rooms: 0 };
    const servedMs = readySince === undefined ? 0 : now() - readySince;
    const cause = failure ?? killedBecause ?? endOf(code, signal);
    const wasReady = readySince !== undefined;
    const reason = wasReady ? (killedBecause === undefined ? 'crash' : 'hung') : 'start';
    deps.onGone({ code, signal, wasReady, servedMs, reason, cause });
    deps.onChange();
    ended();
  });

  return {
    id: child.id,
    pid: child.pid,
    instanceId,
    ipc,
    get state() {
      return state;
    },
    get counts() {
      return counts;
    },
    gone,
    drain(order) {
      if (state === 'gone') return;
      if (state === 'draining') {
        drainOrders.tighten(order);
        return;
      }
      // It has no clients yet. A process that does not listen yet loses the notice, and the stop would take the whole
      // drain time.
      const isDeaf = state === 'starting';
      state = 'draining';
      clearTimeout(readyLimit);
      if (isDeaf) {
        child.kill('SIGKILL');
        return;
      }
      drainOrders.begin(order);
      deps.onChange();
    },
    kill() {
      killed = true;
      if (state !== 'gone') child.kill('SIGKILL');
    },
  };
}

/** node:cluster reports neither for a process that could not be started. */
function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? 'no process: it could not be started' : `exit code ${code}`;
}
