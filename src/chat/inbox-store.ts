import type { Outcome } from '../protocol/codes.ts';
import type { Exclusion } from './exclusions.ts';
import type { NotedPosition } from './held-positions.ts';
import type { Draft, Position } from './log-store.ts';
import type { Room } from './room.ts';

/** A user's positions in the inbox. Markers only rise; 0 is the beginning. `read` ≤ `recv` ≤ the inbox's end. */
export interface InboxMarkers {
  /** One of the user's devices has received everything up to here. */
  readonly recv: number;
  /** The user has read everything up to here. */
  readonly read: number;
  /** Announcements up to this position of their log have been copied into the inbox; absent if none has. */
  readonly announcements?: Position;
  /** Only where a token was asked about, and there is a reason. */
  readonly exclusion?: Exclusion;
}

export type AcknowledgedMarkers = Pick<InboxMarkers, 'recv' | 'read'>;

export interface RaisedMarkers extends InboxMarkers {
  /** The markers before, from the same step. A primary of the previous release does not say. */
  readonly was?: AcknowledgedMarkers;
}

export interface MarkerUpdate {
  /** Written to one of the user's connections. */
  readonly sent?: number;
  readonly recv?: number;
  readonly read?: number;
}

/** When each marker first reached an item, ms by the store's clock; absent if it has not. */
export interface ItemProgress {
  readonly sentAt?: number;
  readonly recvAt?: number;
  readonly readAt?: number;
}

/** The user of an inbox, as somebody asks for its markers. */
export interface InboxLogin {
  readonly jti?: string | undefined;
  /**
   * The user opens the inbox, see unopened-inbox.ts. `lastingly`: also one that has no items. The store MUST remember that for
   * as long as it would keep an item. `ifStored` stores nothing for an inbox without items, since every guest has one.
   */
  readonly opens?: 'lastingly' | 'ifStored' | undefined;
}

/** The markers of inboxes. The store MUST keep them as long as it keeps the numbering of the inbox's log. */
export interface InboxStore {
  /**
   * With `login`, also returns what keeps the inbox's user and the token with that `jti` out, see exclusions.ts. MUST NOT take
   * another round trip for it unless there is something.
   */
  markers(inbox: Room, login?: InboxLogin): Promise<Outcome<InboxMarkers>>;
  /** Raises markers; `read` raises `recv` too. MUST NOT lower one, nor raise it beyond the inbox's end. */
  raise(inbox: Room, to: MarkerUpdate): Promise<Outcome<RaisedMarkers>>;
  /**
   * Appends as `RoomLogs.append` does and moves the marker `announcements` from `was` to `becomes`, in one atomic step.
   * If the marker is no longer `was`, another login has copied that announcement: MUST NOT store anything then, and
   * returns false.
   */
  appendAnnouncement(
    inbox: Room,
    draft: Draft,
    move: { readonly was: Position | undefined; readonly becomes: Position },
  ): Promise<Outcome<boolean>>;
  /** Erases items, markers, room subscriptions, blocked users and known `clientMsgId`s. The next item begins a new epoch. */
  erase(inbox: Room): Promise<Outcome<void>>;
  /**
   * Answers in the order asked, in one round trip. Times older than a marker's newest 200 steps may be too late. MUST know
   * nothing of an item that the inbox no longer holds under that number, see held-positions.ts.
   */
  progress(
    items: readonly (NotedPosition & { readonly inbox: Room })[],
  ): Promise<Outcome<readonly ItemProgress[]>>;
}

/** The position of a push in each receiver's inbox. */
export interface PushPositions {
  readonly nsp: string;
  readonly positions: readonly (NotedPosition & { readonly userId: string; readonly at: number })[];
}

/** The positions of pushes, from which their senders get receipts. */
export interface PushStore {
  /** Adds positions, stored for INBOX_TTL_S; a later one of a user replaces the earlier. MUST be idempotent. */
  save(id: string, push: PushPositions): Promise<Outcome<void>>;
  find(id: string): Promise<Outcome<PushPositions | undefined>>;
}
