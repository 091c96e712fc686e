import { withEmptied } from '../protocol/deletions.ts';
import type { DeletedMessage, MessagePage } from '../protocol/rooms.ts';

/** What was deleted lately: a page that was read before may come after it was told. */
export interface Deletions {
  note(deleted: DeletedMessage): void;
  /** The page as one that is read now. */
  apply<P extends Pick<MessagePage, 'top' | 'messages'>>(page: P): P;
}

/** A page is on its way for moments. */
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
      return { ...page, messages: withEmptied(page.messages, new Set(later.map(({ ref }) => ref))) };
    },
  };
}
