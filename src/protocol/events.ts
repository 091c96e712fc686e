import type { WireError } from './codes.ts';
import type { EventName, PayloadInput } from './payloads.ts';

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

/** A stored message of a room. History pages and live delivery have exactly this shape. */
export interface SaidMessage {
  readonly event: 'broadcast_say';
  readonly roomid: string;
  readonly epoch: string;
  /** Rises by exactly 1 within an epoch. */
  readonly seq: number;
  readonly id: string;
  /** The store's clock, ms since 1970; never runs backwards within a room. */
  readonly at: number;
  readonly clientMsgId?: string;
  /** It was taken out: only its place is left, `data` is empty. */
  readonly deleted?: true;
  readonly data: Person & { readonly text: string; readonly type: number };
}

/** Someone came or left; not stored, not numbered. */
export interface PresenceMessage {
  readonly event: 'join' | 'broadcast_quit';
  readonly roomid: string;
  readonly data: Person;
}

/** A stored message was taken out; in history its place stays, with `deleted`. */
export interface DeletedMessage {
  readonly event: 'deleted';
  readonly roomid: string;
  readonly seq: number;
}

export type RoomMessage = SaidMessage | PresenceMessage | DeletedMessage;

/** This connection is no longer in the room. */
export interface Removed {
  readonly roomid: string;
  readonly code: 'kicked' | 'banned';
  /** When the ban ends, ms since 1970; without it a ban has no end. */
  readonly until?: number;
}

/** This connection's user may say nothing in the room. */
export interface Muted {
  readonly roomid: string;
  /** When it ends, ms since 1970; without it there is no end. */
  readonly until?: number;
}

export interface MessagePage {
  readonly epoch: string;
  /** The newest seq of the room, 0 when nothing was ever said. */
  readonly top: number;
  readonly more: boolean;
  /** Oldest first. */
  readonly messages: readonly SaidMessage[];
}

export interface RoomMember extends Person {
  /** Connections in the room; none: the link was lost less than 5 s ago. */
  readonly clients: number;
  /** `doubtful`: the worker that had the connections stopped proving itself. */
  readonly state: 'online' | 'doubtful';
  /** When that worker last proved itself, ms since 1970 by the store's clock. */
  readonly seenAt: number;
}

export interface MemberPage {
  readonly users: number;
  readonly clients: number;
  /** By user id. */
  readonly members: readonly RoomMember[];
  /** There are more: to be given with the next question. */
  readonly cursor?: string;
}

/** A room the user has joined and not left. */
export interface MyRoom {
  readonly roomid: string;
  readonly top: number;
  readonly read: number;
  readonly unread: number;
}

export interface Typing {
  readonly roomid: string;
  readonly userId: string;
  readonly username: string;
  readonly on: boolean;
}

export interface Joined {
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  readonly users: number;
  readonly clients: number;
  readonly recovered?: boolean;
  readonly messages: readonly SaidMessage[];
  readonly more: boolean;
}

export interface Said {
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly dup?: true;
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
export interface Posted {
  readonly id: string;
  /** In the receiver's inbox. */
  readonly seq: number;
  readonly at: number;
  /** The receiver's connections now. */
  readonly live: number;
  readonly dup?: true;
}

export type TextMessage =
  | string
  | { readonly name: string; readonly avatar?: string; readonly content: string; readonly to?: string };

/** What each event's ack carries beside `ok: true`. */
export interface Acks {
  join: Joined;
  leave: object;
  say: Said;
  'room:history': MessagePage;
  'room:members': MemberPage;
  'room:read': { readonly roomid: string; readonly read: number };
  'rooms:mine': { readonly rooms: readonly MyRoom[] };
  typing: object;
  user_login: { readonly user: User };
  /** `left`: rooms the new token does not allow. `expiresAt`: ms since 1970. */
  'token:refresh': { readonly expiresAt?: number; readonly left: readonly string[] };
  private: Posted;
  todo: Posted;
  /** `live`: connections of the named person; only with `to`. */
  textmsg: { readonly live?: number };
  'inbox:list': InboxPage;
  'inbox:ack': { readonly recvSeq: number; readonly readSeq: number };
  close: object;
}

export type Ack<E extends EventName> =
  | ({ readonly ok: true } & Acks[E])
  | { readonly ok: false; readonly error: WireError };

export interface Hello {
  readonly clientId: string;
  readonly user: User;
  readonly auth: 'open' | 'token';
  readonly protocol: number;
  /** The worker's slot. */
  readonly worker: number;
  readonly time: number;
  readonly guestToken?: string;
  readonly limits: {
    readonly maxTextBytes: number;
    readonly maxRooms: number;
    readonly maxHistory: number;
    readonly dedupeTtlS: number;
  };
}

export interface Bye {
  readonly code: number;
  readonly reason: string;
  readonly reconnect: boolean;
  /** How long to wait before coming back. */
  readonly afterMs: number;
}

export interface RoomGap {
  readonly roomid: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: 'epoch' | 'trimmed';
}

export type ClientToServer = {
  [E in EventName]: (payload?: PayloadInput<E>, ack?: (answer: Ack<E>) => void) => void;
};

export interface ServerToClient {
  hello: (hello: Hello) => void;
  joined: (joined: Joined) => void;
  message: (message: RoomMessage) => void;
  refused: (refused: { event: string; clientMsgId?: string; error: WireError }) => void;
  'room:gap': (gap: RoomGap) => void;
  removed: (removed: Removed) => void;
  muted: (muted: Muted) => void;
  /** Not repeated within 6 s, it is over. */
  typing: (typing: Typing) => void;
  /** The store is away: nothing can be said until `cluster:restored`. */
  'cluster:degraded': (degraded: { since: number }) => void;
  'cluster:restored': (restored: object) => void;
  push_message: (shown: PushMessage) => void;
  private: (message: PrivateMessage) => void;
  todo_message: (todo: unknown, meta: TodoMeta) => void;
  receive_message: (message: ReceiveMessage) => void;
  announcement: (announcement: Announcement) => void;
  textmsg: (message: TextMessage) => void;
  /** S2: on connecting to another namespace than `/`. */
  'new message': (message: { mess: string }) => void;
  /** Of the whole cluster. */
  online: (online: { users: number; clients: number }) => void;
  'token:expiring': (expiring: { inMs: number }) => void;
  bye: (bye: Bye) => void;
}
