import { expect } from 'vitest';
import type { Room } from '../../src/chat/room.ts';
import type { PresenceChange, RosterEntry } from '../../src/chat/roster.ts';

/** What was told of people's comings and goings, and what happened that might be told as a going. */
export interface PresenceLedger {
  came(room: Room, user: RosterEntry): void;
  went(room: Room, user: RosterEntry): void;
  mayGo(going: Iterable<{ readonly room: Room; readonly user: RosterEntry }>): void;
  /** One coming more may be told: an answer was lost while the user was on another worker, too. */
  mayComeAgain(room: Room, user: RosterEntry): void;
  /** Told in pairs, and no going without a cause. */
  expectTrue(room: Room, user: RosterEntry, present: boolean): void;
}

export function createPresenceLedger(): PresenceLedger {
  const entries = new Map<string, { came: number; went: number; causes: number; repeats: number }>();

  function entryOf({ tag }: Room, { userId }: RosterEntry) {
    const key = `${tag} ${userId}`;
    const entry = entries.get(key) ?? { came: 0, went: 0, causes: 0, repeats: 0 };
    entries.set(key, entry);
    return entry;
  }

  return {
    came(room, user) {
      entryOf(room, user).came += 1;
    },
    went(room, user) {
      entryOf(room, user).went += 1;
    },
    mayGo(going) {
      for (const { room, user } of going) entryOf(room, user).causes += 1;
    },
    mayComeAgain(room, user) {
      entryOf(room, user).repeats += 1;
    },
    expectTrue(room, user, present) {
      const { came, went, causes, repeats } = entryOf(room, user);
      const toldTwice = Math.min(repeats, Math.max(0, came - went - (present ? 1 : 0)));
      expect([user.userId, came - went - toldTwice]).toEqual([user.userId, present ? 1 : 0]);
      expect(went).toBeLessThanOrEqual(causes);
    },
  };
}

/** Who is in the room to a member that keeps a list by what the room is told, where nothing is left out. */
export function toldList(changes: readonly PresenceChange[]): string[] {
  const list = new Set<string>();
  for (const [index, change] of changes.entries()) {
    expect(change.rev).toBe((changes[0]?.rev ?? 0) + index);
    expect(change).toHaveProperty('joins');
    if (!('joins' in change)) continue;
    for (const { userId } of change.leaves) list.delete(userId);
    for (const { userId } of change.joins) list.add(userId);
  }
  return [...list].sort();
}
