import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { ListedBoot, ReadBoots } from './boots.ts';

/** Which boots live, at most a second old. */
export interface LivingBoots {
  /** All listed ones, by boot. */
  listed(): Promise<Outcome<ReadonlyMap<string, ListedBoot>>>;
  /** The same; read afresh if one of `boots` was not known of, for it may have come just now. */
  listedWith(boots: Iterable<string>): Promise<Outcome<ReadonlyMap<string, ListedBoot>>>;
  /** What was read is known to be wrong now. */
  forget(): void;
}

const KEPT_MS = 1_000;

interface Reading {
  readonly atMs: number;
  readonly boots: Promise<Outcome<ReadonlyMap<string, ListedBoot>>>;
  /** Asked for and not listed: what a swept boot left is no reason to read again. */
  readonly strangers: Set<string>;
}

export function createLivingBoots(readBoots: ReadBoots, now: () => number): LivingBoots {
  let last: Reading | undefined;

  function readNow(): Reading {
    const reading: Reading = { atMs: now(), boots: load(), strangers: new Set() };
    last = reading;
    void reading.boots.then((boots) => {
      if (!boots.ok && last === reading) last = undefined;
    });
    return reading;
  }

  async function load(): Promise<Outcome<ReadonlyMap<string, ListedBoot>>> {
    const boots = await readBoots();
    return boots.ok ? succeed(new Map(boots.value.map((one) => [one.boot, one]))) : boots;
  }

  const recent = () => (last && now() - last.atMs < KEPT_MS ? last : readNow());

  async function listedWith(boots: Iterable<string>) {
    const asked = [...boots];
    const reading = recent();
    const known = await reading.boots;
    if (!known.ok) return known;
    const unknown = asked.filter((boot) => !known.value.has(boot) && !reading.strangers.has(boot));
    if (unknown.length === 0) return known;
    const fresh = readNow();
    const listed = await fresh.boots;
    if (listed.ok) for (const boot of unknown) if (!listed.value.has(boot)) fresh.strangers.add(boot);
    return listed;
  }

  function forget(): void {
    last = undefined;
  }

  return { listed: () => recent().boots, listedWith, forget };
}
