import { ROSTER_LEASE_MS } from '../../chat/roster.ts';

export interface BootRecord {
  /** The users of this boot by the room's tag; also rooms where it has connections only. */
  readonly rooms: Map<string, Set<string>>;
  /** By a clock that cannot be set. */
  provenAt: number;
  /** It proved itself since it was listed; before that it may be one that was swept and does not know. */
  proven: boolean;
}

/** The worker processes, and which of them count. */
export interface BootBook {
  /** Made when missing: it counts from its first word. */
  record(boot: string): BootRecord;
  find(boot: string): BootRecord | undefined;
  drop(boot: string): void;
  /** It counts nowhere any more; what it says from now on is to be ignored, also after `drop`. */
  bury(boot: string): void;
  isBuried(boot: string): boolean;
  counts(boot: string): boolean;
  counting(): readonly BootRecord[];
  expired(): readonly string[];
}

/** Of a worker so long dead nothing can still be on its way. */
const BURIED_KEPT = 1_000;

export function createBootBook({ elapsedMs }: { readonly elapsedMs: () => number }): BootBook {
  const boots = new Map<string, BootRecord>();
  const buried = new Set<string>();

  function counts(boot: string): boolean {
    const record = boots.get(boot);
    return record !== undefined && !buried.has(boot) && elapsedMs() - record.provenAt <= ROSTER_LEASE_MS;
  }

  return {
    record(boot) {
      const record = boots.get(boot) ?? { rooms: new Map(), provenAt: elapsedMs(), proven: false };
      boots.set(boot, record);
      return record;
    },
    find: (boot) => boots.get(boot),
    drop: (boot) => {
      boots.delete(boot);
    },
    bury(boot) {
      buried.add(boot);
      for (const oldest of buried) {
        if (buried.size <= BURIED_KEPT) break;
        if (!boots.has(oldest)) buried.delete(oldest);
      }
    },
    isBuried: (boot) => buried.has(boot),
    counts,
    counting: () => [...boots].flatMap(([boot, record]) => (counts(boot) ? [record] : [])),
    // Not those buried: their primary sweeps them when the grace time is over.
    expired: () =>
      [...boots].flatMap(([boot, { provenAt }]) => (elapsedMs() - provenAt > ROSTER_LEASE_MS ? [boot] : [])),
  };
}
