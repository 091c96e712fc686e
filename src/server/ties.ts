import type { Hold } from '../chat/feeds.ts';
import type { Bucket, SharedBuckets } from '../chat/rate-limit.ts';
import { inboxOf, type Room } from '../chat/room.ts';
import type { User } from '../protocol/people.ts';
import type { Connections } from './connections.ts';
import type { Session } from './session.ts';

/** A connection's tie to one user. */
export interface Login {
  readonly inbox: Room;
  /** The user's share of what may be said, on this worker. */
  readonly bucket: Bucket;
  /** Settles once the connection is counted for the user, or cannot be. */
  readonly counted: Promise<void>;
  /** Whether the inbox is followed on behalf of this tie. */
  held(): boolean;
  /** Follows the inbox until the tie is released; at once not any more if it was. */
  keep(hold: Hold): void;
  release(): void;
}

/** Which connections of this worker belong to whom. */
export interface Ties {
  /** Counts the connection for the user. */
  tie(session: Session, user: User): Login;
  sessionsOf(inbox: Room): readonly Session[];
  sessions(): Iterable<Session>;
}

export function createTies(connections: Connections, userBuckets: SharedBuckets): Ties {
  const owners = new Map<string, Set<Session>>();

  return {
    tie(session, user) {
      const inbox = inboxOf(session.socket.nsp.name, user.id);
      const bucket = userBuckets.hold(user.id);
      let kept: Hold | undefined;
      let released = false;
      owners.set(inbox.tag, (owners.get(inbox.tag) ?? new Set()).add(session));
      return {
        inbox,
        bucket,
        counted: connections.come(inbox),
        held: () => kept !== undefined && !released,
        keep(hold) {
          // Whoever leaves while the store is asked must not leave a followed inbox behind.
          if (released) hold.release();
          else kept = hold;
        },
        release() {
          if (released) return;
          released = true;
          bucket.release();
          connections.go(inbox);
          kept?.release();
          const sessions = owners.get(inbox.tag);
          sessions?.delete(session);
          if (sessions?.size === 0) owners.delete(inbox.tag);
        },
      };
    },
    sessionsOf: (inbox) => [...(owners.get(inbox.tag) ?? [])],
    *sessions() {
      for (const sessions of owners.values()) yield* sessions;
    },
  };
}
