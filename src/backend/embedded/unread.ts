import type { UnreadCount, UnreadQuery } from '../../chat/log-store.ts';
import type { LogMeta } from './log-meta.ts';
import type { RoomSubscriptionRecord } from './room-subscriptions.ts';

/** The key of a user's newest own message in a room. The row lives as long as the user's subscription to the room. */
export function ownMessageKey(inbox: string, roomid: string): string {
  return `${inbox} ${roomid}`;
}

/** Returns whether a subscription will remove the row; otherwise the row needs an expiry. */
export function hasSubscription(record: RoomSubscriptionRecord | undefined, key: string): boolean {
  return record?.rooms.some(([roomid]) => roomid === key.slice(key.indexOf(' ') + 1)) ?? false;
}

/** The inbox of a key: a tag contains no space. */
export function inboxOfKey(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/** The keys of all rooms of a user. */
export function ownMessageKeys(inbox: string, record: RoomSubscriptionRecord | undefined): string[] {
  return (record?.rooms ?? []).map(([roomid]) => ownMessageKey(inbox, roomid));
}

/** `newestOwn`: the reader's newest own message. `uncounted`: counts the entries of a range that do not count as unread. */
export function unreadOf(
  { first, top }: LogMeta,
  { read }: Pick<UnreadQuery, 'read'>,
  newestOwn: number,
  uncounted: (from: number, to: number) => number,
): UnreadCount {
  const upTo = Math.max(read, newestOwn);
  const from = Math.max(upTo + 1, first);
  if (from > top) return { top, read: upTo, unread: 0 };
  return { top, read: upTo, unread: top - from + 1 - uncounted(from, top) };
}
