import type { Item, ItemKind, User } from '../../protocol/people.ts';
import type { Draft, Entry } from '../log-store.ts';

/** Something for a person, before their inbox numbered it. */
export interface OutgoingItem {
  readonly id: string;
  readonly kind: ItemKind;
  readonly from?: User;
  readonly entityType?: string;
  /** The JSON text of its data. */
  readonly json: string;
  /** For how long it is shown, from when it is stored. */
  readonly ttlS?: number;
  /** An announcement keeps its time when it is put into an inbox later. */
  readonly at?: number;
}

/** As `append` takes it: the store puts position, id and time before these members. */
export function draftOf(item: OutgoingItem, more: Pick<Draft, 'dedupe' | 'except'> = {}): Draft {
  const { kind, from, entityType, ttlS, at: sentAt } = item;
  const members = JSON.stringify({ kind, from, entityType, ttlS, sentAt }).slice(1, -1);
  return { id: item.id, members: `${members},"data":${item.json}`, ...more };
}

/** An item with what only the server needs of it. */
export interface StoredItem extends Item {
  readonly epoch: string;
  /** An announcement to everybody, put in when its owner came. */
  readonly copied: boolean;
  /** ms since 1970, by the store's clock. */
  readonly expiresAt?: number;
}

type StoredMembers = Omit<StoredItem, 'expiresAt' | 'folded'> & {
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

/** As a person is shown it. */
export function toItem({ epoch: _epoch, expiresAt: _expiresAt, copied: _folded, ...item }: StoredItem): Item {
  return item;
}

export function isExpired({ expiresAt }: StoredItem, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}
