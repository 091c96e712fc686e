import type { RosterEntry } from './roster.ts';
import { skeletonOf } from './skeleton.ts';

/** The names in one room, by what they look like. */
export interface RoomNames {
  /** Puts the user in, or gives them a new name. */
  set(user: RosterEntry): void;
  delete(userId: string): void;
  /** Returns what the user's name looks like, and what the name looks like that the user has here. */
  looksOf(user: RosterEntry): readonly string[];
  /** The users whose names have one of these looks. */
  alike(looks: Iterable<string>): readonly RosterEntry[];
  /** Returns whether the name looks like that of another user here; the same name does, too. */
  isConfusable(user: RosterEntry): boolean;
  /** Returns the user with the mark, or without it. */
  marked<User extends RosterEntry>(user: User): User;
  size(): number;
}

export function createRoomNames(users: Iterable<RosterEntry> = []): RoomNames {
  const looks = new Map<string, string>();
  const byLook = new Map<string, Map<string, RosterEntry>>();

  function remove(userId: string): void {
    const look = looks.get(userId);
    if (look === undefined) return;
    looks.delete(userId);
    const alike = byLook.get(look);
    alike?.delete(userId);
    if (alike?.size === 0) byLook.delete(look);
  }

  function set({ userId, username, avatar }: RosterEntry): void {
    remove(userId);
    const look = skeletonOf(username);
    const alike = byLook.get(look) ?? new Map<string, RosterEntry>();
    looks.set(userId, look);
    byLook.set(look, alike.set(userId, { userId, username, ...(avatar === undefined ? {} : { avatar }) }));
  }

  function isConfusable({ userId, username }: RosterEntry): boolean {
    const alike = byLook.get(skeletonOf(username));
    return alike !== undefined && alike.size > (alike.has(userId) ? 1 : 0);
  }

  for (const user of users) set(user);
  return {
    set,
    delete: remove,
    looksOf({ userId, username }) {
      const here = looks.get(userId);
      return here === undefined ? [skeletonOf(username)] : [skeletonOf(username), here];
    },
    alike: (wanted) => [...new Set(wanted)].flatMap((look) => [...(byLook.get(look)?.values() ?? [])]),
    isConfusable,
    marked(user) {
      const { confusable: _, ...plain } = user;
      return (isConfusable(user) ? { ...plain, confusable: true } : plain) as typeof user;
    },
    size: () => looks.size,
  };
}
