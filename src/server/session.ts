import type { FeedLease } from '../chat/feeds.ts';
import type { Identity } from '../chat/identity.ts';
import type { Bucket, SharedBuckets } from '../chat/rate-limit.ts';
import type { Room } from '../chat/room.ts';
import { DEFAULT_ROOM } from '../protocol/limits.ts';
import type { Person, User } from '../protocol/people.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import type { ClientSocket } from './socket-types.ts';
import type { ConnectionBudget } from './transport/connection-budget.ts';

/** A room this connection is in. */
export interface Membership {
  readonly room: Room;
  readonly lease: FeedLease;
  /** The newest of this connection's own messages that was stored. */
  lastSay?: { readonly epoch: string; readonly seq: number };
  /** As far as this connection's person has read the room; what is stored of a user may be further. */
  read?: number | undefined;
  /** The roster does not count it: the connection went over to a user it could not be told of yet. */
  uncounted?: true;
  /** When it was last said that they type, and that they stopped. */
  typing?: { readonly on?: number; readonly off?: number };
}

/** A connection's binding to one user. The bucket is the user's share of RATE_SAY on this worker. */
export interface UserBinding extends Bucket {
  readonly inbox: Room;
  /** Settles once the connection is counted for the user, or cannot be; absent when that was before. */
  readonly counted: Promise<void> | undefined;
  /** Whether the inbox is followed on behalf of this binding. */
  hasLease(): boolean;
  /** Follows the inbox until the binding is released; if it was released already, gives the hold back at once. */
  setLease(hold: FeedLease): void;
  /** Stops counting the connection for the user; settles as `counted` does. All else stays as it is. */
  uncount(): Promise<void>;
  /** Counts it again, unless the binding was released. */
  count(): void;
  release(): void;
}

/** What the worker knows of one connection in one namespace. */
export interface Session {
  readonly socket: ClientSocket;
  /** Who this connection is and what it may do; `user_login` and `token:refresh` change it. */
  identity: Identity;
  /** With the name and face it goes by now. */
  user: User;
  /** Where events without a roomid go. */
  readonly defaultRoom: string;
  /** The address named no room: then its `textmsg` are heard without joining it. */
  readonly hearsTextmsg: boolean;
  readonly memberships: Map<string, Membership>;
  readonly queue: EventQueue;
  /** Shared with whoever else speaks over the connection, now or later. */
  readonly budget: ConnectionBudget;
  /** The binding to its user, from the first turn on until the connection ends. */
  binding?: UserBinding | undefined;
  /** A token of RATE_SAY, the connection's own and then its user's on this worker: else in how many ms there is one. */
  takeToSay(): number;
  /** Each login may put announcements into an inbox that nobody ever saw. */
  takeToLogin(): number;
}

/** What the connections of a worker may do at which rate. */
export interface SessionRates {
  readonly say: () => Bucket;
  readonly login: () => Bucket;
  /** RATE_SAY of all connections from one address. */
  readonly sayOfAddress: SharedBuckets;
}

export interface SessionStart {
  readonly identity: Identity;
  readonly roomid: string | undefined;
  readonly budget: ConnectionBudget;
  readonly rates: SessionRates;
}

export class ClientSession implements Session {
  readonly socket: ClientSocket;
  identity: Identity;
  user: User;
  readonly defaultRoom: string;
  readonly hearsTextmsg: boolean;
  readonly memberships = new Map<string, Membership>();
  readonly queue = createEventQueue();
  binding: UserBinding | undefined = undefined;
  readonly budget: ConnectionBudget;
  private readonly rates: SessionRates;
  private sayBucket: Bucket | undefined = undefined;
  private loginBucket: Bucket | undefined = undefined;

  constructor(socket: ClientSocket, { identity, roomid, budget, rates }: SessionStart) {
    this.socket = socket;
    this.identity = identity;
    this.user = identity.user;
    this.defaultRoom = roomid ?? DEFAULT_ROOM;
    this.hearsTextmsg = roomid === undefined;
    this.budget = budget;
    this.rates = rates;
  }

  takeToSay(): number {
    const { address } = this.budget;
    this.sayBucket ??= this.bucket('say');
    // In this order, so that what one connection may not send is not taken from its user's others.
    return (
      this.sayBucket.take() ||
      (this.binding?.take() ?? 0) ||
      (address === undefined ? 0 : this.rates.sayOfAddress.take(address))
    );
  }

  takeToLogin(): number {
    this.loginBucket ??= this.bucket('login');
    return this.loginBucket.take();
  }

  private bucket(of: 'say' | 'login'): Bucket {
    return this.budget.bucket(`${of} ${this.socket.nsp.name}`, this.rates[of]);
  }
}

export function personOf({ id, name, avatar }: User): Person {
  return { username: name, userId: id, avatar };
}
