import type { PushMessage } from '../protocol/people.ts';
import type { InboxItem, LiveItem } from './inbox-item.ts';
import { createRecentIds } from './recent-ids.ts';
import type { Position } from './sequence.ts';

/** Which items of one person's inbox are new to the application, and up to where it has had them. */
export interface InboxOrder {
  /** Undefined where it cannot be said under which epoch: the ids tell what is new then. */
  position(): Position | undefined;
  /** The newest seq that came. */
  top(): number;
  /** Whether it is new. */
  offer(live: LiveItem): boolean;
  /** What of the page is new, in the order of its numbers. */
  admit(page: PushMessage): readonly InboxItem[];
  /** Sent by this client, which the server leaves out: no news when it comes from the log. */
  own(id: string): void;
}

/** More than an inbox keeps, so that all of it can come again and be known. */
const MAX_IDS = 2_000;

export function createInboxOrder(start?: Position): InboxOrder {
  let at = start;
  let top = start?.seq ?? 0;
  const ids = createRecentIds(MAX_IDS);
  /** Apart: an announcement heard live may come again with a number much later. */
  const announced = createRecentIds(MAX_IDS);

  function move(seq: number, epoch: string | undefined): void {
    if (epoch !== undefined) at = { epoch, seq };
    // Not under an epoch we know: from an empty inbox everything is newer, of another history nothing is certain.
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
      at = { epoch, seq: page.top };
      top = page.top;
      return fresh as readonly InboxItem[];
    },
    own: (id) => void ids.add(id),
  };
}
