import type { Socket } from 'socket.io';
import type { Hold } from '../chat/feeds.ts';
import { GUEST_PREFIX } from '../chat/identity.ts';
import type { Bucket } from '../chat/rate-limit.ts';
import type { Room } from '../chat/room.ts';
import type { ClientToServer, Person, ServerToClient, User } from '../protocol/events.ts';
import type { EventQueue } from './event-queue.ts';

export type ClientSocket = Socket<ClientToServer, ServerToClient>;

/** A room this connection is in. */
export interface Membership {
  readonly room: Room;
  readonly hold: Hold;
  /** The newest of this connection's own messages that was stored. */
  said?: { readonly epoch: string; readonly seq: number };
}

/** What the worker knows of one connection in one namespace. */
export interface Session {
  readonly socket: ClientSocket;
  user: User;
  /** Where events without a roomid go. */
  readonly defaultRoom: string;
  readonly memberships: Map<string, Membership>;
  readonly queue: EventQueue;
  /** Of this connection, and of its user on this worker. */
  readonly sayBuckets: readonly Bucket[];
}

export function personOf({ id, name, avatar }: User): Person {
  return { username: name, userId: id, ...(avatar === undefined ? {} : { avatar }) };
}

export function isGuest(user: User): boolean {
  return user.id.startsWith(GUEST_PREFIX);
}
