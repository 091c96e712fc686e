import type { PushMessage } from '../protocol/people.ts';
import type { InboxItem, LiveItem } from './inbox-item.ts';
import { createRecentIds } from './recent-ids.ts';
import type { Position } from './sequence.ts';

/** Decides which items of one inbox are new to the application, and tracks its position. */
export interface InboxOrder {
  /** Undefined while the epoch is not known: ids decide then which items are new. */
  position(): Position | undefined;
  /** The newest seq that arrived. */
  top(): number;
  /** True: the item is new. */
  offer(live: LiveItem): boolean;
  /** The new items of the page, in the order of their numbers. */
  admit(page: PushMessage): readonly InboxItem[];
  /** An item that this client sent: it is not new when it arrives from the log. */
  own(id: string): void;
}

/** More than an inbox holds, so that every item of it is known when it comes again. */
const MAX_IDS = 2_000;

export function createInboxOrder(start?: Position): InboxOrder {
  let at = start;
  let top = start?.seq ?? 0;
  const ids = createRecentIds(MAX_IDS);
  /** Separate, because a live announcement may come again much later, then with a number. */
  const announced = createRecentIds(MAX_IDS);

  function move(seq: number, epoch: string | undefined): void {
    if (epoch !== undefined) at = { epoch, seq };
    // The epoch is not known: everything is newer than an empty inbox, and nothing is certain about another history.
    else if (at && at.seq > 0) at = seq > at.seq ? { epoch: at.epoch, seq } : undefined;
    top = seq;
  }

  function isHad(seq: number, epoch: string | undefined): boolean {
    return at !== undefined && epoch === at.epoch && seq <= at.seq;
  }

  return {
    position: () => at,
    top: () => top,
    offer({ item: { id, seq }, epoch }) {
      if (seq === undefined) return announced.add(id);
      if (isHad(seq, epoch) || !ids.add(id)) return false;
      move(seq, epoch);
      return true;
    },
    admit(page) {
      const { epoch } = page;
      const fresh = [...page.unread, ...page.read]
        .filter(({ id, seq, kind }) => {
          if (kind === 'announcement') return announced.add(id);
          return !isHad(seq, epoch) && ids.add(id);
        })
        .sort((one, other) => one.seq - other.seq);
      // Two connections of a move may overlap: the page may be older than the items since.
      if (isHad(page.top, epoch)) return fresh as readonly InboxItem[];
      at = { epoch, seq: page.top };
      top = page.top;
      return fresh as readonly InboxItem[];
    },
    own: (id) => void ids.add(id),
  };
}
