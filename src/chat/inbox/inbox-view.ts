import { type Outcome, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES, PUSH_MESSAGE_READ, PUSH_MESSAGE_UNREAD } from '../../protocol/limits.ts';
import type { InboxPage, PushMessage } from '../../protocol/people.ts';
import type { InboxMarkers, InboxStore } from '../inbox-store.ts';
import type { Entry, LogPage, Position, RoomLogs } from '../log-store.ts';
import { readResumed } from '../pages.ts';
import type { Room } from '../room.ts';
import { isExpired, parseItem, type StoredItem, toItem } from './items.ts';

/** What is read for a login: a consistent page of the log, and what is told of it once it met the live items. */
export interface InboxSnapshot extends LogPage {
  /** Everything after where the device stood: none of it is left out, however much it is. */
  readonly recovered?: boolean;
  readonly markers: InboxMarkers;
  /** Older items that were read, for the part of `push_message` that is not new. */
  readonly older: readonly Entry[];
}

export interface InboxViewDeps {
  readonly logs: RoomLogs;
  readonly inboxes: InboxStore;
  readonly inboxSize: number;
  readonly now: () => number;
}

/** What of an inbox its owner is shown. */
export interface InboxView {
  /** `from`: where the device stands, if it says so. */
  read(inbox: Room, from: Position | undefined): Promise<Outcome<InboxSnapshot>>;
  /** The page with what came since it was read. `userId`: the owner, whose own messages are never unread. */
  toPushMessage(page: InboxSnapshot, since: readonly Entry[], userId: string): PushMessage;
  list(inbox: Room, query: { readonly before?: number; readonly limit: number }): Promise<Outcome<InboxPage>>;
}

/** Of a page's bytes, for the items that were read already: the unread ones matter more. */
const OLDER_BYTES = MAX_PAGE_BYTES / 4;

export function createInboxView({ logs, inboxes, inboxSize, now }: InboxViewDeps): InboxView {
  async function readNewest(inbox: Room): Promise<Outcome<LogPage>> {
    return logs.read(inbox, {
      limit: PUSH_MESSAGE_UNREAD + PUSH_MESSAGE_READ,
      maxBytes: MAX_PAGE_BYTES - OLDER_BYTES,
    });
  }

  /** Items that were read, when the newest page is all unread ones. */
  async function readOlder(
    inbox: Room,
    page: LogPage,
    markers: InboxMarkers,
  ): Promise<Outcome<readonly Entry[]>> {
    const [oldest] = page.entries;
    if (!page.more || !oldest || oldest.seq <= markers.read) return succeed([]);
    const older = await logs.read(inbox, {
      before: markers.read + 1,
      limit: PUSH_MESSAGE_READ,
      maxBytes: OLDER_BYTES,
    });
    return older.ok ? succeed(older.value.entries) : older;
  }

  return {
    async read(inbox, from) {
      // Marks first: what is read between the two looks is shown as unread once more, never the other way round.
      const markers = await inboxes.markers(inbox);
      if (!markers.ok) return markers;
      if (from) {
        const limits = { messages: inboxSize, latest: 1, maxBytes: MAX_PAGE_BYTES };
        const resumed = await readResumed(logs, inbox, from, limits);
        if (!resumed.ok) return resumed;
        if (resumed.value.recovered) return succeed({ ...resumed.value, markers: markers.value, older: [] });
      }
      const page = await readNewest(inbox);
      if (!page.ok) return page;
      const older = await readOlder(inbox, page.value, markers.value);
      if (!older.ok) return older;
      return succeed({ ...page.value, markers: markers.value, older: older.value });
    },

    toPushMessage(page, since, userId) {
      const at = now();
      const items = [...page.older, ...page.entries, ...since]
        .map(parseItem)
        .filter((item) => !isExpired(item, at));
      const isUnread = ({ seq, from }: StoredItem) => seq > page.markers.read && from?.id !== userId;
      const unread = items.filter(isUnread);
      const read = items.filter((item) => !isUnread(item));
      const epoch = since.at(-1)?.epoch ?? page.epoch;
      const top = since.at(-1)?.seq ?? page.top;
      if (page.recovered) {
        return { epoch, top, unread: unread.map(toItem), read: read.map(toItem), more: false };
      }
      const oldest = page.entries[0]?.seq ?? page.top + 1;
      const unreadBefore = page.more && oldest > page.markers.read + 1;
      return {
        epoch,
        top,
        unread: unread.slice(-PUSH_MESSAGE_UNREAD).map(toItem),
        read: read.slice(-PUSH_MESSAGE_READ).map(toItem),
        more: unread.length > PUSH_MESSAGE_UNREAD || unreadBefore,
      };
    },

    async list(inbox, { before, limit }) {
      const [markers, page] = await Promise.all([
        inboxes.markers(inbox),
        logs.read(inbox, { limit, maxBytes: MAX_PAGE_BYTES, ...(before === undefined ? {} : { before }) }),
      ]);
      if (!markers.ok) return markers;
      if (!page.ok) return page;
      const { epoch, top, entries, more } = page.value;
      const at = now();
      const items = entries.map(parseItem).filter((item) => !isExpired(item, at));
      return succeed({
        epoch,
        top,
        recvSeq: markers.value.recv,
        readSeq: markers.value.read,
        items: items.map(toItem),
        more,
      });
    },
  };
}
