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
  note(sign: ChangeSign, user: RosterEntry): void;
  /** Tells what is noted as soon as it is the room's turn. */
  tell(): void;
  rev(): number;
  close(): void;
}

export interface RoomChangesDeps {
  readonly count: () => RosterCount;
  readonly publish: (change: PresenceChange) => void;
  readonly now: () => number;
}

export function createRoomChanges({ count, publish, now }: RoomChangesDeps): RoomChanges {
  const noted = new Map<string, { readonly sign: ChangeSign; readonly user: RosterEntry }>();
  let told: RosterCount | undefined;
  // Numbers begin with the time, so that they go on rising when the room was empty and forgotten.
  let rev = Math.floor(now() / 1_000) - 1;
  let isTold = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let namedAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    if (count().users === 0) noted.clear();
    if (noted.size === 0 || timer) return;
    const waitMs = toldAtMs + TELL_EVERY_MS - now();
    if (waitMs > 0 && waitMs <= TELL_EVERY_MS) {
      timer = setTimeout(() => {
        timer = undefined;
        tell();
      }, waitMs);
      timer.unref();
      return;
    }
    toldAtMs = now();
    isTold = true;
    const counts = count();
    const sinceNamedMs = now() - namedAtMs;
    const early = told && sinceNamedMs >= 0 && sinceNamedMs < NAMES_AGAIN_EVERY_MS;
    if (counts.clients > MAX_TOLD_CLIENTS || noted.size > MAX_TOLD_CLIENTS || early) tellCount(counts);
    else tellNames();
    noted.clear();
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
    const all = [...noted.values()];
    publish({
      rev,
      joins: all.flatMap(({ sign, user }) => (sign === '-' ? [] : [user])),
      leaves: all.flatMap(({ sign, user }) => (sign === '-' ? [user] : [])),
    });
  }

  return {
    note(sign, user) {
      const before = noted.get(user.userId);
      if (before?.sign === '+' && sign === '-') noted.delete(user.userId);
      else if (before?.sign === '-' && sign !== '-' && isSame(before.user, user)) noted.delete(user.userId);
      else noted.set(user.userId, { sign: signAfter(before?.sign, sign), user });
    },
    tell,
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
