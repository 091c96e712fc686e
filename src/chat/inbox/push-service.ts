import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { batchesOf } from '../batches.ts';
import type { InboxStore, ItemProgress, PushStore } from '../inbox-store.ts';
import type { Appended, RoomLogs } from '../log-store.ts';
import { inboxOf } from '../room.ts';
import type { Roster } from '../roster.ts';
import { draftOf, type OutgoingItem } from './items.ts';

export interface PushRequest {
  readonly nsp: string;
  /** Each once. */
  readonly users: readonly string[];
  readonly entityType: string;
  readonly kind: 'push' | 'announcement' | 'remind';
  /** The text of its data. */
  readonly json: string;
  /** For how long it is shown to who was away. */
  readonly ttlS?: number;
  /** Its id if it may be tried again: under the same id it reaches nobody twice, within DEDUPE_TTL_S. */
  readonly operation?: string | undefined;
}

/** What became of one user's copy. */
export interface PushReach {
  /** The user's connections now. */
  readonly live: number;
  readonly stored: boolean;
}

export interface PushResult {
  readonly id: string;
  readonly reach: ReadonlyMap<string, PushReach>;
}

export interface PushReceipt {
  /** `sent`: written to a connection; `delivered` and `read`: the user's marks. */
  readonly state: 'queued' | 'sent' | 'delivered' | 'read';
  readonly queuedAt: number;
  readonly sentAt?: number;
  readonly deliveredAt?: number;
  readonly readAt?: number;
}

export interface PushReceipts {
  readonly nsp: string;
  readonly users: ReadonlyMap<string, PushReceipt>;
}

export interface PushService {
  push(request: PushRequest): Promise<Outcome<PushResult>>;
  receipts(id: string): Promise<Outcome<PushReceipts>>;
}

export interface PushServiceDeps {
  readonly logs: Pick<RoomLogs, 'append'>;
  readonly inboxes: InboxStore;
  readonly pushes: PushStore;
  readonly roster: Pick<Roster, 'connections'>;
  readonly newId: () => string;
  /** This worker appended to that inbox: to look for the item if the bus does not bring it. */
  readonly onAppended: (nsp: string, userId: string, appended: Appended) => void;
}

/** A store that failed for one user will hardly serve the other 999 in time. */
const BATCH = 100;

/** What back ends send to people: stored in each inbox, which then brings it to all connections. */
export function createPushService(deps: PushServiceDeps): PushService {
  const { logs, inboxes, pushes, roster, newId, onAppended } = deps;

  async function store(request: PushRequest, id: string, userId: string): Promise<Outcome<Appended>> {
    const { nsp, kind, entityType, json, ttlS } = request;
    const item: OutgoingItem = { id, kind, entityType, json, ...(ttlS === undefined ? {} : { ttlS }) };
    const dedupe = request.operation === undefined ? {} : { dedupe: { scope: 'push', clientMsgId: id } };
    const appended = await logs.append(inboxOf(nsp, userId), draftOf(item, dedupe));
    if (appended.ok && !appended.value.dup) onAppended(nsp, userId, appended.value);
    return appended;
  }

  async function storeAll(request: PushRequest, id: string): Promise<Map<string, Outcome<Appended>>> {
    const stored = new Map<string, Outcome<Appended>>();
    for (const batch of batchesOf(request.users, BATCH)) {
      const outcomes = await Promise.all(batch.map((userId) => store(request, id, userId)));
      for (const [index, userId] of batch.entries()) stored.set(userId, outcomes[index] as Outcome<Appended>);
      if (outcomes.every((outcome) => !outcome.ok)) break;
    }
    return stored;
  }

  return {
    async push(request) {
      const id = request.operation ?? newId();
      const stored = await storeAll(request, id);
      const positions = [...stored].flatMap(([userId, outcome]) =>
        outcome.ok ? [{ userId, seq: outcome.value.seq, at: outcome.value.at }] : [],
      );
      const failed = [...stored.values()].find((outcome) => !outcome.ok);
      if (positions.length === 0 && failed && !failed.ok) return failed;
      const [kept, connections] = await Promise.all([
        positions.length > 0 ? pushes.save(id, { nsp: request.nsp, positions }) : succeed(undefined),
        roster.connections(request.users.map((userId) => inboxOf(request.nsp, userId))),
      ]);
      // Stored but without receipts: another try mends it if it has the same id, without one it would be sent twice.
      if (!kept.ok && request.operation !== undefined) return kept;
      const live = connections.ok ? connections.value : [];
      const reach = request.users.map((userId, index): [string, PushReach] => [
        userId,
        { live: live[index] ?? 0, stored: stored.get(userId)?.ok === true },
      ]);
      return succeed({ id, reach: new Map(reach) });
    },

    async receipts(id) {
      const found = await pushes.find(id);
      if (!found.ok) return found;
      if (!found.value) return refuse('not_found', 'id: no such push');
      const { nsp, positions } = found.value;
      const progress = await inboxes.progress(
        positions.map(({ userId, seq }) => ({ inbox: inboxOf(nsp, userId), seq })),
      );
      if (!progress.ok) return progress;
      const users = positions.map(({ userId, at }, index): [string, PushReceipt] => [
        userId,
        receiptOf(at, progress.value[index] ?? {}),
      ]);
      return succeed({ nsp, users: new Map(users) });
    },
  };
}

function receiptOf(queuedAt: number, { sentAt, recvAt, readAt }: ItemProgress): PushReceipt {
  const state = readAt ? 'read' : recvAt ? 'delivered' : sentAt ? 'sent' : 'queued';
  return {
    state,
    queuedAt,
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(recvAt === undefined ? {} : { deliveredAt: recvAt }),
    ...(readAt === undefined ? {} : { readAt }),
  };
}
