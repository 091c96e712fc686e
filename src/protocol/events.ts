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
  readonly data: Person & { readonly text: string; readonly type: number };
}

/** Someone came or left; not stored, not numbered. */
export interface PresenceMessage {
  readonly event: 'join' | 'broadcast_quit';
  readonly roomid: string;
  readonly data: Person;
}

export type RoomMessage = SaidMessage | PresenceMessage;

export interface MessagePage {
  readonly epoch: string;
  /** The newest seq of the room, 0 when nothing was ever said. */
  readonly top: number;
  readonly more: boolean;
  /** Oldest first. */
  readonly messages: readonly SaidMessage[];
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

/** What each event's ack carries beside `ok: true`. */
export interface Acks {
  join: Joined;
  leave: object;
  say: Said;
  'room:history': MessagePage;
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
  /** The store is away: nothing can be said until `cluster:restored`. */
  'cluster:degraded': (degraded: { since: number }) => void;
  'cluster:restored': (restored: object) => void;
  bye: (bye: Bye) => void;
}
