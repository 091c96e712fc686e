import { once } from 'node:events';
import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import { openApiKey } from './backend/api-key.ts';
import { BackendError, type PrimaryBackend } from './backend/backend.ts';
import { openPrimaryBackend } from './backend/open.ts';
import { ROSTER_LOOK_MS } from './chat/roster.ts';
import { type Admin, openAdmin } from './cluster/admin.ts';
import { ADMIN_ANSWER_MS, withinLimit } from './cluster/answer-limit.ts';
import { openForks } from './cluster/child.ts';
import { type Front, openFront } from './cluster/front.ts';
import { hostId } from './cluster/host-id.ts';
import { findPortProblems, isBlockedPort } from './cluster/ports.ts';
import { createReadiness } from './cluster/readiness.ts';
import { createSupervisor, type Supervisor } from './cluster/supervisor.ts';
import type { Settings } from './config/settings.ts';
import { hostInUrl } from './host-names.ts';
import type { Logger } from './log.ts';
import { succeed } from './protocol/codes.ts';
import { PRESENCE_GRACE_MS } from './protocol/limits.ts';
import { TASKS } from './tasks.ts';

export interface PrimaryDeps {
  readonly settings: Settings;
  readonly warnings: readonly string[];
  readonly version: string;
  readonly log: Logger;
  /** Prints the one line on standard output, with the address of the page. */
  readonly announce: (line: string) => void;
  /** Prints for the operator why the primary cannot start. */
  readonly complain: (line: string) => void;
}

/** Runs until it is told to stop; returns the exit code. */
export async function runPrimary(deps: PrimaryDeps): Promise<number> {
  const { settings, log, complain } = deps;
  const startedAt = Date.now();
  for (const warning of [...deps.warnings, ...portWarnings(settings)]) log.warn(warning);
  const taken = await findPortProblems(portClaims(settings));
  if (taken.length > 0) {
    complain(['Roomcast cannot start:', ...taken.map((problem) => `  ${problem}`)].join('\n'));
    return 1;
  }

  let backend: PrimaryBackend;
  try {
    backend = await openPrimaryBackend({ options: settings, host: hostId(settings.basePort), log });
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    complain(`Roomcast cannot start: ${error.message}`);
    return 1;
  }
  for (const warning of backend.warnings) log.warn(warning);
  let apiKey: string | undefined;
  try {
    apiKey = settings.apiKeys.length > 0 ? undefined : await makeApiKey(settings, backend, log);
  } catch (error) {
    await backend.close();
    if (!(error instanceof BackendError)) throw error;
    complain(`Roomcast cannot start: ${error.message}`);
    return 1;
  }

  let exitCode = 0;
  const ended = new AbortController();
  const graceTimers = new Set<NodeJS.Timeout>();
  /** Instances that died while no worker was ready to fence them. */
  const pendingFences = new Set<string>();
  let front: Front | undefined;
  let admin: Admin | undefined;
  const supervisor: Supervisor = createSupervisor({
    workers: settings.workers,
    basePort: settings.basePort,
    fork: openForks({ log }),
    serve(worker) {
      backend.serve(worker);
      if (apiKey !== undefined) worker.onRequest(TASKS.apiKey, () => succeed(apiKey));
    },
    log,
    now: () => performance.now(),
    random: Math.random,
    drainMs: settings.drainS * 1_000,
    onWorkerGone: fenceAndReap,
    onServing(workerId, serving) {
      front?.serving(workerId, serving);
      const survivor = supervisor.pick();
      if (!survivor) return;
      for (const instanceId of pendingFences) survivor.notify(TASKS.fence, { instanceId });
      pendingFences.clear();
    },
  });

  function fenceAndReap(instanceId: string): void {
    const survivor = supervisor.pick();
    if (survivor) survivor.notify(TASKS.fence, { instanceId });
    else pendingFences.add(instanceId);
    // Its clients reconnect to other workers meanwhile. A user who is back within the grace time never left.
    const grace = setTimeout(() => {
      graceTimers.delete(grace);
      supervisor.pick()?.notify(TASKS.reap, { instanceId });
    }, PRESENCE_GRACE_MS);
    graceTimers.add(grace);
  }
  for (const instanceId of backend.predecessors) fenceAndReap(instanceId);

  async function stop(): Promise<void> {
    clearInterval(reaping);
    for (const grace of graceTimers) clearTimeout(grace);
    await supervisor.stop();
    // Last: polling clients fetch their `bye` through the front door.
    await front?.close();
    await admin?.close();
    await backend.close();
  }
  const reaping = setInterval(() => supervisor.pick()?.notify(TASKS.reapExpired, null), ROSTER_LOOK_MS);

  const signals = listenToSignals({
    // A second signal cuts the drain short.
    onEnd: () => (ended.signal.aborted ? void supervisor.stop() : ended.abort()),
    async onReload() {
      const reloaded = await supervisor.reload();
      if (reloaded.ok) log.info('reloaded: every slot has a new worker');
      else log.error({ reason: reloaded.error.message }, 'reload stopped early; the other workers stay');
    },
  });
  try {
    // The front door's module must see every fork.
    if (settings.front)
      front = await openFront({
        host: settings.host,
        port: settings.port,
        log,
        now: () => performance.now(),
      });
    const started = await Promise.race([supervisor.start(), once(ended.signal, 'abort')]);
    if ('ok' in started && !started.ok) {
      complain(`Roomcast cannot start: ${started.error.message}`);
      exitCode = 1;
    } else if (!ended.signal.aborted) {
      admin = await openAdmin({
        host: settings.adminHost,
        port: settings.adminPort,
        log,
        readiness: createReadiness({
          workers: supervisor,
          question: TASKS.readiness,
          checkStore: backend.check,
          warnings: backend.warnings,
        }),
        metrics: () => mergedMetrics(supervisor),
        status: () => status(deps, startedAt, supervisor, backend),
      });
      deps.announce(`Roomcast is ready: ${pageAddress(settings)}`);
      log.info({ workers: settings.workers, pid: process.pid }, 'ready');
      if (!ended.signal.aborted) await once(ended.signal, 'abort');
      log.info('stopping');
    }
  } catch (error) {
    // Another process took the port after the check.
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall !== 'listen') throw error;
    complain(`Roomcast cannot start: ${message}`);
    exitCode = 1;
  } finally {
    await stop();
    signals.close();
  }
  log.info('stopped');
  return exitCode;
}

