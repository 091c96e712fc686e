import type { PresenceChange, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../protocol/limits.ts';

const PUBLISH_EVERY_MS = 1_000;
/** Names after counts make every member fetch the list: a user who joins and quits in a room of 200 must not cause that each second. */
const NAMES_AGAIN_EVERY_MS = 10_000;

/** The user came, changed name or avatar, or left. */
export type ChangeSign = '+' | '=' | '-';

/** Publishes the changes of one room's roster to its members, by the rules of roster-changes.lua. */
export interface RoomChanges {
  /** A join and a leave that are both unpublished cancel each other out. */
  add(sign: ChangeSign, user: RosterEntry): void;
  /** Publishes what is pending as soon as the rate limit of the room allows. */
  publishDue(): void;
  rev(): number;
  close(): void;
}

export interface RoomChangesDeps {
  readonly count: () => RosterCount;
  readonly publish: (change: PresenceChange) => void;
  readonly now: () => number;
}

export function createRoomChanges({ count, publish, now }: RoomChangesDeps): RoomChanges {
  const pending = new Map<string, { readonly sign: ChangeSign; readonly user: RosterEntry }>();
  let lastCounts: RosterCount | undefined;
  // Revisions begin with the time, so that they go on rising after the room was empty and dropped.
  let rev = Math.floor(now() / 1_000) - 1;
  let isPublished = false;
  let publishedAtMs = Number.NEGATIVE_INFINITY;
  let namedAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function publishDue(): void {
    const counts = count();
    if (counts.users === 0) pending.clear();
    const isSmall = counts.clients <= LARGE_ROOM_CLIENTS;
    // A room that has become small gets counts for a while longer. Names follow, even if nothing changes any more.
    const namesAreDue = lastCounts && lastCounts.clients <= LARGE_ROOM_CLIENTS && isSmall && counts.users > 0;
    if (pending.size === 0 && !namesAreDue) return;
    const namesInMs = leftMs(namedAtMs, NAMES_AGAIN_EVERY_MS);
    const turnInMs = leftMs(publishedAtMs, PUBLISH_EVERY_MS);
    const waitMs = pending.size > 0 ? turnInMs : Math.max(turnInMs, namesInMs);
    if (waitMs > 0) {
      later(waitMs);
      return;
    }
    publishedAtMs = now();
    isPublished = true;
    if (!isSmall || pending.size > LARGE_ROOM_CLIENTS || (lastCounts && namesInMs > 0)) publishCount(counts);
    else publishNames();
    pending.clear();
    if (lastCounts && isSmall) later(Math.max(PUBLISH_EVERY_MS, namesInMs));
  }

  function later(waitMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(publishDue, waitMs);
    timer.unref();
  }

  /** The ms until the next turn; 0 if the clock was set back meanwhile. */
  function leftMs(lastMs: number, everyMs: number): number {
    const waitMs = lastMs + everyMs - now();
    return waitMs <= everyMs ? Math.max(0, waitMs) : 0;
  }

  function publishCount(counts: RosterCount): void {
    if (lastCounts?.users === counts.users && lastCounts.clients === counts.clients) return;
    lastCounts = counts;
    rev += 1;
    publish({ rev, ...counts });
  }

  function publishNames(): void {
    // Counts name nobody. A skipped revision after them makes clients fetch the list of names.
    rev += lastCounts ? 2 : 1;
    if (lastCounts) namedAtMs = now();
    lastCounts = undefined;
    const all = [...pending.values()];
    publish({
      rev,
      joins: all.flatMap(({ sign, user }) => (sign === '-' ? [] : [user])),
      leaves: all.flatMap(({ sign, user }) => (sign === '-' ? [user] : [])),
    });
  }

  return {
    add(sign, user) {
      const before = pending.get(user.userId);
      if (before?.sign === '+' && sign === '-') pending.delete(user.userId);
      else if (before?.sign === '-' && sign !== '-' && isSame(before.user, user)) pending.delete(user.userId);
      else pending.set(user.userId, { sign: signAfter(before?.sign, sign), user });
    },
    publishDue,
    rev: () => (isPublished ? rev : 0),
    close() {
      clearTimeout(timer);
    },
  };
}

function signAfter(before: ChangeSign | undefined, sign: ChangeSign): ChangeSign {
  if (before === '+') return '+';
  return before === '-' && sign === '+' ? '=' : sign;
}

export function isSame(a: RosterEntry, b: RosterEntry): boolean {
  return a.username === b.username && a.avatar === b.avatar;
}
