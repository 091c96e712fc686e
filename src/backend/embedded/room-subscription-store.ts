import type { Room } from '../../chat/room.ts';
import type { RoomSubscription, RoomSubscriptions } from '../../chat/room-subscriptions.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import {
  raiseReadMarker,
  readMarkerIn,
  type SubscribedRoom,
  setSubscribed,
  subscribedRoomsOf,
} from './room-subscriptions.ts';
import type { ReadSnapshot } from './tables.ts';
import type { Transaction } from './transaction.ts';
import { ownMessageKey } from './unread.ts';

type Tagged = Pick<Room, 'tag'>;

/** `RoomSubscriptions`, which needs only the tag of an inbox here. */
export interface RoomSubscriptionStore extends RoomSubscriptions {
  set(inbox: Tagged, roomid: string, joined: boolean, top?: number): Promise<Outcome<boolean>>;
  raiseReadMarker(inbox: Tagged, roomid: string, seq: number): Promise<Outcome<number>>;
  has(inbox: Tagged, roomid: string): Promise<Outcome<boolean>>;
  list(inbox: Tagged): Promise<Outcome<readonly RoomSubscription[]>>;
}

export interface RoomSubscriptionStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly rules: { readonly inboxTtlS: number };
  readonly now: () => number;
}

/** Bytes of a stored room without its id, and of a record without its rooms. */
const OVERHEAD_BYTES = 32;

/** The rooms that users have joined, and their read markers there. */
export function createRoomSubscriptionStore({
  readSnapshot,
  queue,
  rules,
  now,
}: RoomSubscriptionStoreDeps): RoomSubscriptionStore {
  const ttlMs = rules.inboxTtlS * 1000;

  const held = ({ tag }: Tagged) =>
    readSnapshot((snapshot) => {
      const record = snapshot.row('roomSubscriptions', tag);
      return record && (record.until > now() || snapshot.row('logMeta', tag)) ? record.rooms : [];
    });

  function plan(
    transaction: Transaction,
    tag: string,
    change: (rooms: readonly SubscribedRoom[]) => readonly SubscribedRoom[],
  ) {
    const record = transaction.row('roomSubscriptions', tag);
    const known =
      record && (record.until > transaction.now || transaction.row('logMeta', tag)) ? record : undefined;
    const before = known?.rooms ?? [];
    const rooms = change(before);
    // An expired record that the cleanup has not removed yet counts, because nothing else knows its rooms.
    for (const [roomid] of left(record?.rooms ?? [], rooms)) removeLastOwnMessage(transaction, tag, roomid);
    if (rooms.length === 0) {
      if (record) transaction.put({ table: 'roomSubscriptions', key: tag });
      return { rooms, before };
    }
    // A user who joins the same room every day must not expire, but needs no commit each time.
    const ageing = known && known.until - transaction.now < ttlMs * 0.9;
    if (rooms === before && !ageing) return { rooms, before };
    const until = Math.max(transaction.now + ttlMs, known?.until ?? 0);
    transaction.put({ table: 'roomSubscriptions', key: tag, value: { until, rooms } });
    if (!known) transaction.write({ table: 'expiries', key: [until, 'roomSubscriptions', tag], value: true });
    return { rooms, before };
  }

  function removeLastOwnMessage(transaction: Transaction, tag: string, roomid: string): void {
    const key = ownMessageKey(tag, roomid);
    if (transaction.row('said', key) !== undefined) transaction.put({ table: 'said', key });
  }

  async function change<T>(
    { tag }: Tagged,
    roomid: string,
    apply: (rooms: readonly SubscribedRoom[]) => readonly SubscribedRoom[],
    answer: (
      changed: { readonly rooms: readonly SubscribedRoom[]; readonly before: readonly SubscribedRoom[] },
      transaction: Transaction,
    ) => T,
  ): Promise<Outcome<T>> {
    const seen = held({ tag });
    if (!seen.ok) return seen;
    return queue.add({
      // A change rewrites the whole record, and a transaction must not dirty more of the disk than it declares.
      bytes: sizeOf(seen.value) + Buffer.byteLength(roomid) + OVERHEAD_BYTES,
      plan: (transaction) => answer(plan(transaction, tag, apply), transaction),
    });
  }

  return {
    set: (inbox, roomid, joined, top = 0) =>
      change(
        inbox,
        roomid,
        (rooms) => setSubscribed(rooms, roomid, joined, top),
        ({ before }, transaction) => {
          // The row is removed even without a subscription: a message that follows the user's deletion leaves such a
          // row.
          if (!joined) removeLastOwnMessage(transaction, inbox.tag, roomid);
          return before.some(([id]) => id === roomid) !== joined;
        },
      ),
    raiseReadMarker: (inbox, roomid, seq) =>
      change(
        inbox,
        roomid,
        (rooms) => raiseReadMarker(rooms, roomid, seq),
        ({ rooms }) => readMarkerIn(rooms, roomid),
      ),
    async has(inbox, roomid) {
      const seen = held(inbox);
      return seen.ok ? { ok: true, value: seen.value.some(([id]) => id === roomid) } : seen;
    },
    async list(inbox) {
      const seen = held(inbox);
      return seen.ok ? { ok: true, value: subscribedRoomsOf(seen.value) } : seen;
    },
  };
}

function left(before: readonly SubscribedRoom[], now: readonly SubscribedRoom[]): readonly SubscribedRoom[] {
  if (before === now) return [];
  const stay = new Set(now.map(([roomid]) => roomid));
  return before.filter(([roomid]) => !stay.has(roomid));
}

function sizeOf(rooms: readonly SubscribedRoom[]): number {
  return rooms.reduce((sum, [roomid]) => sum + Buffer.byteLength(roomid) + OVERHEAD_BYTES, OVERHEAD_BYTES);
}
