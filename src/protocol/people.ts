export interface User {
  readonly id: string;
  readonly name: string;
  readonly avatar?: string;
}

/** The user that an entry of a room is from or about. */
export interface Person {
  readonly username: string;
  readonly userId: string;
  readonly avatar?: string;
}

/** A user whom the members of a room are told of. */
export interface PresentPerson extends Person {
  /** The name looks like that of another member, or is the same; show the two apart, by their ids for example. */
  readonly confusable?: true;
}

export type ItemKind = 'private' | 'todo' | 'push' | 'announcement' | 'remind' | 'mention';

/** An item in a user's inbox. */
export interface Item {
  readonly id: string;
  /** The item's position in the inbox; rises by exactly 1. */
  readonly seq: number;
  /** Ms since 1970 by the store's clock; for an announcement, when it was made. */
  readonly at: number;
  readonly kind: ItemKind;
  readonly from?: User;
  /** Only items from a back end have one, if it gave one. */
  readonly entityType?: string;
  /** `private`: `{to, text}`. `todo`: the whole todo. `mention`: a `MentionPlace`. Otherwise the back end's data. */
  readonly data: unknown;
}

/** The inbox as a user gets it after login. */
export interface PushMessage {
  readonly epoch: string;
  /** Items up to this position are not sent live again. */
  readonly top: number;
  /** The newest unread items, oldest first. */
  readonly unread: readonly Item[];
  readonly read: readonly Item[];
  /** There are more unread items; `inbox:list` returns them. */
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

/** The second argument of `todo_message`. */
export interface TodoMeta {
  readonly id: string;
  readonly seq: number;
  readonly epoch: string;
  readonly at: number;
}

/** A message to one user; the sender's other connections get it too. */
export interface PrivateMessage extends TodoMeta {
  readonly from: User;
  /** A user id. */
  readonly to: string;
  readonly text: string;
}

/** The message that mentions this user. The item and the message have the same `id`. */
export interface MentionPlace {
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
}

/** A message of a room mentions this user. `seq` and `epoch` are the item's position in the inbox. */
export interface Mention extends TodoMeta {
  readonly from: User;
  readonly data: MentionPlace;
}

/** The newest private messages to that user, by id, that a device of theirs has received, and that they have read. */
export interface Receipt {
  /** The user id of the receiver. */
  readonly by: string;
  readonly delivered?: string;
  readonly read?: string;
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
   * The position among the announcements to everybody, or in the inbox if it was pushed to this user. Absent if it was
   * sent to some rooms only, because those are not stored.
   */
  readonly seq?: number;
  readonly at: number;
  readonly data: unknown;
}

/** The place where an item for a user was stored. */
export interface SendAck {
  readonly id: string;
  /** The position in the receiver's inbox. 0 for a private message to a user who is in none of the sender's rooms. */
  readonly seq: number;
  readonly at: number;
  /** The receiver's connections now, also 0 for such a message. */
  readonly live: number;
  readonly dup?: true;
}

export type TextMessage =
  | string
  | { readonly name: string; readonly avatar?: string; readonly content: string; readonly to?: string };
