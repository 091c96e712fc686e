import type { Item, ItemKind, MentionPlace, User } from '../../protocol/people.ts';
import type { Access } from '../identity.ts';
import type { Draft, Entry } from '../log-store.ts';

/** An item for a user's inbox, before the store gives it a position. */
export interface OutgoingItem {
  readonly id: string;
  readonly kind: ItemKind;
  readonly from?: User;
  readonly entityType?: string;
  /** The data as JSON text. */
  readonly json: string;
  /** The time that the inbox shows it, counted from when it is stored. */
  readonly ttlS?: number;
  /** An announcement's own time, which it keeps when it is copied into an inbox later. */
  readonly at?: number;
  /** In the sender's copy of a private message: its position in the receiver's inbox. */
  readonly receiverSeq?: number;
  /** The epoch of that position. Earlier releases stored none. */
  readonly receiverEpoch?: string;
}

/** Converts it to what `append` takes: the store puts position, id and time before these members. */
export function draftOf(
  item: OutgoingItem,
  more: Pick<Draft, 'dedupe' | 'except' | 'author' | 'bounded'> = {},
): Draft {
  const { kind, from, entityType, ttlS, at: sentAt, receiverSeq, receiverEpoch } = item;
  const own = { kind, from, entityType, ttlS, sentAt, receiverSeq, receiverEpoch };
  const members = JSON.stringify(own).slice(1, -1);
  return { id: item.id, members: `${members},"data":${item.json}`, ...more };
}

/** An item with the fields that only the server needs. */
export interface StoredItem extends Item {
  readonly epoch: string;
  /** True for an announcement to everybody, copied in when the owner connected. */
  readonly copied: boolean;
  /** ms since 1970, by the store's clock. */
  readonly expiresAt?: number;
  /** Same as in `OutgoingItem`. */
  readonly receiverSeq?: number;
  readonly receiverEpoch?: string;
}

type StoredMembers = Omit<StoredItem, 'expiresAt' | 'copied'> & {
  readonly ttlS?: number;
  readonly sentAt?: number;
};

export function parseItem(entry: Entry): StoredItem {
  const { ttlS, sentAt, ...item } = JSON.parse(entry.json) as StoredMembers;
  return {
    ...item,
    at: sentAt ?? item.at,
    copied: sentAt !== undefined,
    ...(ttlS === undefined ? {} : { expiresAt: item.at + ttlS * 1_000 }),
  };
}

/** Returns the item without the server's fields. */
export function toItem(stored: StoredItem): Item {
  const {
    epoch: _epoch,
    expiresAt: _expiresAt,
    copied: _copied,
    receiverSeq: _receiverSeq,
    receiverEpoch: _receiverEpoch,
    ...item
  } = stored;
  return item;
}

/** Returns whether the item tells of a room that its owner may not read with that access. */
export function isHeldBack({ kind, data }: Pick<StoredItem, 'kind' | 'data'>, access: Access): boolean {
  return kind === 'mention' && !access.rightsIn((data as MentionPlace).roomid).includes('read');
}

export function isExpired({ expiresAt }: StoredItem, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}
