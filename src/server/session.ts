import type { QueueKey } from '../chat/connect-queue.ts';
import type { FeedLease } from '../chat/feeds.ts';
import type { Identity } from '../chat/identity.ts';
import type { Bucket, SharedBuckets } from '../chat/rate-limit.ts';
import type { Room } from '../chat/room.ts';
import type { Refusal } from '../protocol/codes.ts';
import { DEFAULT_ROOM } from '../protocol/limits.ts';
import type { Person, User } from '../protocol/people.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import type { ClientSocket } from './socket-types.ts';
import type { ConnectionBudget } from './transport/connection-budget.ts';

/** The position at which the live messages of a member begin, and the page that it got before them. */
export interface JoinedAt {
  readonly epoch: string;
  /** The newest entry when it joined: live ones follow. */
  readonly seq: number;
  /** The first entry of the page, `seq + 1` if the page was empty. */
  readonly first: number;
  /** The position after which the client resumed, if nothing was missing since. */
  readonly resumedAfter: number | undefined;
}

/** A room that this connection has joined. */
export interface Membership {
  readonly room: Room;
  readonly lease: FeedLease;
  readonly joinedAt?: JoinedAt;
  /** The position of the newest message that this connection has sent and the store has acknowledged. */
  lastSay?: { readonly epoch: string; readonly seq: number };
  /** The position up to which this connection has read the room; the user's stored marker may be ahead of it. */
  read?: number | undefined;
  /** The roster does not count it yet: the connection changed its user while the store was away. */
  uncounted?: true;
  /** When `typing` was last broadcast with `on: true`, and with `on: false`. */
  typing?: { readonly on?: number; readonly off?: number };
  /** The last time that the store was asked for a ban or mute of what it does not append. */
  restrictionCheck?: RestrictionCheck;
  /** The time at which a mute of the connection's user was last carried out here. */
  mutedAt?: number;
}

/** A question to the store whether a user is banned from a room or muted there. */
export interface RestrictionCheck {
  readonly userId: string;
  readonly askedAt: number;
  /** Undefined until the store has answered. */
  trusted: boolean | undefined;
  readonly refusal: Promise<Refusal | undefined>;
}

/** A connection's binding to one user. The bucket is the user's share of RATE_SAY on this worker. */
export interface UserBinding extends Bucket {
  readonly inbox: Room;
  /** Settles once the connection is counted for the user, or cannot be; absent when that was before. */
  readonly counted: Promise<void> | undefined;
  /** Returns whether this binding leases the inbox's feed. */
  hasLease(): boolean;
  /** Keeps the lease until the binding is released; if it was released already, returns the lease at once. */
  setLease(lease: FeedLease): void;
  /** Stops counting the connection for the user; settles as `counted` does. All else stays as it is. */
  uncount(): Promise<void>;
  /** Counts it again, unless the binding was released. */
  count(): void;
  release(): void;
}

/** The worker's state of one connection in one namespace. */
export interface Session {
  readonly socket: ClientSocket;
  /** The connection's user and rights; `user_login` and `token:refresh` change it. */
  identity: Identity;
  /** The user with the name and avatar of this connection. */
  user: User;
  /** The room of events that name none. */
  readonly defaultRoom: string;
  /** The handshake named no room: the connection gets the default room's `textmsg` without joining it. */
  readonly hearsTextmsg: boolean;
  readonly memberships: Map<string, Membership>;
  readonly queue: EventQueue;
  /** Shared by all sockets of the Engine.IO connection, present and future. */
  readonly budget: ConnectionBudget;
  /** By the proxy's log, the request that opened the connection. */
  readonly requestId: string | undefined;
  /** When it was admitted, in whole milliseconds of the monotonic clock. */
  readonly connectedAt: number;
  /** The client connects elsewhere before it leaves a draining worker. */
  readonly moves: boolean;
  /** Names the connection in the queue of connects; undefined without RATE_ADMIT. */
  readonly queueKey: QueueKey | undefined;
  /** Set from the connection's first turn until it ends. */
  binding?: UserBinding | undefined;
  /** Takes a token of RATE_SAY from connection, user and address. Returns 0, or the ms until the next one. */
  takeSayToken(): number;
  /** Takes a token of RATE_SIGNAL from connection and address. Returns as `takeSayToken`. */
  takeSignalToken(): number;
  /** Takes more tokens for the same message, also those of times to come. Returns as `takeSayToken`. */
  takeMoreSayTokens(amount: number): number;
  /** Returns as `takeSayToken`. Each login may copy announcements into an inbox that nobody has ever read. */
  takeLoginToken(): number;
  /** Takes from connection, user and address, and returns as `takeSayToken`: each order goes to all workers of the cluster. */
  takeModerationToken(): number;
}

