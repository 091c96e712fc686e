import { foldEntries, targetOf } from '../protocol/folding.ts';
import type { MessagePage, RoomEntry } from '../protocol/rooms.ts';

/** The latest changes of messages: a page that the server read before one of them may arrive after it. */
export interface RecentChanges {
  note(entry: RoomEntry): void;
  /** Applies them to a page that was read earlier. */
  apply<P extends Pick<MessagePage, 'epoch' | 'top' | 'messages'>>(page: P): P;
}

/** Enough for the moments that a page is on its way. */
const MAX_CHANGES = 200;

export function createRecentChanges(): RecentChanges {
  const recent: RoomEntry[] = [];
  return {
    note(entry) {
      if (targetOf(entry) === undefined) return;
      recent.push(entry);
      if (recent.length > MAX_CHANGES) recent.shift();
    },
    apply(page) {
      // After the store lost part of the room, another message may have the number of the one that changed.
      const later = recent.filter(({ epoch, seq }) => epoch === page.epoch && seq > page.top);
      return { ...page, messages: foldEntries(page.messages, later) };
    },
  };
}
