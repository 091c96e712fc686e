import type { Person } from './people.ts';

/** A message of a room. History pages and live delivery have exactly this shape. */
export interface ChatMessage {
  readonly event: 'broadcast_say';
  readonly roomid: string;
  readonly epoch: string;
  /** Rises by exactly 1 within an epoch. */
  readonly seq: number;
  readonly id: string;
  /** The store's clock, ms since 1970; never runs backwards within a room. */
  readonly at: number;
  readonly clientMsgId?: string;
  /** It was taken out, which an entry of its own tells: only its place is left, `data` is empty. */
  readonly deleted?: true;
  readonly data: Person & { readonly text: string; readonly type: number };
}

/** Someone came or left; not stored, not numbered. */
export interface PresenceMessage {
  readonly event: 'join' | 'broadcast_quit';
  readonly roomid: string;
  readonly data: Person;
}

/** A stored message was taken out. An entry of the log with a number of its own; the message's place stays, with `deleted`. */
export interface DeletedMessage {
  readonly event: 'deleted';
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  /** The `seq` of the message. */
  readonly ref: number;
  /** Who took it out; absent: a back end. */
  readonly by?: Pick<Person, 'userId' | 'username'>;
}

/** What a room's log holds: what is said, and what became of it. */
export type RoomEntry = ChatMessage | DeletedMessage;

export type RoomMessage = RoomEntry | PresenceMessage;

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
  readonly messages: readonly RoomEntry[];
}

export interface RoomMember extends Person {
  /** Connections in the room; none: the last one was lost less than 5 s ago. */
  readonly clients: number;
  /** `doubtful`: the worker that had the connections stopped proving itself. */
  readonly state: 'online' | 'doubtful';
  /** When that worker last proved itself, ms since 1970 by the store's clock. */
  readonly seenAt: number;
}

/** Who came (or goes by another name or face now) and who went; at most once a second. */
export interface PresenceDiff {
  readonly roomid: string;
  /** Rises by 1 with each diff or count of the room; a jump means that something was missed: `room:members`. */
  readonly rev: number;
  readonly joins: readonly Person[];
  readonly leaves: readonly Person[];
}

/** Instead of a diff in rooms of more than 200 connections, or when diffs may have been lost. */
export interface PresenceCount {
  readonly roomid: string;
  readonly rev: number;
  readonly users: number;
  readonly clients: number;
}

export interface MemberPage {
  /** Of the change told last before this page was read: diffs with a greater one come on top, in any case. */
  readonly rev: number;
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
  readonly messages: readonly RoomEntry[];
  readonly more: boolean;
}

export interface SayAck {
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly dup?: true;
}

export interface RoomGap {
  readonly roomid: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: 'epoch' | 'trimmed';
}
