import type { Sized } from '../sizes.ts';
import type { Gap } from './feed.ts';
import type { Entry } from './log-store.ts';
import type { Room } from './room.ts';

/** A reader that is not a member of the room. */
export interface RoomFollower {
  onEntry(entry: Entry): void;
  onGap(gap: Gap): void;
}

/** Passes the entries that the feeds of this worker deliver on to followers, in the order of the feed. */
export interface RoomFollowers {
  /** Follows the room from its next entry on, until the returned function is called. */
  follow(room: Room, follower: RoomFollower): () => void;
  deliver(room: Room, entry: Entry): void;
  deliverGap(room: Room, gap: Gap): void;
}

export function createRoomFollowers(): RoomFollowers & Sized {
  const byTag = new Map<string, Set<RoomFollower>>();

  return {
    sizes: () => ({ byTag: byTag.size }),
    follow({ tag }, follower) {
      const followers = byTag.get(tag) ?? new Set();
      byTag.set(tag, followers.add(follower));
      return () => {
        followers.delete(follower);
        if (followers.size === 0 && byTag.get(tag) === followers) byTag.delete(tag);
      };
    },
    deliver({ tag }, entry) {
      // Most workers have no follower at all, and this runs for every entry.
      if (byTag.size === 0) return;
      for (const follower of byTag.get(tag) ?? []) follower.onEntry(entry);
    },
    deliverGap({ tag }, gap) {
      for (const follower of byTag.get(tag) ?? []) follower.onGap(gap);
    },
  };
}
