import { setTimeout as pause } from 'node:timers/promises';
import type { PrimaryBackend } from './backend/backend.ts';
import { CHAT_MESSAGES } from './chat-messages.ts';
import { openForks } from './cluster/child.ts';
import type { Refuge } from './cluster/control.ts';
import { processorMs } from './cluster/event-loop.ts';
import { type Front, openFront } from './cluster/front.ts';
import { createIdleCollection, openGarbageCollector } from './cluster/idle-collection.ts';
import { connectionsWithin } from './cluster/open-connections.ts';
import { findPortProblems, isBlockedPort, portClaimsOf } from './cluster/ports.ts';
import { createReloads } from './cluster/reloads.ts';
import { aborted, type Signals } from './cluster/signals.ts';
import { createSupervisor, type Supervisor } from './cluster/supervisor.ts';
import type { Settings } from './config/settings.ts';
import { createDeadInstances } from './dead-instances.ts';
import { hostInUrl } from './host-names.ts';
import type { Logger } from './log.ts';
import { openPrimaryAdmin } from './primary-admin.ts';
import { openPrimaryStore } from './primary-store.ts';
import { succeed } from './protocol/codes.ts';
import type { Sized } from './sizes.ts';

/** A stop does not wait longer for a store that does not answer. */
const OVERVIEW_MS = 1_000;
const IDLE_CHECK_MS = 1_000;

export interface PrimaryDeps {
  readonly settings: Settings;
  readonly signals: Signals;
  readonly warnings: readonly string[];
  readonly version: string;
  /** The files that this process may open; undefined if there is no limit. */
  readonly openFiles: number | undefined;
  readonly log: Logger;
  /** The folder of the operator's page. */
  readonly operatorDir: string;
  /** Prints the one line on standard output, with the address of the page. */
  readonly announce: (line: string) => void;
  /** Prints for the operator why the primary cannot start. */
  readonly complain: (line: string) => void;
}

