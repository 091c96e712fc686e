import type { UnreadCount, UnreadQuery } from '../../chat/log-store.ts';
import type { LogMeta } from './log-meta.ts';
import type { RoomSubscriptionRecord } from './room-subscriptions.ts';

/** Found by the user's inbox and the room, whose entry among the user's rooms it goes with. */
export function ownMessageKey(inbox: string, roomid: string): string {
  return `${inbox} ${roomid}`;
}

/** Whether it goes with a room among the user's; else it needs an end of its own. */
export function hasSubscription(record: RoomSubscriptionRecord | undefined, key: string): boolean {
  return record?.rooms.some(([roomid]) => roomid === key.slice(key.indexOf(' ') + 1)) ?? false;
}

/** The inbox a key was made of: a tag holds no space. */
export function inboxOfKey(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/** Of all rooms of a user. */
export function ownMessageKeys(inbox: string, record: RoomSubscriptionRecord | undefined): string[] {
  return (record?.rooms ?? []).map(([roomid]) => ownMessageKey(inbox, roomid));
}

/** `said`: the reader's newest own message. `uncounted`: how many entries from one to another nobody has to read. */
export function unreadOf(
  { first, top }: LogMeta,
  { read }: Pick<UnreadQuery, 'read'>,
  said: number,
  uncounted: (from: number, to: number) => number,
): UnreadCount {
  const upTo = Math.max(read, said);
  const from = Math.max(upTo + 1, first);
  if (from > top) return { top, read: upTo, unread: 0 };
  return { top, read: upTo, unread: top - from + 1 - uncounted(from, top) };
}
