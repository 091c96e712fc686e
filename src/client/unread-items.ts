import type { Item } from '../protocol/people.ts';
import type { InboxItem } from './inbox-item.ts';

/** Items that the application received as unread and that are not known to be read on any device. */
export interface UnreadItems {
  count(): number;
  add(item: InboxItem): void;
  /** Gives live announcements their numbers. */
  place(items: readonly Item[]): void;
  read(items: readonly Item[]): void;
  readUpTo(seq: number): void;
}

/** The oldest are dropped beyond it; an inbox holds no more either. */
const MAX_UNREAD = 1_000;

export function createUnreadItems(): UnreadItems {
  const items = new Map<string, number | undefined>();
  return {
    count: () => items.size,
    add({ id, seq }) {
      items.set(id, seq);
      const [oldest] = items.keys();
      if (items.size > MAX_UNREAD && oldest !== undefined) items.delete(oldest);
    },
    place(placed) {
      for (const { id, seq } of placed) if (items.has(id)) items.set(id, seq);
    },
    read(read) {
      for (const { id } of read) items.delete(id);
    },
    readUpTo(upTo) {
      for (const [id, seq] of items) if (seq !== undefined && seq <= upTo) items.delete(id);
    },
  };
}
