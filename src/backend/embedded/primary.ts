import type { WorkerLink } from '../../cluster/link.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { PrimaryBackend, PrimaryBackendDeps } from '../backend.ts';
import type { Notices, Requests } from './channel.ts';
import { openDataDir } from './data-dir.ts';
import { createHolders } from './holders.ts';
import { createLogStore } from './log-store.ts';
import { createBootRoster } from './roster.ts';

/** Reading honours the TTLs by itself; tidying only gives back the disk. */
const TIDY_EVERY_MS = 300_000;

/** The primary of embedded mode: the only writer of DATA_DIR, the bus of the workers and their roster. */
export async function openEmbeddedPrimary(deps: PrimaryBackendDeps): Promise<PrimaryBackend> {
  const { options, log } = deps;
  const now = () => Date.now();
  const dataDir = await openDataDir(options.dataDir);
  const holders = createHolders();
  const roster = createBootRoster({ now });
  const logs = createLogStore({
    tables: dataDir.tables,
    rules: options,
    publish: holders.publish,
    now,
    log,
  });
  let closing: Promise<void> | undefined;
  let tidying = Promise.resolve();
  const tidyTimer = setInterval(() => {
    tidying = tidying
      .then(() => logs.tidy())
      .catch((error: unknown) => log.error({ err: error }, 'the store could not be tidied'));
  }, TIDY_EVERY_MS);
  tidyTimer.unref();

  function serve(worker: WorkerLink): void {
    const { boot } = worker;
    let gone = false;
    const answer = <K extends keyof Requests>(
      kind: K,
      handle: (body: Requests[K]) => Promise<Outcome<unknown>> | Outcome<unknown>,
    ): void => {
      worker.onRequest(kind, (body: Requests[K]) =>
        closing ? refuse('unavailable', 'the primary is stopping', 1_000) : handle(body),
      );
    };

    answer('store.append', ({ room, draft }) => logs.append(room, draft));
    answer('store.read', ({ room, query }) => logs.read(room, query));
    answer('store.tops', ({ tags }) => logs.tops(tags.map((tag) => ({ tag }))));
    answer('store.secret', () => succeed(dataDir.secret));
    answer('store.check', () => logs.check());
    answer('bus.probe', () => succeed(undefined));
    answer('bus.hold', ({ tag }) => {
      if (!gone) holders.hold(tag, worker);
      return succeed(undefined);
    });
    worker.onNotice('bus.release', ({ tag }: Notices['bus.release']) => holders.release(tag, worker));
    answer('roster.enter', ({ room, user, clients }) => succeed(roster.enter(boot, room, user, clients)));
    answer('roster.exit', ({ room, userId, clients }) => succeed(roster.exit(boot, room, userId, clients)));
    answer('roster.recount', ({ room, clients }) => succeed(roster.recount(boot, room, clients)));
    answer('roster.setOnline', ({ userId, online }) => succeed(roster.setOnline(boot, userId, online)));
    answer('roster.renew', ({ clients }) => succeed(roster.renew(boot, clients)));
    answer('roster.sweep', ({ boot: dead }) => succeed(roster.sweep(dead)));
    answer('roster.expired', () => succeed(roster.expired()));
    worker.onClose(() => {
      gone = true;
      holders.releaseAll(worker);
    });
  }

  async function shut(): Promise<void> {
    clearInterval(tidyTimer);
    await logs.close();
    await tidying;
    await dataDir.close();
  }

  return {
    serve,
    overview: () => Promise.resolve(succeed(roster.overview())),
    check: () =>
      closing ? Promise.resolve(refuse('unavailable', 'the primary is stopping', 1_000)) : logs.check(),
    warnings: dataDir.warnings,
    close() {
      closing ??= shut();
      return closing;
    },
  };
}
