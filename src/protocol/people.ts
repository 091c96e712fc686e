export interface User {
  readonly id: string;
  readonly name: string;
  readonly avatar?: string;
}

/** Who an entry of a room is from or about. */
export interface Person {
  readonly username: string;
  readonly userId: string;
  readonly avatar?: string;
}

export type ItemKind = 'private' | 'todo' | 'push' | 'announcement' | 'remind';

/** Something for one person, kept in their inbox. */
export interface Item {
  readonly id: string;
  /** In the inbox; rises by exactly 1. */
  readonly seq: number;
  /** The store's clock, ms since 1970. Of an announcement: when it was announced. */
  readonly at: number;
  readonly kind: ItemKind;
  readonly from?: User;
  /** Of a push, an announcement or a reminder from a back end, if it gave one. */
  readonly entityType?: string;
  /** `private`: `{to, text}`. `todo`: the whole todo. Else what the back end gave. */
  readonly data: unknown;
}

/** What a person is shown after login. */
export interface PushMessage {
  readonly epoch: string;
  /** Items up to here do not come live again. */
  readonly top: number;
  /** The newest ones, oldest first. */
  readonly unread: readonly Item[];
  readonly read: readonly Item[];
  /** There are more unread ones than shown: `inbox:list`. */
  readonly more: boolean;
}

export interface InboxPage {
  readonly epoch: string;
  readonly top: number;
  readonly recvSeq: number;
  readonly readSeq: number;
  /** Oldest first. */
  readonly items: readonly Item[];
  readonly more: boolean;
}

/** A message to one person; also what the sender's other connections get. */
export interface PrivateMessage {
  readonly id: string;
  readonly seq: number;
  readonly epoch: string;
  readonly at: number;
  readonly from: User;
  /** A user id. */
  readonly to: string;
  readonly text: string;
}

/** Beside a `todo_message`. */
export interface TodoMeta {
  readonly id: string;
  readonly seq: number;
  readonly epoch: string;
  readonly at: number;
}

/** A push or a reminder. */
export interface ReceiveMessage {
  readonly entityType: string;
  readonly data: unknown;
  readonly id: string;
  readonly seq: number;
  readonly kind?: 'remind';
}

export interface Announcement {
  readonly id: string;
  /**
   * Of the announcements to everybody, or of the inbox when it was pushed to this person; absent when only some
   * rooms were told, which is not kept.
   */
  readonly seq?: number;
  readonly at: number;
  readonly data: unknown;
}

/** Where something sent to a person was stored. */
export interface SendAck {
  readonly id: string;
  /** In the receiver's inbox. */
  readonly seq: number;
  readonly at: number;
  /** The receiver's connections now. Of a private message to somebody in none of the sender's rooms: 0. */
  readonly live: number;
  readonly dup?: true;
}

export type TextMessage =
  | string
  | { readonly name: string; readonly avatar?: string; readonly content: string; readonly to?: string };
