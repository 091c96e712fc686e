import { createAdapter } from '@socket.io/cluster-adapter';
import type { Roster } from '../../chat/store.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { WorkerBackend, WorkerBackendDeps } from '../backend.ts';
import { createBus } from './bus.ts';
import type { Ask, Requests } from './channel.ts';

/** A call that takes longer has failed for its caller; whether the message was stored it learns by trying again. */
const TIMEOUT_MS = 2_000;
const RETRY_AFTER_MS = 1_000;

/** A worker of embedded mode: everything is asked of the primary over IPC. */
export async function openEmbeddedWorker(deps: WorkerBackendDeps): Promise<WorkerBackend> {
  const { primary } = deps;

  const ask: Ask = async <T, K extends keyof Requests>(kind: K, body: Requests[K]): Promise<Outcome<T>> => {
    const outcome = await primary.request<T>(kind, body, TIMEOUT_MS);
    if (outcome.ok || outcome.error.code !== 'unavailable') return outcome;
    return { ok: false, error: { retryAfterMs: RETRY_AFTER_MS, ...outcome.error } };
  };

  const roster: Roster = {
    enter: (room, user, clients) => ask('roster.enter', { room, user, clients }),
    exit: (room, userId, clients) => ask('roster.exit', { room, userId, clients }),
    recount: (room, clients) => ask('roster.recount', { room, clients }),
    setOnline: (userId, online) => ask('roster.setOnline', { userId, online }),
    renew: (clients) => ask('roster.renew', { clients }),
    sweep: (boot) => ask('roster.sweep', { boot }),
    expired: () => ask('roster.expired', null),
  };
  const bus = createBus({ ask, primary });

  return {
    logs: {
      append: (room, draft) => ask('store.append', { room, draft }),
      read: (room, query) => ask('store.read', { room, query }),
      tops: (rooms) => ask('store.tops', { tags: rooms.map(({ tag }) => tag) }),
    },
    bus,
    roster,
    adapter: createAdapter(),
    secret: () => ask('store.secret', null),
    check: () => ask('store.check', null),
    async close() {
      bus.close();
    },
  };
}
