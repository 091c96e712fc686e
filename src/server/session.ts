import type { Socket } from 'socket.io';
import type { Hold } from '../chat/feeds.ts';
import type { Identity } from '../chat/identity.ts';
import type { Bucket } from '../chat/rate-limit.ts';
import type { Room } from '../chat/room.ts';
import type { ClientToServer, ServerToClient } from '../protocol/events.ts';
import type { Person, User } from '../protocol/people.ts';
import type { EventQueue } from './event-queue.ts';
import type { Login } from './ties.ts';

export type ClientSocket = Socket<ClientToServer, ServerToClient>;

/** A room this connection is in. */
export interface Membership {
  readonly room: Room;
  readonly hold: Hold;
  /** The newest of this connection's own messages that was stored. */
  said?: { readonly epoch: string; readonly seq: number };
  /** As far as this connection's person has read the room; what is stored of a user may be further. */
  read?: number;
  /** When it was last said that they type, and that they stopped. */
  typing?: { readonly on?: number; readonly off?: number };
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
  readonly lounging: boolean;
  readonly memberships: Map<string, Membership>;
  readonly queue: EventQueue;
  /** Of this connection, and of its user on this worker. */
  sayBuckets: readonly Bucket[];
  /** Each login may put announcements into an inbox that nobody ever saw. */
  readonly loginBucket: Bucket;
  /** The tie to its user, from the first turn on until the connection ends. */
  login?: Login;
}

export function personOf({ id, name, avatar }: User): Person {
  return { username: name, userId: id, ...(avatar === undefined ? {} : { avatar }) };
}
