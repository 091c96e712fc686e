import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Supervisor } from '../cluster/supervisor.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { type PageFiles, readPageFiles } from './page-files.ts';
import { operatorRoutes } from './routes.ts';
import { createHostViews, type HostViewsDeps } from './views.ts';
import { createWorkerApi } from './worker-api.ts';

export interface OperatorViewDeps {
  /** The folder of the built page. */
  readonly operatorDir: string;
  readonly adminHost: string;
  /** The address that the workers listen on; slot i has `basePort + i`. */
  readonly workerHost: string;
  readonly basePort: number;
  readonly view: Omit<HostViewsDeps, 'events' | 'now' | 'elapsedMs' | 'log' | 'workers'> & {
    readonly workers: HostViewsDeps['workers'] & Pick<Supervisor, 'pick'>;
  };
  readonly log: Logger;
}

/** The operator's page of a primary, and what it shows. */
export interface OperatorView {
  readonly events: EventLog;
  /** Undefined if its files are not there. */
  readonly page: ((app: FastifyInstance) => Promise<void>) | undefined;
  /** Begins to collect what the page shows. */
  open(): void;
  close(): void;
}

export async function openOperatorView(deps: OperatorViewDeps): Promise<OperatorView> {
  const { operatorDir, adminHost, workerHost, basePort, log } = deps;
  const { workers } = deps.view;
  const events = createEventLog({ now: Date.now });
  const views = createHostViews({
    ...deps.view,
    events,
    now: Date.now,
    elapsedMs: () => performance.now(),
    log,
  });
  const api = createWorkerApi({
    host: workerHost,
    port() {
      const worker = workers.pick();
      return worker && basePort + worker.slot;
    },
  });
  const files = await readOrWarn(operatorDir, log);
  return {
    events,
    page: files && operatorRoutes({ adminHost, files, view: views.view, api }),
    open: views.open,
    close: views.close,
  };
}

/** Without the page the chat serves all the same. */
async function readOrWarn(dir: string, log: Logger): Promise<PageFiles | undefined> {
  try {
    return await readPageFiles(dir);
  } catch (error) {
    log.warn({ err: error }, 'the admin port has no page: its files cannot be read');
    return undefined;
  }
}