/** Rate limits of a worker's connections. */
export interface SessionRates {
  readonly say: () => Bucket;
  readonly login: () => Bucket;
  readonly moderate: () => Bucket;
  readonly signal: () => Bucket;
  /** RATE_SAY, RATE_SIGNAL and a moderator's orders of all connections from one address. */
  readonly sayOfAddress: SharedBuckets;
  readonly signalOfAddress: SharedBuckets;
  readonly moderateOfAddress: SharedBuckets;
  /** The orders of all connections of one user. */
  readonly moderateOfUser: SharedBuckets;
}

export interface SessionStart {
  readonly identity: Identity;
  readonly roomid: string | undefined;
  readonly budget: ConnectionBudget;
  readonly requestId: string | undefined;
  readonly rates: SessionRates;
  readonly moves: boolean;
  readonly queueKey: QueueKey | undefined;
}

export class ClientSession implements Session {
  readonly socket: ClientSocket;
  identity: Identity;
  user: User;
  readonly defaultRoom: string;
  readonly hearsTextmsg: boolean;
  readonly moves: boolean;
  readonly queueKey: QueueKey | undefined;
  readonly memberships = new Map<string, Membership>();
  readonly queue = createEventQueue();
  binding: UserBinding | undefined = undefined;
  readonly budget: ConnectionBudget;
  readonly requestId: string | undefined;
  readonly connectedAt = Math.round(performance.now());
  private readonly rates: SessionRates;
  private sayBucket: Bucket | undefined = undefined;
  private signalBucket: Bucket | undefined = undefined;
  private loginBucket: Bucket | undefined = undefined;
  private moderationBucket: Bucket | undefined = undefined;

  constructor(
    socket: ClientSocket,
    { identity, roomid, budget, requestId, rates, moves, queueKey }: SessionStart,
  ) {
    this.socket = socket;
    this.identity = identity;
    this.user = identity.user;
    this.defaultRoom = roomid ?? DEFAULT_ROOM;
    this.hearsTextmsg = roomid === undefined;
    this.moves = moves;
    this.queueKey = queueKey;
    this.budget = budget;
    this.requestId = requestId;
    this.rates = rates;
  }

  takeSayToken(): number {
    const { address } = this.budget;
    this.sayBucket ??= this.bucket('say');
    // The order matters: a message that the connection may not send must not cost its user's other connections a token.
    return (
      this.sayBucket.take() ||
      (this.binding?.take() ?? 0) ||
      (address === undefined ? 0 : this.rates.sayOfAddress.take(address))
    );
  }

  takeSignalToken(): number {
    const { address } = this.budget;
    this.signalBucket ??= this.bucket('signal');
    return this.signalBucket.take() || (address === undefined ? 0 : this.rates.signalOfAddress.take(address));
  }

  takeMoreSayTokens(amount: number): number {
    const { address } = this.budget;
    return (
      (this.sayBucket?.takeMore(amount) ?? 0) ||
      (this.binding?.takeMore(amount) ?? 0) ||
      (address === undefined ? 0 : this.rates.sayOfAddress.takeMore(address, amount))
    );
  }

  takeLoginToken(): number {
    this.loginBucket ??= this.bucket('login');
    return this.loginBucket.take();
  }

  takeModerationToken(): number {
    const { address } = this.budget;
    this.moderationBucket ??= this.bucket('moderate');
    return (
      this.moderationBucket.take() ||
      this.rates.moderateOfUser.take(this.user.id) ||
      (address === undefined ? 0 : this.rates.moderateOfAddress.take(address))
    );
  }

  private bucket(of: 'say' | 'signal' | 'login' | 'moderate'): Bucket {
    return this.budget.bucket(`${of} ${this.socket.nsp.name}`, this.rates[of]);
  }
}

export function personOf({ id, name, avatar }: User): Person {
  return { username: name, userId: id, avatar };
}
