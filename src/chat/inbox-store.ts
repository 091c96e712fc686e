import type { Outcome } from '../protocol/codes.ts';
import type { Draft, Position } from './log-store.ts';
import type { Room } from './room.ts';

/** How far a user is with the inbox. Marks only rise; 0: nothing yet. `read` ≤ `recv` ≤ the inbox's end. */
export interface InboxMarkers {
  /** A device of theirs has everything up to here. */
  readonly recv: number;
  /** They have read everything up to here. */
  readonly read: number;
  /** Announcements up to this position of the news were put in. Absent: none yet. */
  readonly announcements?: Position;
}

export interface MarkerUpdate {
  /** Written to one of the user's connections. */
  readonly sent?: number;
  readonly recv?: number;
  readonly read?: number;
}

/** When an item was first covered by a mark, ms by the store's clock; absent: not yet. */
export interface ItemProgress {
  readonly sentAt?: number;
  readonly recvAt?: number;
  readonly readAt?: number;
}

/** What is kept of a user's inbox beside its log, for as long as the log's numbers. */
export interface InboxStore {
  markers(inbox: Room): Promise<Outcome<InboxMarkers>>;
  /** `read` raises `recv` along. A seq below its mark changes nothing, one beyond the inbox's end counts as its end. */
  raise(inbox: Room, to: MarkerUpdate): Promise<Outcome<InboxMarkers>>;
  /**
   * Appends as `RoomLogs.append` does and moves the mark `news` from `was` to `becomes`, in one step. If the mark is
   * not `was` any more somebody else put that announcement in: nothing is stored, and the answer is false.
   */
  appendAnnouncement(
    inbox: Room,
    draft: Draft,
    news: { readonly was: Position | undefined; readonly becomes: Position },
  ): Promise<Outcome<boolean>>;
  /** Forgets the inbox: items, marks, visits, and which `clientMsgId`s it knew. A new epoch begins with the next item. */
  erase(inbox: Room): Promise<Outcome<void>>;
  /** In the order asked, in one round trip. Exact for the newest 200 steps of each mark, later than true before. */
  progress(
    items: readonly { readonly inbox: Room; readonly seq: number }[],
  ): Promise<Outcome<readonly ItemProgress[]>>;
}

/** Where a push stands in whose inbox. */
export interface PushPositions {
  readonly nsp: string;
  readonly positions: readonly { readonly userId: string; readonly seq: number; readonly at: number }[];
}

/** What is kept of a push for its sender. */
export interface PushStore {
  /** Adds places, kept for INBOX_TTL_S. May be repeated. */
  save(id: string, places: PushPositions): Promise<Outcome<void>>;
  find(id: string): Promise<Outcome<PushPositions | undefined>>;
}
