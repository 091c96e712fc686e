import { PRESENCE_GRACE_MS } from '../../src/protocol/limits.ts';

/** The longest time from a change of presence to its notice. */
const NOTICE_MS = 3_000;
/** An absence may look earlier or shorter than it was by this much, since members are looked at at intervals. */
const SLACK_MS = 500;

/** Compares what the members of a crowd are told of each other with what is true. */
export interface PresenceCheck {
  /** The caller calls it several times a second, from the moment when everybody is in. */
  look(names: readonly string[]): void;
  /** This member got a message. */
  heard(name: string): void;
  /** This member left a room. */
  left(name: string): void;
  /** Somebody was told that this member came or went. */
  told(name: string): void;
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

/**
 * A return within the grace time shows neither a join nor a quit. So each notice needs a member who left, or who was away for
 * longer than that.
 */
export function createPresenceCheck({ isJoined, now }: PresenceCheckDeps): PresenceCheck {
  const absences = new Map<string, Absence[]>();
  const silences = new Map<string, Absence[]>();
  const heardAt = new Map<string, number>();
  const notices: { readonly name: string; readonly at: number }[] = [];
  const crowd = new Set<string>();
  let everybodyInAt: number | undefined;

  function openAbsence(name: string): Absence {
    const all = absences.get(name) ?? [];
    absences.set(name, all);
    const last = all.at(-1);
    if (last?.until === Infinity) return last;
    const absence: Absence = { since: now(), until: Infinity, left: false };
    all.push(absence);
    return absence;
  }

  function explains({ since, until, left }: Absence, at: number): boolean {
    const long = Math.min(until, now()) - since >= PRESENCE_GRACE_MS - SLACK_MS;
    return (left || long) && at >= since - SLACK_MS && at <= until + NOTICE_MS;
  }

  return {
    look(names) {
      everybodyInAt ??= now();
      for (const name of names) {
        crowd.add(name);
        const last = absences.get(name)?.at(-1);
        if (!isJoined(name)) openAbsence(name);
        else if (last?.until === Infinity) last.until = now();
      }
    },
    heard(name) {
      const since = heardAt.get(name) ?? now();
      heardAt.set(name, now());
      if (now() - since < PRESENCE_GRACE_MS) return;
      silences.set(name, [...(silences.get(name) ?? []), { since, until: now(), left: false }]);
    },
    left(name) {
      openAbsence(name).left = true;
    },
    told(name) {
      // The joins of the beginning come a little later, and who reads the logs at the end is no member of the crowd.
      if (everybodyInAt === undefined || now() - everybodyInAt < NOTICE_MS || !crowd.has(name)) return;
      notices.push({ name, at: now() });
    },
    result() {
      const unexplained = notices.filter(
        ({ name, at }) => !absences.get(name)?.some((absence) => explains(absence, at)),
      );
      const unheard = unexplained.filter(({ name, at }) =>
        silences.get(name)?.some((silence) => explains(silence, at)),
      );
      return {
        falsePresence: unexplained.length - unheard.length,
        unheardPresence: unheard.length,
      };
    },
  };
}