/** Runs until it is told to stop; returns the exit code. */
export async function runPrimary(deps: PrimaryDeps): Promise<number> {
  const { settings, signals, log, complain } = deps;
  const { ended } = signals;
  const startedAt = Date.now();
  for (const warning of [...deps.warnings, ...portWarnings(settings)]) log.warn(warning);
  const taken = await findPortProblems(portClaimsOf(settings));
  if (taken.length > 0) {
    complain(['Roomcast cannot start:', ...taken.map((problem) => `  ${problem}`)].join('\n'));
    return 1;
  }

  const store = await openPrimaryStore(deps);
  if (typeof store === 'number') return store;
  const { backend, apiKey } = store;

  let exitCode = 0;
  let wasReady = false;
  let front: (Front & Sized) | undefined;
  const supervisor: Supervisor & Sized = createSupervisor({
    workers: settings.workers,
    basePort: settings.basePort,
    fork: openForks({ log }),
    serve(worker) {
      backend.serve(worker);
      worker.onNotice(CHAT_MESSAGES.totals, (totals) => admin.metrics.took(worker.instanceId, totals));
      if (apiKey !== undefined) worker.onRequest(CHAT_MESSAGES.apiKey, () => succeed(apiKey));
    },
    log,
    now: () => performance.now(),
    random: Math.random,
    drainMs: settings.drainS * 1_000,
    onWorkerGone(instanceId, reason) {
      admin.metrics.ended(instanceId, reason);
      deadInstances.add(instanceId);
    },
    // Its users would be told gone before it is killed, and come again on its successor.
    onWorkerSilent: (instanceId) => void backend.vouchFor(instanceId),
    onProcess: (event) => admin.events.onProcess(event),
    onServing(workerId, serving) {
      front?.serving(workerId, serving);
      deadInstances.onServing();
    },
  });
  const reloads = createReloads({
    reload: supervisor.reload,
    onEnded(ok) {
      admin.metrics.reloaded(ok);
      admin.events.note(
        ok ? 'info' : 'error',
        ok ? 'reload: every slot has a new worker' : 'reload ended early',
      );
    },
    onRunning(running) {
      front?.renewing(running);
      if (running) admin.events.note('info', 'reload begins');
    },
    now: Date.now,
    log,
  });

  const admin = await openPrimaryAdmin({
    ...deps,
    startedAt,
    ended,
    supervisor,
    backend,
    reloads,
    sizes: () => ({
      supervisor: supervisor.sizes(),
      deadInstances: deadInstances.sizes(),
      backend: backend.sizes(),
      ...(front && { front: front.sizes() }),
    }),
  });
  const idleCollection = openIdleCollection(supervisor);
  const deadInstances = createDeadInstances({ pick: supervisor.pick });
  for (const instanceId of backend.predecessors) deadInstances.add(instanceId);

  /** First not ready, then the listeners, then the clients: a proxy that has looked away meets no closed port. */
  async function stop(): Promise<void> {
    reloads.close();
    admin.stopCollecting();
    if (wasReady) {
      supervisor.leave();
      await pause(settings.drainDelayS * 1_000, undefined, { signal: hurry.signal }).catch(() => {});
    }
    deadInstances.close();
    await supervisor.stop(await refugeOf(backend));
    // Last: polling clients fetch their `bye` through the front door.
    await front?.close();
    await admin.close();
    await backend.close();
  }

  const hurry = new AbortController();
  signals.handle({
    onEndAgain() {
      hurry.abort();
      supervisor.kill();
    },
    onReload() {
      const requested = reloads.request();
      if (!requested.ok) log.info({ reason: requested.error.message }, 'SIGHUP is ignored');
    },
  });
  try {
    // The front door's module must see every fork.
    if (settings.front) {
      const { host, port } = settings;
      front = await openFront({
        host,
        port,
        mostConnections: connectionsWithin(deps.openFiles),
        log,
        now: () => performance.now(),
      });
    }
    const started = await Promise.race([supervisor.start(), aborted(ended)]);
    if (started !== 'aborted' && !started.ok) {
      complain(`Roomcast cannot start: ${started.error.message}`);
      exitCode = 1;
    } else if (!ended.aborted) {
      await admin.listen();
      deps.announce(`Roomcast is ready: ${pageAddress(settings)}`);
      log.info({ workers: settings.workers, pid: process.pid }, 'ready');
      wasReady = true;
      reloads.open();
      admin.collect();
      admin.events.note('info', `Roomcast ${deps.version} is ready`);
      setInterval(idleCollection.check, IDLE_CHECK_MS).unref();
      await aborted(ended);
      log.info('stopping');
      admin.events.note('info', 'the host is stopping');
    }
  } catch (error) {
    // Another process took the port after the check.
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall !== 'listen') throw error;
    complain(`Roomcast cannot start: ${message}`);
    exitCode = 1;
  } finally {
    await stop();
  }
  log.info('stopped');
  return exitCode;
}

/** The host is idle while no worker has a client. */
function openIdleCollection(supervisor: Supervisor) {
  return createIdleCollection({
    clients: () => supervisor.status().reduce((sum, { clients }) => sum + clients, 0),
    cpuMs: processorMs,
    collect: openGarbageCollector(),
  });
}

function portWarnings(settings: Settings): string[] {
  return portClaimsOf(settings)
    .filter(({ port }) => isBlockedPort(port))
    .map(({ name, port }) => `${name} ${port} is on the list of ports that browsers refuse to connect to`);
}

/** The address of the page for the operator's browser. */
function pageAddress({ host, front, port, basePort, workers }: Settings): string {
  const everywhere = ['0.0.0.0', '0', '::'].includes(host);
  const name = everywhere ? 'localhost' : hostInUrl(host);
  if (front) return `http://${name}:${port}/`;
  const last = basePort + workers - 1;
  return `http://${name}:${basePort}/${workers > 1 ? ` (and up to port ${last})` : ''}`;
}

/** Finds the workers that take over this host's clients when it stops. */
async function refugeOf(backend: PrimaryBackend): Promise<Refuge> {
  const overview = await Promise.race([backend.overview(), pause(OVERVIEW_MS)]);
  return overview?.ok && overview.value.hosts > 1 ? 'elsewhere' : 'nowhere';
}
