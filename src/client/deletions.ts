import { withTombstones } from '../protocol/deletions.ts';
import type { DeletedMessage, MessagePage } from '../protocol/rooms.ts';

/** The latest deletions: a page that the server read before one of them may arrive after it. */
export interface Deletions {
  note(deleted: DeletedMessage): void;
  /** Applies them to a page that was read earlier. */
  apply<P extends Pick<MessagePage, 'top' | 'messages'>>(page: P): P;
}

/** Enough for the moments that a page is on its way. */
const MAX_DELETIONS = 200;

export function createDeletions(): Deletions {
  const recent: DeletedMessage[] = [];
  return {
    note(deleted) {
      recent.push(deleted);
      if (recent.length > MAX_DELETIONS) recent.shift();
    },
    apply(page) {
      const later = recent.filter(({ seq }) => seq > page.top);
      return { ...page, messages: withTombstones(page.messages, new Set(later.map(({ ref }) => ref))) };
    },
  };
}
