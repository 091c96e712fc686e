import { PRESENCE_GRACE_MS } from '../../src/protocol/limits.ts';

/**
 * The longest time from a change of presence to its notice. Servers queue the notices of a user who comes and goes often, and a
 * busy machine delivers them late.
 */
const NOTICE_MS = 10_000;
/** The joins of the beginning come a little after everybody is in. */
const FIRST_JOINS_MS = 3_000;
/** The server may notice an absence this much earlier than the member, and a return as much later. */
const SLACK_MS = 500;

/** Compares what the members of a crowd are told of each other with what is true. */
export interface PresenceCheck {
  /** The caller calls it several times a second, from the moment when everybody is in. */
  look(names: readonly string[]): void;
  /** This member got a message. `lateMs`: how long after it was stored; the members see all else that late, too. */
  heard(name: string, lateMs?: number): void;
  /** This member left a room. */
  left(name: string): void;
  /** Somebody was told that this member came or went. `what`: who was told what, and in which room. */
  told(name: string, what: string): void;
  /** Counts the notices that nothing explains, and those that only a silence explains. */
  result(): { readonly falsePresence: number; readonly unheardPresence: number };
}

export interface PresenceCheckDeps {
  readonly isJoined: (name: string) => boolean;
  readonly now: () => number;
}

interface Absence {
  readonly since: number;
  until: number;
  /** It began with a leave, which is told at once. */
  left: boolean;
}

interface Notice {
  readonly name: string;
  readonly what: string;
  readonly at: number;
}

/**
 * A return within the grace time shows neither a join nor a quit. So each notice needs a member who left, or who was away for
 * longer than that.
 */
export function createPresenceCheck({ isJoined, now }: PresenceCheckDeps): PresenceCheck {
  const absences = new Map<string, Absence[]>();
  const silences = new Map<string, Absence[]>();
  const heardAt = new Map<string, number>();
  const lateMs = new Map<string, number>();
  const notices: Notice[] = [];
  const crowd = new Set<string>();
  let everybodyInAt: number | undefined;
  let lookedAtMs: readonly [before: number, last: number] | undefined;

  function openAbsence(name: string, since = now()): Absence {
    const all = absences.get(name) ?? [];
    absences.set(name, all);
    const last = all.at(-1);
    if (last?.until === Infinity) return last;
    const absence: Absence = { since, until: Infinity, left: false };
    all.push(absence);
    return absence;
  }

  function explains({ since, until, left }: Absence, { at }: Notice): boolean {
    const long = Math.min(until, now()) - since >= PRESENCE_GRACE_MS - SLACK_MS;
    return (left || long) && at >= since - SLACK_MS && at <= until + NOTICE_MS;
  }

  /** An absence explains each notice once, since everybody is told once. */
  function unexplainedBy(all: ReadonlyMap<string, readonly Absence[]>, among: readonly Notice[]): Notice[] {
    const told = new Map<Absence, Set<string>>();
    return among.filter((notice) => {
      const cause = all
        .get(notice.name)
        ?.find((absence) => explains(absence, notice) && !told.get(absence)?.has(notice.what));
      if (cause) told.set(cause, (told.get(cause) ?? new Set()).add(notice.what));
      return cause === undefined;
    });
  }

  return {
    look(names) {
      everybodyInAt ??= now();
      // After a pause of this process, a look comes before what arrived meanwhile. So it shows the state of the look before it.
      const [since] = lookedAtMs ?? [now()];
      lookedAtMs = [lookedAtMs?.[1] ?? now(), now()];
      for (const name of names) {
        crowd.add(name);
        const last = absences.get(name)?.at(-1);
        if (!isJoined(name)) openAbsence(name, since - (lateMs.get(name) ?? 0));
        else if (last?.until === Infinity) last.until = now();
      }
    },
    heard(name, late = 0) {
      lateMs.set(name, late);
      const since = heardAt.get(name) ?? now();
      heardAt.set(name, now());
      if (now() - since < PRESENCE_GRACE_MS) return;
      silences.set(name, [...(silences.get(name) ?? []), { since, until: now(), left: false }]);
    },
    left(name) {
      openAbsence(name).left = true;
    },
    told(name, what) {
      // The one that reads the logs at the end is no member of the crowd.
      if (everybodyInAt === undefined || now() - everybodyInAt < FIRST_JOINS_MS || !crowd.has(name)) return;
      notices.push({ name, what, at: now() });
    },
    result() {
      const unexplained = unexplainedBy(absences, notices);
      const falsePresence = unexplainedBy(silences, unexplained).length;
      return { falsePresence, unheardPresence: unexplained.length - falsePresence };
    },
  };
}
