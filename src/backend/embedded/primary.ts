import type { WorkerLink } from '../../cluster/link.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { PrimaryBackend, PrimaryBackendDeps } from '../backend.ts';
import type { Notices, Requests } from './channel.ts';
import { openDataDir } from './data-dir.ts';
import { createHolders } from './holders.ts';
import { createInstanceRoster } from './roster.ts';
import { createStore } from './store.ts';

/** Reading honours the TTLs by itself; tidying only gives back the disk. */
const TIDY_EVERY_MS = 300_000;

/** The primary of embedded mode: the only writer of DATA_DIR, the bus of the workers and their roster. */
export async function openEmbeddedPrimary(deps: PrimaryBackendDeps): Promise<PrimaryBackend> {
  const { options, log } = deps;
  const now = () => Date.now();
  const elapsedMs = () => performance.now();
  const dataDir = await openDataDir(options.dataDir);
  const holders = createHolders();
  const roster = createInstanceRoster({
    now,
    elapsedMs,
    maxRoomClients: options.maxRoomClients,
    publish: holders.publishPresence,
  });
  const store = createStore({
    tables: dataDir.tables,
    rules: options,
    publish: holders.publish,
    now,
    elapsedMs,
    log,
  });
  const { logs, inboxes, pushes, claims, moderation, visits } = store;
  let closing: Promise<void> | undefined;
  let tidying = Promise.resolve();
  const tidyTimer = setInterval(() => {
    tidying = tidying
      .then(() => store.tidy())
      .catch((error: unknown) => log.error({ err: error }, 'the store could not be tidied'));
  }, TIDY_EVERY_MS);
  tidyTimer.unref();

  function serve(worker: WorkerLink): void {
    const { instanceId } = worker;
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
    answer('store.replace', ({ room, seq, members, notice }) => logs.replace(room, seq, members, notice));
    answer('store.tops', ({ tags }) => logs.tops(tags.map((tag) => ({ tag }))));
    answer('store.unread', ({ asked }) => logs.unread(asked));
    answer('store.secret', () => succeed(dataDir.secret));
    answer('store.check', () => store.check());
    answer('inbox.marks', (inbox) => inboxes.marks(inbox));
    answer('inbox.raise', ({ tag, to }) => inboxes.raise({ tag }, to));
    answer('inbox.fold', ({ inbox, draft, news }) => inboxes.fold(inbox, draft, news));
    answer('inbox.progress', ({ items }) =>
      inboxes.progress(items.map(({ tag, seq }) => ({ inbox: { tag }, seq }))),
    );
    answer('inbox.erase', (inbox) => inboxes.erase(inbox));
    answer('moderation.restrict', ({ tag, userId, kind, seconds }) =>
      moderation.restrict({ tag }, userId, kind, seconds),
    );
    answer('moderation.lift', ({ tag, userId, kind }) => moderation.lift({ tag }, userId, kind));
    answer('moderation.restrictions', ({ tag, userId }) => moderation.restrictions({ tag }, userId));
    answer('visits.visit', ({ tag, roomid, joined, top }) => visits.visit({ tag }, roomid, joined, top));
    answer('visits.read', ({ tag, roomid, seq }) => visits.read({ tag }, roomid, seq));
    answer('visits.visited', (inbox) => visits.visited(inbox));
    answer('claims.claim', ({ key, fingerprint, id }) => claims.claim(key, fingerprint, id));
    answer('claims.settle', ({ key, id, answer: given }) => claims.settle(key, id, given));
    answer('push.keep', ({ id, places }) => pushes.keep(id, places));
    answer('push.find', ({ id }) => pushes.find(id));
    answer('bus.probe', () => succeed(undefined));
    answer('bus.hold', ({ tag }) => {
      if (!gone) holders.hold(tag, worker);
      return succeed(undefined);
    });
    worker.onNotice('bus.tell', ({ tag, move }: Notices['bus.tell']) =>
      holders.publishPresence({ tag }, move),
    );
    worker.onNotice('bus.release', ({ tag }: Notices['bus.release']) => holders.release(tag, worker));
    answer('roster.enter', ({ room, user, own, clients, returned }) => {
      const admitted = moderation.admit(room, user.userId);
      return admitted.ok ? roster.enter(instanceId, room, user, own, clients, returned) : admitted;
    });
    answer('roster.exit', ({ room, userId, clients }) =>
      succeed(roster.exit(instanceId, room, userId, clients)),
    );
    answer('roster.recount', ({ room, clients }) => succeed(roster.recount(instanceId, room, clients)));
    answer('roster.count', (room) => succeed(roster.count(room)));
    answer('roster.named', ({ tag, username, limit }) => succeed(roster.named({ tag }, username, limit)));
    answer('roster.staysIn', ({ tag, userId }) => succeed(roster.staysIn({ tag }, userId)));
    answer('roster.isIn', ({ tags, userId }) => succeed(roster.isIn(tags, userId)));
    answer('roster.members', ({ tag, page }) => succeed(roster.members({ tag }, page)));
    answer('roster.rooms', ({ nsp, page }) => succeed(roster.rooms(nsp, page)));
    answer('roster.setConnections', ({ inbox, connections }) =>
      succeed(roster.setConnections(instanceId, inbox, connections)),
    );
    answer('roster.connections', ({ tags }) => succeed(roster.connections(tags.map((tag) => ({ tag })))));
    answer('roster.totals', () => succeed(roster.totals()));
    answer('roster.bury', ({ instanceId: dead }) => succeed(roster.bury(dead)));
    answer('roster.renew', () => succeed(roster.renew(instanceId)));
    answer('roster.sweep', ({ instanceId: dead }) => succeed(roster.sweep(dead)));
    answer('roster.expired', () => succeed(roster.expired()));
    worker.onClose(() => {
      gone = true;
      holders.releaseAll(worker);
    });
  }

  async function shut(): Promise<void> {
    clearInterval(tidyTimer);
    await store.close();
    await tidying;
    await dataDir.close();
  }

  return {
    serve,
    overview: () => Promise.resolve(succeed(roster.overview())),
    check: () =>
      closing ? Promise.resolve(refuse('unavailable', 'the primary is stopping', 1_000)) : store.check(),
    // There is no other host, and this one has a file.
    agreeOnApiKey: (offered) => Promise.resolve(succeed(offered)),
    // Its registry is its memory.
    predecessors: [],
    warnings: dataDir.warnings,
    close() {
      closing ??= shut();
      return closing;
    },
  };
}
