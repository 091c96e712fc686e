import type { WireError } from './codes.ts';
import type { EventName, PayloadInput } from './payloads.ts';
import type {
  Announcement,
  InboxPage,
  Mention,
  PrivateMessage,
  PushMessage,
  Receipt,
  ReceiveMessage,
  SendAck,
  TextMessage,
  TodoMeta,
  User,
} from './people.ts';
import type { Right } from './rights.ts';
import type {
  Joined,
  MemberPage,
  MessagePage,
  Muted,
  MyRoom,
  PresenceCount,
  PresenceDiff,
  Reads,
  Removed,
  RoomGap,
  RoomMessage,
  SayAck,
  Signal,
  Typing,
} from './rooms.ts';

/** The fields that each event's ack carries beside `ok: true`. */
export interface Acks {
  join: Joined;
  leave: object;
  say: SayAck;
  edit: SayAck;
  delete: SayAck;
  /** With `dup`, the position is that of the message: nothing was stored. */
  react: SayAck;
  /** `until`: the end of the ban or the mute, ms since 1970; absent if it has none. */
  moderate: { readonly until?: number };
  'room:history': MessagePage;
  'room:members': MemberPage;
  'room:read': { readonly roomid: string; readonly read: number };
  'rooms:mine': { readonly rooms: readonly MyRoom[] };
  typing: object;
  signal: object;
  user_login: { readonly user: User };
  /**
   * `left`: the rooms that the new token does not allow. `can`: the rights in the rooms that the connection is in.
   * `expiresAt`: ms since 1970.
   */
  'token:refresh': {
    readonly expiresAt?: number;
    readonly left: readonly string[];
    readonly can: readonly { readonly roomid: string; readonly can: readonly Right[] }[];
  };
  private: SendAck;
  todo: SendAck;
  /** `live`: the connections of the named user; only with `to`. */
  textmsg: { readonly live?: number };
  'inbox:list': InboxPage;
  'inbox:ack': { readonly recvSeq: number; readonly readSeq: number };
  'receipts:list': { readonly receipts: readonly Receipt[] };
  block: object;
  /** The user ids in order. */
  'blocks:list': { readonly users: readonly string[] };
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
  /** The user's rights in the connection's default room; absent from servers of earlier releases. */
  readonly can?: readonly Right[];
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
  /** The wait before a reconnect. */
  readonly afterMs: number;
}

type Answer<E extends EventName> = (answer: Ack<E>) => void;

/**
 * The events that the stock client may emit: `Socket<ServerToClient, ClientToServer>`. The payload may be absent where all of its fields
 * may. Answers are typed for a callback; `emitWithAck` cannot tell them, as the callback may be absent.
 */
export type ClientToServer = {
  [E in EventName]: Partial<PayloadInput<E>> extends PayloadInput<E>
    ? (payload?: PayloadInput<E>, ack?: Answer<E>) => void
    : (payload: PayloadInput<E>, ack?: Answer<E>) => void;
};

export interface ServerToClient {
  hello: (hello: Hello) => void;
  joined: (joined: Joined) => void;
  message: (message: RoomMessage) => void;
  refused: (refused: { event: string; clientMsgId?: string; error: WireError }) => void;
  'room:gap': (gap: RoomGap) => void;
  removed: (removed: Removed) => void;
  muted: (muted: Muted) => void;
  'presence:diff': (diff: PresenceDiff) => void;
  'presence:count': (count: PresenceCount) => void;
  reads: (reads: Reads) => void;
  /** Ends unless it is repeated within 6 s. */
  typing: (typing: Typing) => void;
  signal: (signal: Signal) => void;
  /** The store is away: messages are rejected until `cluster:restored`. */
  'cluster:degraded': (degraded: { since: number }) => void;
  'cluster:restored': (restored: object) => void;
  push_message: (shown: PushMessage) => void;
  private: (message: PrivateMessage) => void;
  mention: (mention: Mention) => void;
  receipt: (receipt: Receipt) => void;
  todo_message: (todo: unknown, meta: TodoMeta) => void;
  receive_message: (message: ReceiveMessage) => void;
  announcement: (announcement: Announcement) => void;
  textmsg: (message: TextMessage) => void;
  /** S2: sent after connecting to any namespace but `/`. */
  'new message': (message: { mess: string }) => void;
  /** The totals of the whole cluster. */
  online: (online: { users: number; clients: number }) => void;
  'token:expiring': (expiring: { inMs: number }) => void;
  bye: (bye: Bye) => void;
}
