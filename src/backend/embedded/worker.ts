import { createAdapter } from '@socket.io/cluster-adapter';
import type { Claims } from '../../chat/idempotency.ts';
import type { InboxStore, PushStore } from '../../chat/inbox-store.ts';
import type { Moderation } from '../../chat/moderation.ts';

import type { RoomVisits } from '../../chat/visits.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { WorkerBackend, WorkerBackendDeps } from '../backend.ts';
import { createBus } from './bus.ts';
import type { Ask, Requests } from './channel.ts';
import { createWorkerRoster } from './worker-roster.ts';

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

  const inboxes: InboxStore = {
    marks: ({ tag }) => ask('inbox.marks', { tag }),
    raise: ({ tag }, to) => ask('inbox.raise', { tag, to }),
    fold: (inbox, draft, news) => ask('inbox.fold', { inbox, draft, news }),
    erase: ({ tag }) => ask('inbox.erase', { tag }),
    progress: (items) =>
      ask('inbox.progress', { items: items.map(({ inbox: { tag }, seq }) => ({ tag, seq })) }),
  };
  const claims: Claims = {
    claim: (key, fingerprint, id) => ask('claims.claim', { key, fingerprint, id }),
    settle: (key, id, answer) =>
      ask('claims.settle', { key, id, ...(answer === undefined ? {} : { answer }) }),
  };
  const pushes: PushStore = {
    keep: (id, places) => ask('push.keep', { id, places }),
    find: (id) => ask('push.find', { id }),
  };
  const moderation: Moderation = {
    restrict: ({ tag }, userId, kind, seconds) =>
      ask('moderation.restrict', { tag, userId, kind, ...(seconds === undefined ? {} : { seconds }) }),
    lift: ({ tag }, userId, kind) => ask('moderation.lift', { tag, userId, kind }),
    restrictions: ({ tag }, userId) => ask('moderation.restrictions', { tag, userId }),
  };
  const visits: RoomVisits = {
    visit: ({ tag }, roomid, joined, top = 0) => ask('visits.visit', { tag, roomid, joined, top }),
    read: ({ tag }, roomid, seq) => ask('visits.read', { tag, roomid, seq }),
    visited: ({ tag }) => ask('visits.visited', { tag }),
  };
  const bus = createBus({ ask, primary });

  return {
    logs: {
      append: (room, draft) => ask('store.append', { room, draft }),
      read: (room, query) => ask('store.read', { room, query }),
      replace: (room, seq, members, notice) => ask('store.replace', { room, seq, members, notice }),
      unread: (asked) =>
        ask('store.unread', {
          asked: asked.map(({ room: { tag, roomid }, ...of }) => ({ room: { tag, roomid }, ...of })),
        }),
      tops: (rooms) => ask('store.tops', { tags: rooms.map(({ tag }) => tag) }),
    },
    bus,
    roster: createWorkerRoster({ ask, log: deps.log }),
    inboxes,
    pushes,
    claims,
    moderation,
    visits,
    adapter: createAdapter(),
    secret: () => ask('store.secret', null),
    check: () => ask('store.check', null),
    async close() {
      bus.close();
    },
  };
}
