import { createConnectQueue, createOpenQueue } from '../../chat/connect-queue.ts';
import { hostNameIn } from '../../cluster/host-id.ts';
import type { WorkerIpc } from '../../cluster/ipc.ts';
import { type Served, serveServices } from '../../cluster/ipc-services.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { PrimaryBackend, PrimaryBackendDeps } from '../backend.ts';
import { watchWarnings } from '../warnings.ts';
import { openDataDir } from './data-dir.ts';
import { noteUse } from './moved-away.ts';
import { createOpenings } from './opening.ts';
import { createInstanceRoster } from './roster.ts';
import { createRosterService } from './roster-service.ts';
import { recordSettings } from './served-settings.ts';
import { BUS, type PrimaryServices } from './services.ts';
import { createStore } from './store.ts';
import { eraseFreedApart } from './store-copy.ts';
import { createSubscribers } from './subscribers.ts';

/** Reads honour the TTLs themselves; the cleanup only frees the disk. */
const CLEAN_UP_EVERY_MS = 300_000;
const STOPPING = refuse('unavailable', 'the primary is stopping', 1_000);

/** The primary of embedded mode: the only writer of DATA_DIR, the bus of the workers and their roster. */
export async function openEmbeddedPrimary(deps: PrimaryBackendDeps): Promise<PrimaryBackend & Sized> {
  const { options, log } = deps;
  const now = () => Date.now();
  const elapsedMs = () => performance.now();
  const dataDir = await openDataDir(options.dataDir);
  recordSettings(dataDir.tables, options);
  const movedAway = noteUse(dataDir.tables, options.dataDir);
  const warningsNow = () => [...(movedAway === undefined ? [] : [movedAway]), ...dataDir.warnings()];
  const subscribers = createSubscribers();
  const roster = createInstanceRoster({
    now,
    elapsedMs,
    maxRoomClients: options.maxRoomClients,
    publish: subscribers.publishPresence,
  });
  const store = createStore({
    tables: dataDir.tables,
    rules: options,
    isConnected: (inbox) => (roster.connections([inbox])[0] ?? 0) > 0,
    isNearlyFull: dataDir.isNearlyFull,
    publish: subscribers.publish,
    now,
    elapsedMs,
    log,
  });
  // The rest is what workers may call.
  const {
    sizes: storeSizes,
    check,
    cleanUp,
    overwriteErased: overwriteIn,
    holdCommits,
    close: closeStore,
    ...stores
  } = store;
  dataDir.serveConnections(createOpenings({ hold: holdCommits, log }));
  const warnings = watchWarnings({
    first: warningsNow(),
    look: async () => warningsNow(),
    log,
  });
  const { sizes: connectsSizes, ...connects } =
    options.rateAdmit === 0 ? createOpenQueue() : createConnectQueue(options.rateAdmit, elapsedMs);
  let closing: Promise<void> | undefined;
  const overwriting = new AbortController();
  const overwriteErased = () =>
    overwriteIn(() => eraseFreedApart(options.dataDir, overwriting.signal)).catch((error: unknown) =>
      log.warn({ err: error }, 'the store still has bytes of erased messages'),
    );
  let cleaningUp = overwriteErased();
  const cleanupTimer = setInterval(() => {
    cleaningUp = cleaningUp
      .then(() => {
        dataDir.tables.forgetDeadReaders();
        return cleanUp();
      })
      .then(overwriteErased)
      .catch((error: unknown) => log.error({ err: error }, 'the store could not be cleaned up'));
  }, CLEAN_UP_EVERY_MS);
  cleanupTimer.unref();

  function serve(worker: WorkerIpc): void {
    let gone = false;
    const bus: Served<PrimaryServices>['bus'] = {
      probe: () => succeed(undefined),
      subscribe(tag) {
        if (!gone) subscribers.add(tag, worker);
        return succeed(undefined);
      },
    };
    serveServices<PrimaryServices>(
      worker,
      {
        store: { secret: () => succeed(dataDir.secret), check },
        ...stores,
        connects,
        roster: createRosterService(roster, worker.instanceId, stores.moderation),
        bus,
      },
      () => (closing ? STOPPING : succeed(undefined)),
    );
    worker.onNotice(BUS.notify, ({ tag, move }) => subscribers.publishPresence({ tag }, move));
    worker.onNotice(BUS.unsubscribe, (tag) => subscribers.remove(tag, worker));
    worker.onClose(() => {
      gone = true;
      subscribers.removeWorker(worker);
    });
  }

  async function shut(): Promise<void> {
    clearInterval(cleanupTimer);
    overwriting.abort();
    warnings.close();
    await closeStore();
    await cleaningUp;
    await dataDir.close();
  }

  const overview = () => Promise.resolve(succeed(roster.overview()));

  return {
    sizes: () => ({
      subscribers: subscribers.sizes(),
      roster: roster.sizes(),
      store: storeSizes(),
      connects: connectsSizes(),
    }),
    serve,
    overview,
    recentOverview: overview,
    hosts() {
      const { workers, clients } = roster.overview();
      return Promise.resolve(succeed([{ name: hostNameIn(deps.host), workers, clients }]));
    },
    vouchFor: (instanceId) => Promise.resolve(succeed(roster.vouchFor(instanceId))),
    check: () => (closing ? Promise.resolve(STOPPING) : check()),
    awayServers: () => [],
    // No other host could have agreed on another key.
    agreeOnApiKey: (offered) => Promise.resolve(succeed(offered)),
    // The registry of workers is this process's memory.
    predecessors: [],
    get warnings() {
      return warnings.current();
    },
    close() {
      closing ??= shut();
      return closing;
    },
  };
}
