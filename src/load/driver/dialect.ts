import type { ReadMessage } from '../checker/live/room-check.ts';
import type { ClientSpec } from './orders.ts';

/** The meaning of a text that is neither a room's message nor an ack, for the client that got it. */
export interface Meaning {
  readonly send?: string;
  /** It is in its room; the next message there has the number after this one. */
  readonly joinedAt?: number;
  readonly epoch?: string;
  /** With `joinedAt`: the server has not said so, and may still work on it. */
  readonly isUnconfirmed?: true;
  /** With `joinedAt`: whether what was missed since `resume` is all in `missed`. */
  readonly recovered?: boolean;
  readonly missed?: readonly NumberedMessage[];
  /** The server says that it ends the connection. */
  readonly bye?: { readonly code: number; readonly afterMs: number };
  /** The server has refused this message of the client. */
  readonly refusedMessage?: { readonly number: number; readonly code: string };
  /** The server does not let the client in. */
  readonly refused?: string;
  /** The process that serves the client, if the server names it. */
  readonly worker?: number;
  /** Messages of the room up to the number before `next` cannot be had any more. */
  readonly goneBefore?: number;
  /** The newest position in the user's inbox. */
  readonly inboxTop?: number;
  readonly privateMessage?: NumberedMessage & { readonly to: string };
}

export interface NumberedMessage {
  readonly number: number;
  readonly message: ReadMessage;
}

/** A client as its dialect sees it. */
export interface DialectClient {
  readonly spec: ClientSpec;
  readonly name: string;
  /** It names itself as a user, so that others can write to it. */
  readonly isIdentified: boolean;
  /** Its position in its room before its connection ended. */
  readonly resume: { readonly epoch: string; readonly seq: number } | undefined;
}

/** The order and the receivers that a server promises. */
export interface Promises {
  /** All members of a room get all its messages in one order. */
  readonly roomOrder: boolean;
  /** A client gets what it says itself. */
  readonly ownMessages: boolean;
}

/** The words that a system speaks and expects over a WebSocket. */
export interface Dialect {
  /**
   * The messages of a room are numbered by the server, by the one client that speaks there, or, for all its speakers
   * together, by their driver process.
   */
  readonly numberedBy: 'server' | 'sender' | 'driver';
  path(client: DialectClient): string;
  /** Headers of the handshake. */
  headers?(client: DialectClient): Readonly<Record<string, string>>;
  /** Sent by the client as soon as the connection is open. */
  readonly hello?: string;
  /** In a room without a word of the server. */
  readonly joinsByOpening?: boolean;
  /** The beginning of every message of the room; its number follows. Absent if the driver numbers them. */
  messageStart?(room: string): string;
  /** The beginning of every ack; the number of the acked message follows. Without one they come in order. */
  ackStart?(client: DialectClient): string;
  /** No message is acknowledged. */
  readonly unacknowledged?: true;
  /** The code of the refusal that an ack holds, if it is one; by default as Roomcast refuses. */
  refusalIn?(answer: string): string | undefined;
  /** A message with slots for number and time; see `origin-text.ts`. */
  say(client: DialectClient, room: string, textBytes: number): string;
  /** Reads a room's message for the check of its content. */
  read(frame: string, client?: DialectClient): ReadMessage | undefined;
  hear(text: string, client: DialectClient): Meaning | undefined;
  /** The last words of a client that goes by itself. */
  leave?(client: DialectClient): string | undefined;
  /** The promises of a server that does not number its messages; no more than that is checked. */
  readonly promises?: Promises;
  /** The event that says something to one user, as JSON. */
  sayPrivately?(to: string, text: string, id: string): string;
  /** Asks for a page of a room's members. */
  askMembers?(room: string, cursor: string | undefined): string;
  readMembers?(answer: unknown): { readonly names: readonly string[]; readonly cursor?: string } | undefined;
}