async function makeApiKey({ dataDir }: Settings, backend: PrimaryBackend, log: Logger): Promise<string> {
  const { key, path, problem } = await openApiKey({ dataDir, backend });
  if (problem === undefined)
    log.info({ path }, 'API_KEYS is not set: the key of the HTTP API is in this file');
  else
    log.warn(
      { path, problem },
      'the key of the HTTP API cannot be written to its file: set API_KEYS or DATA_DIR',
    );
  return key;
}

function portClaims(settings: Settings) {
  const { host } = settings;
  const workers = Array.from({ length: settings.workers }, (_, slot) => ({
    name: `port of slot ${slot} (BASE_PORT + ${slot})`,
    host,
    port: settings.basePort + slot,
  }));
  const front = settings.front ? [{ name: 'PORT', host, port: settings.port }] : [];
  return [...front, { name: 'ADMIN_PORT', host: settings.adminHost, port: settings.adminPort }, ...workers];
}

function portWarnings(settings: Settings): string[] {
  return portClaims(settings)
    .filter(({ port }) => isBlockedPort(port))
    .map(({ name, port }) => `${name} ${port} is on the list of ports that browsers refuse to connect to`);
}

async function mergedMetrics(supervisor: Supervisor) {
  const workers = supervisor.withClients();
  const answers = await Promise.all(
    workers.map((worker) => worker.request(TASKS.metrics, null, ADMIN_ANSWER_MS)),
  );
  const answered = new Set(workers.filter((_, index) => answers[index]?.ok).map(({ slot }) => slot));
  const own = new Registry();
  const up = new Gauge({
    name: 'roomcast_worker_up',
    help: '0 while the numbers of this slot’s worker are missing here: it hangs, starts or does not run',
    labelNames: ['slot'] as const,
    registers: [own],
  });
  for (const { slot } of supervisor.status()) up.set({ slot }, answered.has(slot) ? 1 : 0);
  const merged = AggregatorRegistry.aggregate([
    await own.getMetricsAsJSON(),
    ...answers.flatMap((answer) => (answer.ok ? [answer.value] : [])),
  ]);
  return { contentType: merged.contentType, text: await merged.metrics() };
}

async function status(deps: PrimaryDeps, startedAt: number, supervisor: Supervisor, backend: PrimaryBackend) {
  const overview = await withinLimit(backend.overview());
  return {
    primary: { pid: process.pid, version: deps.version, startedAt },
    cluster: overview.ok ? overview.value : { error: overview.error },
    workers: supervisor.status(),
  };
}

/** The address of the page for the operator's browser. */
function pageAddress({ host, front, port, basePort, workers }: Settings): string {
  const everywhere = ['0.0.0.0', '0', '::'].includes(host);
  const name = everywhere ? 'localhost' : hostInUrl(host);
  if (front) return `http://${name}:${port}/`;
  const last = basePort + workers - 1;
  return `http://${name}:${basePort}/${workers > 1 ? ` (and up to port ${last})` : ''}`;
}

function listenToSignals({ onEnd, onReload }: { onEnd: () => void; onReload: () => void | Promise<void> }) {
  process.on('SIGTERM', onEnd).on('SIGINT', onEnd).on('SIGHUP', onReload);
  return {
    close: () => void process.off('SIGTERM', onEnd).off('SIGINT', onEnd).off('SIGHUP', onReload),
  };
}
