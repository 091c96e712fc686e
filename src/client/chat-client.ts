import type { WireError } from '../protocol/codes.ts';
import type { Acks, Bye, Hello } from '../protocol/events.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import type { Receipt, SendAck, TextMessage, User } from '../protocol/people.ts';
import type { CallOptions } from './call-options.ts';
import type { ClientError } from './client-error.ts';
import type { StateChange } from './connection.ts';
import type { DirectMessage, DirectMessageOptions, NamedReceiver } from './direct-messages.ts';
import type { IdentityOptions } from './identity.ts';
import type { InboxItem, ItemOrigin } from './inbox-item.ts';
import type { Blocks, Inbox } from './people.ts';
import type { PersistentRoom, Room } from './room.ts';
import type { MyRooms, SendableEvent } from './server-requests.ts';

export interface ClientOptions extends IdentityOptions {
  /**
   * The room that the connection itself joins, which saves a round trip; it stands in the address as `?roomid=`, where a
   * load balancer can choose the worker by it. Needs a `username`, and has an effect once `enter` or `join` without
   * `history` asked for the room.
   */
  readonly roomid?: string;
  /** One of the server's `NAMESPACES`. */
  readonly namespace?: string;
  /** The server's `SOCKET_PATH`. */
  readonly path?: string;
  /** Tried in this order; WebSocket, then polling. */
  readonly transports?: readonly ('websocket' | 'polling')[];
  /** The number of messages to rooms and people that may wait for their ack; one more is refused with `limit`. 1,000. */
  readonly maxOutbox?: number;
  /** In ms: the client gives up a server that does not answer for so long, and tries again. 10,000. */
  readonly answerTimeoutMs?: number;
  /** In ms: the wait between two attempts to connect, growing at random from the one to the other. 500 and 5,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  /** True: the client tells the server which items the application has received, at most once a second. Default: true. */
  readonly autoReceipt?: boolean;
  readonly random?: () => number;
  /** Wall clock in ms. */
  readonly now?: () => number;
  /** A clock in ms that cannot be set. */
  readonly elapsedMs?: () => number;
}

export interface ClientEvents {
  state: [change: StateChange];
  hello: [hello: Hello];
  bye: [bye: Bye];
  /** The server refused an event that asked for no answer. */
  refused: [refused: { readonly event: string; readonly clientMsgId?: string; readonly error: WireError }];
  /**
   * An item for this person: a private message, a todo, a push, a reminder or an announcement. Each comes once,
   * over all reconnects, in the order of the inbox; live announcements as they arrive. Items before the first listener
   * are stored for it, at most 1,000.
   */
  item: [item: InboxItem, origin: ItemOrigin];
  /** A message to a person was stored, also one that the storage had from an earlier run. */
  sent: [posted: SendAck, message: DirectMessage];
  /** A message to a person failed, for the reasons that `private` rejects with. */
  failed: [error: ClientError, message: DirectMessage];
  /** The users and connections of the whole cluster. */
  online: [online: { readonly users: number; readonly clients: number }];
  /** A receiver has got, or read, this user's private messages up to those. */
  receipt: [receipt: Receipt];
  /** A text of `textmsg` in the connection's default room, or to this user there. */
  textmsg: [message: TextMessage];
  /** The store is away since that time (ms since 1970): what is said waits until `cluster:restored`. */
  'cluster:degraded': [degraded: { readonly since: number }];
  'cluster:restored': [restored: object];
  /** The token ends soon. When `token` is a function, the client asks it for another one already. */
  'token:expiring': [expiring: { readonly inMs: number }];
  /**
   * Your listener or token function threw, or a message of the server could not be read. Without a listener the client
   * calls `reportError`, or `console.error` where that is missing.
   */
  error: [error: unknown];
  /** Every other event of the server; `removed`, `muted`, `textmsg`, `cluster:degraded` and `cluster:restored` too. */
  event: [name: string, ...args: unknown[]];
}

export interface JoinOptions extends CallOptions {
  /** The number of earlier messages that come first. */
  readonly history?: number;
}

export interface ChatClient {
  readonly state: StateChange['state'];
  /** The user that the server names; undefined before the first connection. */
  readonly user: User | undefined;
  readonly hello: Hello | undefined;
  /** Messages that wait for their ack. */
  readonly outbox: number;
  /** Returns a function that stops listening. */
  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): () => void;
  /**
   * Resolves once the room is joined, which waits for a connection. A refusal rejects, also the last one of a room of
   * `enter` that waits outside. An abort or a time-out closes the room again unless another `join` of it waits.
   */
  join(roomid: string, options?: JoinOptions): Promise<Room>;
  /**
   * The room at once, joined as soon as possible, for a screen that also shows what waits and what failed. Every call gives
   * the same room until it is left. Throws a
   * `ClientError`: `bad_request` when this is no room id, `closed` after `close`.
   */
  enter(roomid: string, options?: Pick<JoinOptions, 'history'>): PersistentRoom;
  /**
   * Resolves once it is stored for the user `to`, after however many reconnects. `live` is how many connections of that
   * user have it now, if both are in the same room. This client's own private messages do not come as `item`. Instead of a
   * user id, `to` may name a member of a room, whom the server looks up when the message arrives: `not_found` without one,
   * `bad_request` with several. An abort or a time-out withdraws a message that was not sent yet; `sent` or `failed` tells
   * the end of one that was.
   */
  private(to: string | NamedReceiver, text: string, options?: DirectMessageOptions): Promise<SendAck>;
  /** The same for a JSON object, which the receiver gets whole. */
  todo(receiverId: string, data: object, options?: DirectMessageOptions): Promise<SendAck>;
  readonly rooms: MyRooms;
  /**
   * Sends a text, or one with this user's name, to those who hear `textmsg` in the connection's default room: `roomid` of the
   * options, else `lobby`. With `to`, a name there, only to that user. It is stored nowhere and sent once. Rejects with a
   * `ClientError`: the server's refusal, or `unavailable` if the connection is lost before the answer came.
   */
  textmsg(message: PayloadInput<'textmsg'>, options?: CallOptions): Promise<Acks['textmsg']>;
  /**
   * Sends an event of the protocol, once and as it is, and resolves with its answer. It is for what has no method here; `join`,
   * `leave`, `user_login`, `token:refresh` and `close` are refused, as the client sends them itself. Rejects as `textmsg` does.
   */
  send<E extends SendableEvent>(event: E, payload: PayloadInput<E>, options?: CallOptions): Promise<Acks[E]>;
  readonly inbox: Inbox;
  /** The newest receipts of the users written to last, for a client that was away. Waits for a connection. */
  receipts(options?: CallOptions): Promise<readonly Receipt[]>;
  /** The users from whom this user takes no private messages, todos and mentions. */
  readonly blocks: Blocks;
  /**
   * Binds this connection and the later ones to another user, where the server accepts it (open mode). Waits for a
   * connection; an abort or a time-out ends only the wait.
   */
  login(userId: string, options?: CallOptions): Promise<User>;
  /**
   * Connects at once instead of waiting, also after the server closed the connection; and joins the rooms of `enter` again
   * from which it was removed.
   */
  reconnect(): void;
  /**
   * For good. Messages that are not acked yet fail: as `unknown` if they were sent, else as `closed`; the storage keeps
   * those of rooms of `enter`.
   */
  close(): void;
}
