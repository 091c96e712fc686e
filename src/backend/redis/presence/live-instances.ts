import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { ListedInstance, ReadInstances } from './instances.ts';

/**
 * The listed instances, cached for at most a second. While the store does not answer, they are what they were last: nobody's
 * lease ends while no heartbeat can be seen.
 */
export interface LiveInstances {
  /** All listed instances by id. */
  listed(): Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** The same, but read again if one of `instanceIds` is not among them: it may have been listed just now. */
  listedIncluding(instanceIds: Iterable<string>): Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** Drops the cache. The caller knows that it is outdated. */
  forget(): void;
}

const CACHE_MS = 1_000;

interface Reading {
  readonly atMs: number;
  readonly instances: Promise<Outcome<ReadonlyMap<string, ListedInstance>>>;
  /** Ids that this reading was asked for in vain. A reaped instance leaves such ids behind, which must not cause reads. */
  readonly notListed: Set<string>;
}

export function createLiveInstances(readInstances: ReadInstances, now: () => number): LiveInstances {
  let last: Reading | undefined;
  let lastListed: ReadonlyMap<string, ListedInstance> | undefined;

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
    if (instances.ok) {
      lastListed = new Map(instances.value.map((one) => [one.instanceId, one]));
      return succeed(lastListed);
    }
    return lastListed && instances.error.code === 'unavailable' ? succeed(lastListed) : instances;
  }

  const recent = () => (last && now() - last.atMs < CACHE_MS ? last : readNow());

  async function listedIncluding(instanceIds: Iterable<string>) {
    const asked = [...instanceIds];
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
