import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES, PUSH_MESSAGE_UNREAD } from '../../protocol/limits.ts';
import type { Announcement } from '../../protocol/people.ts';
import type { InboxStore } from '../inbox-store.ts';
import type { Appended, Entry, LogPage, Position, RoomLogs } from '../log-store.ts';
import { announcementsOf, type Room } from '../room.ts';
import { draftOf, type OutgoingItem, parseItem } from './items.ts';

/*
 * Announcements to everybody are one log (fan-out on read). Connected users get an announcement live. It is copied into a
 * user's inbox only when the user next logs in, lists or acknowledges: so it costs one append instead of one per user,
 * and still has a number in each inbox by which it is marked as read. The inbox's marker `announcements` is the position
 * up to which copies exist.
 */

export interface AnnouncementsDeps {
  readonly logs: RoomLogs;
  readonly inboxes: InboxStore;
  readonly newId: () => string;
}

export type StoredAnnouncement = Omit<Appended, 'dup'>;

export interface Announcements {
  /** `json` is the data as JSON text. `operation` is the announcement's id if the caller may retry, as for a push. */
  announce(nsp: string, json: string, operation?: string): Promise<Outcome<StoredAnnouncement>>;
  /** Copies newer announcements into the inbox and returns the position of the last one. Safe to call concurrently. */
  copyInto(inbox: Room): Promise<Outcome<number>>;
}

/** Announcements copied in one step. */
const BATCH = 100;
/** Each lost race copies at least one announcement, so more attempts than announcements cannot all lose to another login. */
const MAX_ATTEMPTS = PUSH_MESSAGE_UNREAD + 10;

export function createAnnouncements({ logs, inboxes, newId }: AnnouncementsDeps): Announcements {
  /** Returns those after the marker, oldest first; for an inbox without a marker, the newest that a login shows. */
  async function readSince(inbox: Room, marker: Position | undefined): Promise<Outcome<LogPage>> {
    const log = announcementsOf(inbox.nsp);
    if (marker === undefined) return logs.read(log, { limit: PUSH_MESSAGE_UNREAD, maxBytes: MAX_PAGE_BYTES });
    const query = { limit: BATCH, maxBytes: MAX_PAGE_BYTES };
    const page = await logs.read(log, { ...query, after: marker.seq });
    const from = page.ok ? positionIn(page.value, marker) : marker.seq;
    return from === marker.seq ? page : logs.read(log, { ...query, after: from });
  }

  /** Returns false if another login copied one of them first. */
  async function copyOnce(inbox: Room): Promise<Outcome<number | false>> {
    const markers = await inboxes.markers(inbox);
    if (!markers.ok) return markers;
    let was = markers.value.announcements;
    for (;;) {
      const since = await readSince(inbox, was);
      if (!since.ok) return since;
      // Concurrent, because the store keeps the order of the calls, and one commit for each delayed every login.
      const copies = since.value.entries.map((entry) => {
        const becomes = { epoch: entry.epoch, seq: entry.seq };
        const copy = inboxes.appendAnnouncement(inbox, draftOf(itemOf(entry)), { was, becomes });
        was = becomes;
        return copy;
      });
      for (const copied of await Promise.all(copies))
        if (!copied.ok || !copied.value) return copied as Outcome<false>;
      const forward = markers.value.announcements !== undefined;
      if (!forward || !since.value.more) return succeed(was?.seq ?? 0);
    }
  }

  return {
    async announce(nsp, json, operation) {
      const item: OutgoingItem = { id: operation ?? newId(), kind: 'announcement', json };
      const dedupe =
        operation === undefined ? {} : { dedupe: { scope: 'operation', clientMsgId: operation } };
      const appended = await logs.append(announcementsOf(nsp), draftOf(item, dedupe));
      return appended.ok ? succeed(toStored(appended.value)) : appended;
    },

    async copyInto(inbox) {
      // It starts again after losing a race to another login of the user, so every announcement is copied on return.
      for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
        const copied = await copyOnce(inbox);
        if (!copied.ok) return copied;
        if (copied.value !== false) return succeed(copied.value);
      }
      return refuse('unavailable', 'the inbox is changing too fast, try again', 1_000);
    },
  };
}

export function announcementOf(entry: Entry): Announcement {
  const { id, seq, at, data } = parseItem(entry);
  return { id, seq, at, data };
}

/** Keeps the announcement's id and time, so that clients that got it live recognise the copy. */
function itemOf(entry: Entry): OutgoingItem {
  const { id, at, data } = parseItem(entry);
  return { id, at, kind: 'announcement', json: JSON.stringify(data) };
}

function toStored({ id, seq, epoch, at }: Appended): StoredAnnouncement {
  return { id, seq, epoch, at };
}

/** Returns how far the marker and this log agree; the store may have lost its newest announcements. */
function positionIn(page: LogPage, marker: Position): number {
  if (marker.epoch === page.epoch) return marker.seq;
  const previous = page.previousEpochs.find(({ epoch }) => epoch === marker.epoch);
  return previous ? Math.min(marker.seq, previous.upTo) : 0;
}
