import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { batchesOf } from '../batches.ts';
import type { InboxStore, ItemProgress, PushPositions, PushStore } from '../inbox-store.ts';
import type { Appended, RoomLogs } from '../log-store.ts';
import { inboxOf } from '../room.ts';
import type { Roster } from '../roster.ts';
import { draftOf, type OutgoingItem } from './items.ts';

export interface PushRequest {
  readonly nsp: string;
  /** User ids, each once. */
  readonly users: readonly string[];
  readonly entityType: string;
  readonly kind: 'push' | 'announcement' | 'remind';
  /** The data as JSON text. */
  readonly json: string;
  /** The time that the inbox shows it to a user who was offline. */
  readonly ttlS?: number;
  /** The push's id if the caller may retry: within DEDUPE_TTL_S the same id reaches no user twice. */
  readonly operation?: string | undefined;
}

/** The result for one user. */
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
  /** `sent`: written to a connection; `delivered` and `read`: by the user's markers. */
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
  /** This worker has appended to that inbox: the feed looks for the item if the bus does not bring it. */
  readonly onAppended: (nsp: string, userId: string, appended: Appended) => void;
}

/** A store that failed for one user will hardly serve the other 999 in time. */
const BATCH = 100;

/** Pushes from back ends to users. Each user's inbox stores the item and then delivers it to every connection. */
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
        outcome.ok ? [positionOf(userId, outcome.value)] : [],
      );
      const failed = [...stored.values()].find((outcome) => !outcome.ok);
      if (positions.length === 0 && failed && !failed.ok) return failed;
      const [saved, connections] = await Promise.all([
        positions.length > 0 ? pushes.save(id, { nsp: request.nsp, positions }) : succeed(undefined),
        roster.connections(request.users.map((userId) => inboxOf(request.nsp, userId))),
      ]);
      // Stored but without receipts: a retry under the same id repairs that; without an id it would send the push twice.
      if (!saved.ok && request.operation !== undefined) return saved;
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
        positions.map(({ userId, seq, epoch }) => ({ inbox: inboxOf(nsp, userId), seq, epoch })),
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

function positionOf(userId: string, { epoch, seq, at }: Appended): PushPositions['positions'][number] {
  return { userId, epoch, seq, at };
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
