import type { Person, PresentPerson } from './people.ts';
import type { Right } from './rights.ts';

/** The position and time of a stored entry of a room's log. */
interface StoredEntry {
  readonly roomid: string;
  readonly epoch: string;
  /** Rises by exactly 1 within an epoch. */
  readonly seq: number;
  readonly id: string;
  /** The store's clock, ms since 1970; never runs backwards within a room. */
  readonly at: number;
}

/** A reaction to a message, and who has it. */
export interface Reaction {
  readonly reaction: string;
  readonly count: number;
  /** The first ten user ids. One who takes the reaction back leaves the list, and whoever reacts next joins it. */
  readonly users: readonly string[];
}

/** A message of a room. History pages and live delivery have exactly this shape. */
export interface ChatMessage extends StoredEntry {
  readonly event: 'broadcast_say';
  readonly clientMsgId?: string;
  /** The `seq` of the message that this one answers. */
  readonly replyTo?: number;
  /** User ids. */
  readonly mentions?: readonly string[];
  /** A back end sent the message, in whatever name; no user can. Absent from messages stored by earlier releases. */
  readonly from?: 'service';
  /** The message was deleted, which an entry of its own announces: only its position is left, `data` is empty. */
  readonly deleted?: true;
  /** The time and the `seq` of the newest edit. */
  readonly edited?: { readonly at: number; readonly seq: number };
  /** The oldest reaction first; absent without any. */
  readonly reactions?: readonly Reaction[];
  /** The number of messages that answer this one. */
  readonly replies?: number;
  /** The newest entry that this form of the message takes into account; see `fold`. */
  readonly revision?: number;
  readonly data: Person & { readonly text: string; readonly type: number; readonly data?: unknown };
}

/** A user joined or left; neither stored nor numbered. */
export interface PresenceMessage {
  readonly event: 'join' | 'broadcast_quit';
  readonly roomid: string;
  readonly data: PresentPerson;
}

/** A stored message was deleted. This is an entry of the log with its own `seq`; the message keeps its position, with `deleted`. */
export interface DeletedMessage extends StoredEntry {
  readonly event: 'deleted';
  readonly clientMsgId?: string;
  /** The `seq` of the message. */
  readonly ref: number;
  /** The user who deleted it; absent for a back end. */
  readonly by?: Author;
}

/** The user behind an entry. */
export type Author = Pick<Person, 'userId' | 'username'>;

/** A message was edited: an entry of the log with its own `seq`. */
export interface EditedMessage extends StoredEntry {
  readonly event: 'edited';
  readonly clientMsgId?: string;
  readonly ref: number;
  /** The fields of the message's `data` that are replaced. */
  readonly data: { readonly text?: string; readonly data?: unknown; readonly type?: number };
  readonly by: Author;
}

/** Somebody reacted to a message, or took the reaction back: an entry of the log with its own `seq`. */
export interface ReactedMessage extends StoredEntry {
  readonly event: 'reacted';
  readonly ref: number;
  readonly data: { readonly reaction: string; readonly on: boolean };
  readonly by: Author;
}

/** An entry of a room's log: a message, or a change of an earlier one. */
export type RoomEntry = ChatMessage | DeletedMessage | EditedMessage | ReactedMessage;

export type RoomMessage = RoomEntry | PresenceMessage;

export const MODERATION_ACTIONS = ['kick', 'mute', 'unmute', 'ban', 'unban'] as const;

export type ModerationAction = (typeof MODERATION_ACTIONS)[number];

/** This connection is no longer in the room. */
export interface Removed {
  readonly roomid: string;
  readonly code: 'kicked' | 'banned';
  /** When the ban ends, ms since 1970; without it a ban has no end. */
  readonly until?: number;
}

/** This connection's user cannot send messages to the room. */
export interface Muted {
  readonly roomid: string;
  /** The end of the mute, ms since 1970; absent if it has no end. */
  readonly until?: number;
}

export interface MessagePage {
  readonly epoch: string;
  /** The newest seq of the room, 0 if it has never had a message. */
  readonly top: number;
  readonly more: boolean;
  /** Oldest first. */
  readonly messages: readonly RoomEntry[];
}

export interface RoomMember extends PresentPerson {
  /** Connections in the room; 0 if the last one was lost less than 5 s ago. */
  readonly clients: number;
  /** `doubtful`: the worker that had the connections has stopped its heartbeats. */
  readonly state: 'online' | 'doubtful';
  /** The last heartbeat of the user's worker, ms since 1970 by the store's clock. */
  readonly seenAt: number;
}

/** Lists users who joined or changed name, avatar or `confusable`, and users who left; sent at most once a second. */
export interface PresenceDiff {
  readonly roomid: string;
  /** Rises by 1 with each diff or count of the room; after a jump, read `room:members`, because something was missed. */
  readonly rev: number;
  readonly joins: readonly PresentPerson[];
  readonly leaves: readonly Person[];
}

/** Replaces the diff in rooms of more than 200 connections, or when diffs may have been lost. */
export interface PresenceCount {
  readonly roomid: string;
  readonly rev: number;
  readonly users: number;
  readonly clients: number;
}

export interface MemberPage {
  /** The `rev` of the last change sent before this page was read: diffs with a greater `rev` apply on top of the page. */
  readonly rev: number;
  readonly users: number;
  readonly clients: number;
  /** Sorted by user id. */
  readonly members: readonly RoomMember[];
  /** Present if there are more members; the next request continues with it. */
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

/** A volatile event of a member's application: stored nowhere, and lost to a client that reads too slowly. */
export interface Signal {
  readonly roomid: string;
  readonly name: string;
  readonly from: Author;
  readonly data?: unknown;
}

/** A user has read the room up to `seq`. */
export interface ReadMark {
  readonly userId: string;
  readonly seq: number;
}

/** So many users have read the room up to `seq`, or further. */
export interface ReadCount {
  readonly seq: number;
  readonly users: number;
}

/** Marks that rose, at most once a second; in a room of more than 200 connections the number of users at the furthest one. */
export type Reads =
  | { readonly roomid: string; readonly marks: readonly ReadMark[] }
  | { readonly roomid: string; readonly count: ReadCount };

export interface Joined {
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  readonly users: number;
  readonly clients: number;
  readonly recovered?: boolean;
  readonly messages: readonly RoomEntry[];
  readonly more: boolean;
  /** The user's rights in the room; absent from servers of earlier releases. */
  readonly can?: readonly Right[];
}

export interface SayAck extends StoredEntry {
  readonly dup?: true;
}

export interface RoomGap {
  readonly roomid: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: 'epoch' | 'trimmed';
}
