import type { PresenceChange, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { MAX_TOLD_CLIENTS } from '../../protocol/limits.ts';

const TELL_EVERY_MS = 1_000;
/** Names after counts make everybody ask for the list: somebody who comes and goes in a room of 200 must not cause that each second. */
const NAMES_AGAIN_EVERY_MS = 10_000;

/** Came, goes by another name or face, went. */
export type ChangeSign = '+' | '=' | '-';

/** What one room is told of who is in it; the rules are those of roster-changes.lua. */
export interface RoomChanges {
  /** A coming and a going that were both not told yet are nothing to tell. */
  add(sign: ChangeSign, user: RosterEntry): void;
  /** Tells what is noted as soon as it is the room's turn. */
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
  let told: RosterCount | undefined;
  // Numbers begin with the time, so that they go on rising when the room was empty and forgotten.
  let rev = Math.floor(now() / 1_000) - 1;
  let isTold = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let namedAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    const counts = count();
    if (counts.users === 0) pending.clear();
    const isSmall = counts.clients <= MAX_TOLD_CLIENTS;
    // Counts of a room this small are told alone for a while: the names follow, also when nothing changes any more.
    const isOwing = told && told.clients <= MAX_TOLD_CLIENTS && isSmall && counts.users > 0;
    if (pending.size === 0 && !isOwing) return;
    const namesInMs = leftMs(namedAtMs, NAMES_AGAIN_EVERY_MS);
    const turnInMs = leftMs(toldAtMs, TELL_EVERY_MS);
    const waitMs = pending.size > 0 ? turnInMs : Math.max(turnInMs, namesInMs);
    if (waitMs > 0) {
      later(waitMs);
      return;
    }
    toldAtMs = now();
    isTold = true;
    if (!isSmall || pending.size > MAX_TOLD_CLIENTS || (told && namesInMs > 0)) tellCount(counts);
    else tellNames();
    pending.clear();
    if (told && isSmall) later(Math.max(TELL_EVERY_MS, namesInMs));
  }

  function later(waitMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(tell, waitMs);
    timer.unref();
  }

  /** The wait for a turn that the clock says has not come yet; none when the clock was set back. */
  function leftMs(lastMs: number, everyMs: number): number {
    const waitMs = lastMs + everyMs - now();
    return waitMs <= everyMs ? Math.max(0, waitMs) : 0;
  }

  function tellCount(counts: RosterCount): void {
    if (told?.users === counts.users && told.clients === counts.clients) return;
    told = counts;
    rev += 1;
    publish({ rev, ...counts });
  }

  function tellNames(): void {
    // After counts, which name nobody, a number is left out: whoever keeps the list of names asks for it.
    rev += told ? 2 : 1;
    if (told) namedAtMs = now();
    told = undefined;
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
    publishDue: tell,
    rev: () => (isTold ? rev : 0),
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
