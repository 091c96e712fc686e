import { type Outcome, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES, PUSH_MESSAGE_READ, PUSH_MESSAGE_UNREAD } from '../../protocol/limits.ts';
import type { InboxPage, PushMessage } from '../../protocol/people.ts';
import type { Access } from '../identity.ts';
import type { InboxLogin, InboxMarkers, InboxStore } from '../inbox-store.ts';
import type { Entry, LogPage, Position, RoomLogs } from '../log-store.ts';
import { readResumed } from '../pages.ts';
import type { Room } from '../room.ts';
import { isExpired, isHeldBack, parseItem, type StoredItem, toItem } from './items.ts';

/** The inbox as a login reads it: a consistent page of the log, the markers and some older items. */
export interface InboxSnapshot extends LogPage {
  /** The page holds everything after the device's position, so `push_message` leaves nothing out. */
  readonly recovered?: boolean;
  readonly markers: InboxMarkers;
  /** Older, read items for the `read` part of `push_message`. */
  readonly older: readonly Entry[];
}

export interface InboxViewDeps {
  readonly logs: RoomLogs;
  readonly inboxes: InboxStore;
  readonly inboxSize: number;
  readonly now: () => number;
}

/** One connection of the inbox's owner. */
export interface InboxOwner {
  /** The owner's own messages are never unread. */
  readonly userId: string;
  readonly access: Access;
}

/** The owner's view of an inbox. Mentions in rooms that the access does not let the owner read are left out. */
export interface InboxView {
  /** `from` is the device's position, if the client sent one. */
  read(
    inbox: Room,
    from: Position | undefined,
    /** See `InboxStore.markers`. */
    login?: InboxLogin,
  ): Promise<Outcome<InboxSnapshot>>;
  /** Combines the page with the items since. */
  toPushMessage(page: InboxSnapshot, since: readonly Entry[], owner: InboxOwner): PushMessage;
  list(
    inbox: Room,
    query: { readonly before?: number; readonly limit: number },
    access: Access,
  ): Promise<Outcome<InboxPage>>;
}

/** The share of a page's bytes for read items: the unread ones matter more. */
const OLDER_BYTES = MAX_PAGE_BYTES / 4;

export function createInboxView({ logs, inboxes, inboxSize, now }: InboxViewDeps): InboxView {
  async function readNewest(inbox: Room): Promise<Outcome<LogPage>> {
    return logs.read(inbox, {
      limit: PUSH_MESSAGE_UNREAD + PUSH_MESSAGE_READ,
      maxBytes: MAX_PAGE_BYTES - OLDER_BYTES,
    });
  }

  /** Reads items below the read marker if the newest page holds unread ones only. */
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

  function shown(entries: readonly Entry[], access: Access): StoredItem[] {
    const at = now();
    return entries.map(parseItem).filter((item) => !isExpired(item, at) && !isHeldBack(item, access));
  }

  return {
    async read(inbox, from, login) {
      // Markers first: an item that is read between the two queries is shown as unread once more, never the reverse.
      const markers = await inboxes.markers(inbox, login);
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

    toPushMessage(page, since, { userId, access }) {
      const items = shown([...page.older, ...page.entries, ...since], access);
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

    async list(inbox, { before, limit }, access) {
      const [markers, page] = await Promise.all([
        inboxes.markers(inbox),
        logs.read(inbox, { limit, maxBytes: MAX_PAGE_BYTES, ...(before === undefined ? {} : { before }) }),
      ]);
      if (!markers.ok) return markers;
      if (!page.ok) return page;
      const { epoch, top, entries, more } = page.value;
      return succeed({
        epoch,
        top,
        recvSeq: markers.value.recv,
        readSeq: markers.value.read,
        items: shown(entries, access).map(toItem),
        more,
      });
    },
  };
}
