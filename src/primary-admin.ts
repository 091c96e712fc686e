import { type PrimaryBackend, usesRedis } from './backend/backend.ts';
import { CHAT_MESSAGES } from './chat-messages.ts';
import { type Admin, openAdmin } from './cluster/admin.ts';
import { ADMIN_ANSWER_MS, withinLimit } from './cluster/answer-limit.ts';
import { hostId, hostNameIn } from './cluster/host-id.ts';
import { createHostMetrics, type HostMetrics } from './cluster/host-metrics.ts';
import { createReadiness } from './cluster/readiness.ts';
import type { Reloads } from './cluster/reloads.ts';
import type { Supervisor } from './cluster/supervisor.ts';
import type { Settings } from './config/settings.ts';
import type { EventLog } from './host-view/event-log.ts';
import { openOperatorView } from './host-view/operator-view.ts';
import type { Logger } from './log.ts';
import { createMessageTracing } from './message-tracing.ts';
import type { Sizes } from './sizes.ts';

export interface PrimaryAdminDeps {
  readonly settings: Settings;
  readonly version: string;
  readonly startedAt: number;
  /** Aborted when the host begins to stop. */
  readonly ended: AbortSignal;
  readonly supervisor: Supervisor;
  readonly backend: PrimaryBackend;
  readonly reloads: Pick<Reloads, 'request' | 'status'>;
  /** The sizes of the primary's own collections, for `/status?debug`. */
  readonly sizes: () => Sizes;
  /** The folder of the operator's page. */
  readonly operatorDir: string;
  readonly log: Logger;
}

/** The admin port of a primary, and what it tells of the host. */
export interface PrimaryAdmin {
  readonly metrics: Pick<HostMetrics, 'took' | 'ended' | 'reloaded'>;
  readonly events: Pick<EventLog, 'note' | 'onProcess'>;
  /** Throws the error of the system if the port cannot be opened. */
  listen(): Promise<void>;
  /** Begins to collect what the operator's page shows. */
  collect(): void;
  /** Collects nothing more. The port goes on answering until it is closed. */
  stopCollecting(): void;
  close(): Promise<void>;
}

export async function openPrimaryAdmin(deps: PrimaryAdminDeps): Promise<PrimaryAdmin> {
  const { settings, version, ended, supervisor, backend, reloads, log } = deps;
  const host = hostNameIn(hostId(settings.basePort));
  const primary = { pid: process.pid, version, startedAt: deps.startedAt };
  const metrics = createHostMetrics({
    version,
    workers: supervisor,
    question: CHAT_MESSAGES.metrics,
    cluster: () => withinLimit(backend.recentOverview()),
    store: () => withinLimit(backend.check()),
  });
  const operator = await openOperatorView({
    ...settings,
    operatorDir: deps.operatorDir,
    workerHost: settings.host,
    view: {
      host,
      primary,
      storeKind: usesRedis(settings) ? 'Redis' : 'embedded',
      workers: supervisor,
      totals: metrics.totals,
      store: backend,
    },
    log,
  });
  const readiness = createReadiness({
    workers: supervisor,
    question: CHAT_MESSAGES.readiness,
    checkStore: backend.check,
    warnings: () => backend.warnings,
    awayServers: backend.awayServers,
  });
  let admin: Admin | undefined;

  async function status() {
    const [overview, hosts] = await Promise.all([
      withinLimit(backend.overview()),
      withinLimit(backend.hosts()),
      // It finds the servers that are away.
      withinLimit(backend.check()),
    ]);
    return {
      primary,
      cluster: overview.ok ? overview.value : { error: overview.error },
      store: { away: backend.awayServers() },
      hosts: hosts.ok ? hosts.value : [],
      workers: supervisor.status(),
      reload: reloads.status(),
    };
  }

  /** Sizes of what processes keep, to see what grows. */
  async function debug() {
    const workers = await Promise.all(
      supervisor.withClients().map(async (worker) => {
        const { slot, pid } = worker;
        const answer = await worker.request(CHAT_MESSAGES.sizes, null, ADMIN_ANSWER_MS);
        return { slot, pid, ...(answer.ok ? { sizes: answer.value } : { error: answer.error }) };
      }),
    );
    return { primary: { ...deps.sizes(), metrics: metrics.sizes() }, workers };
  }

  return {
    metrics,
    events: operator.events,
    async listen() {
      admin = await openAdmin({
        host: settings.adminHost,
        port: settings.adminPort,
        log,
        readiness: async () =>
          ended.aborted
            ? { reasons: ['this host is stopping'], warnings: backend.warnings, away: [] }
            : readiness(),
        metrics: metrics.scrape,
        status,
        debug,
        reload: reloads.request,
        page: operator.page,
        explain: createMessageTracing({
          host,
          workers: supervisor,
          hosts: () => withinLimit(backend.hosts()),
        }),
      });
    },
    collect: operator.open,
    stopCollecting: operator.close,
    close: async () => admin?.close(),
  };
}
