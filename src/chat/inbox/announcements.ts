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

export interface StoredAnnouncement {
  readonly id: string;
  readonly seq: number;
  readonly epoch: string;
  readonly at: number;
}

export interface Announcements {
  /** `json`: the text of its data. `operation`: its id if it may be tried again, as of a push. */
  announce(nsp: string, json: string, operation?: string): Promise<Outcome<StoredAnnouncement>>;
  /** Copies newer announcements into the inbox and returns up to which one. Safe to call concurrently. */
  copyInto(inbox: Room): Promise<Outcome<number>>;
}

/** Announcements put in at once. */
const PORTION = 100;
/** More often than there are announcements to put in, it cannot be another login. */
const MAX_TRIES = PUSH_MESSAGE_UNREAD + 10;

export function createAnnouncements({ logs, inboxes, newId }: AnnouncementsDeps): Announcements {
  /** Those after the mark, oldest first; for somebody who never had any the newest that a login shows. */
  async function readSince(inbox: Room, mark: Position | undefined): Promise<Outcome<LogPage>> {
    const news = announcementsOf(inbox.nsp);
    if (mark === undefined) return logs.read(news, { limit: PUSH_MESSAGE_UNREAD, maxBytes: MAX_PAGE_BYTES });
    const query = { limit: PORTION, maxBytes: MAX_PAGE_BYTES };
    const page = await logs.read(news, { ...query, after: mark.seq });
    const from = page.ok ? positionIn(page.value, mark) : mark.seq;
    return from === mark.seq ? page : logs.read(news, { ...query, after: from });
  }

  /** False: somebody else put one of them in first. */
  async function foldOnce(inbox: Room): Promise<Outcome<number | false>> {
    const markers = await inboxes.markers(inbox);
    if (!markers.ok) return markers;
    let was = markers.value.announcements;
    for (;;) {
      const since = await readSince(inbox, was);
      if (!since.ok) return since;
      // Not one after the other: the store keeps the order asked, and a commit for each held up every login.
      const folds = since.value.entries.map((entry) => {
        const becomes = { epoch: entry.epoch, seq: entry.seq };
        const folding = inboxes.appendAnnouncement(inbox, draftOf(itemOf(entry)), { was, becomes });
        was = becomes;
        return folding;
      });
      for (const folded of await Promise.all(folds))
        if (!folded.ok || !folded.value) return folded as Outcome<false>;
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
      return appended.ok ? succeed(announcedAs(appended.value)) : appended;
    },

    async copyInto(inbox) {
      // Whoever finds another login of the same person at it looks again: when this answers, all of it is in.
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const folded = await foldOnce(inbox);
        if (!folded.ok) return folded;
        if (folded.value !== false) return succeed(folded.value);
      }
      return refuse('unavailable', 'the inbox is changing too fast, try again', 1_000);
    },
  };
}

export function announcementOf(entry: Entry): Announcement {
  const { id, seq, at, data } = parseItem(entry);
  return { id, seq, at, data };
}

/** Under its own id and time, so that who heard it live knows it again. */
function itemOf(entry: Entry): OutgoingItem {
  const { id, at, data } = parseItem(entry);
  return { id, at, kind: 'announcement', json: JSON.stringify(data) };
}

function announcedAs({ id, seq, epoch, at }: Appended): StoredAnnouncement {
  return { id, seq, epoch, at };
}

/** Up to where the mark and this log are the same; the store may have lost its newest announcements. */
function positionIn(page: LogPage, mark: Position): number {
  if (mark.epoch === page.epoch) return mark.seq;
  const previous = page.previousEpochs.find(({ epoch }) => epoch === mark.epoch);
  return previous ? Math.min(mark.seq, previous.upTo) : 0;
}
