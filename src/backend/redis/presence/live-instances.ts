import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { ListedInstance, ReadInstances } from './instances.ts';

/** Which instances live, at most a second old. */
export interface LiveInstances {
  /** All listed ones, by instance. */
  listed(): Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** The same; read afresh if one of `instances` was not known of, for it may have come just now. */
  listedIncluding(instances: Iterable<string>): Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** What was read is known to be wrong now. */
  forget(): void;
}

const KEPT_MS = 1_000;

interface Reading {
  readonly atMs: number;
  readonly instances: Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** Asked for and not listed: what a reaped instance left is no reason to read again. */
  readonly notListed: Set<string>;
}

export function createLiveInstances(readInstances: ReadInstances, now: () => number): LiveInstances {
  let last: Reading | undefined;

  function readNow(): Reading {
    const reading: Reading = { atMs: now(), instances: load(), notListed: new Set() };
    last = reading;
    void reading.instances.then((instances) => {
      if (!instances.ok && last === reading) last = undefined;
    });
    return reading;
  }

  async function load(): Promise<Outcome<ReadonlyMap<string, ListedInstance>>> {
    const instances = await readInstances();
    return instances.ok ? succeed(new Map(instances.value.map((one) => [one.instanceId, one]))) : instances;
  }

  const recent = () => (last && now() - last.atMs < KEPT_MS ? last : readNow());

  async function listedIncluding(instances: Iterable<string>) {
    const asked = [...instances];
    const reading = recent();
    const known = await reading.instances;
    if (!known.ok) return known;
    const unknown = asked.filter(
      (instanceId) => !known.value.has(instanceId) && !reading.notListed.has(instanceId),
    );
    if (unknown.length === 0) return known;
    const fresh = readNow();
    const listed = await fresh.instances;
    if (listed.ok)
      for (const instanceId of unknown) if (!listed.value.has(instanceId)) fresh.notListed.add(instanceId);
    return listed;
  }

  function forget(): void {
    last = undefined;
  }

  return { listed: () => recent().instances, listedIncluding, forget };
}
