import { ROSTER_DOUBT_MS } from '../../../chat/roster.ts';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';
import type { InstanceReader, InstanceState } from './instances.ts';

/**
 * The instances that live, from a reading at most a second old. Each reading returns only those that do not live, and each
 * instance is looked up once to see whether it is listed at all. So the cost does not grow with the instances, although every
 * worker reads. While the store does not answer, the last reading stands: no lease ends while no heartbeat can be seen.
 */
export interface LiveInstances extends Sized {
  /** Reads the instances again, if the last reading is a second old. */
  refresh(): Promise<Outcome<unknown>>;
  /** Returns the states of those that are listed. An instance may be listed just now: one that is not known is looked up. */
  statesOf(instanceIds: Iterable<string>): Promise<Outcome<ReadonlyMap<string, InstanceState>>>;
  /** Drops the last reading. The caller knows that it is outdated. */
  forget(): void;
}

const CACHE_MS = 1_000;
/** A dead instance is listed as fenced for at least a lease before it is listed no more. A worker that read meanwhile knows. */
const LISTED_FOR_MS = ROSTER_DOUBT_MS;

interface Reading {
  readonly atMs: number;
  readonly found: Promise<Outcome<Found>>;
  /** Ids that were looked up in vain. A reaped instance leaves such ids behind, which must not cause reads. */
  readonly notListed: Set<string>;
}

interface Found {
  readonly silent: ReadonlyMap<string, InstanceState>;
  /** The state of every other instance that is listed. */
  readonly live: InstanceState;
}

export function createLiveInstances(
  instances: Pick<InstanceReader, 'silent' | 'listed'>,
  now: () => number,
): LiveInstances {
  let last: Reading | undefined;
  let lastFound: Found | undefined;
  /** They were listed, and are so until they are read as fenced. */
  const listed = new Set<string>();
  let readAtMs = Number.NEGATIVE_INFINITY;

  function readNow(): Reading {
    const reading: Reading = { atMs: now(), found: load(), notListed: new Set() };
    last = reading;
    void reading.found.then((found) => {
      if (!found.ok && last === reading) last = undefined;
    });
    return reading;
  }

  async function load(): Promise<Outcome<Found>> {
    const askedAtMs = now();
    const read = await instances.silent();
    if (!read.ok) return lastFound && isAway(read) ? succeed(lastFound) : read;
    if (askedAtMs - readAtMs > LISTED_FOR_MS) listed.clear();
    readAtMs = askedAtMs;
    const silent = new Map(read.value.instances.map((one) => [one.instanceId, one]));
    for (const [instanceId, { alive }] of silent) if (!alive) listed.delete(instanceId);
    const live = {
      alive: true,
      reaped: false,
      silentMs: 0,
      vouchedFor: false,
      lastHeartbeatAtMs: read.value.storeNowMs,
    };
    lastFound = { silent, live };
    return succeed(lastFound);
  }

  const recent = () => (last && now() - last.atMs < CACHE_MS ? last : readNow());

  async function lookUp(instanceIds: readonly string[], { notListed }: Reading): Promise<Outcome<void>> {
    const found = await instances.listed(instanceIds);
    if (!found.ok) return found;
    for (const instanceId of instanceIds) notListed.add(instanceId);
    for (const instanceId of found.value) {
      notListed.delete(instanceId);
      listed.add(instanceId);
    }
    return succeed(undefined);
  }

  async function statesOf(instanceIds: Iterable<string>) {
    const asked = [...instanceIds];
    let reading = recent();
    let found = await reading.found;
    if (!found.ok) return found;
    const { silent } = found.value;
    const presumed = new Set<string>();
    const unknown = asked.filter(
      (one) => !silent.has(one) && !listed.has(one) && !reading.notListed.has(one),
    );
    if (unknown.length > 0) {
      // An instance that was listed after the reading may be fenced since then, too.
      if (last === reading) reading = readNow();
      const [looked, fresh] = await Promise.all([lookUp(unknown, reading), reading.found]);
      if (!looked.ok && !isAway(looked)) return looked;
      if (!fresh.ok) return fresh;
      // An instance with users in a room is taken for listed while the store cannot tell.
      if (!looked.ok) for (const one of unknown) presumed.add(one);
      found = fresh;
      // A later reading that does not name them must not find them listed.
      for (const one of unknown) if (fresh.value.silent.get(one)?.alive === false) listed.delete(one);
    }
    const states = new Map<string, InstanceState>();
    for (const one of asked) {
      const isListed = listed.has(one) || presumed.has(one);
      const state = found.value.silent.get(one) ?? (isListed ? found.value.live : undefined);
      if (state) states.set(one, state);
    }
    return succeed(states);
  }

  function isAway({ error }: Refusal): boolean {
    return error.code === 'unavailable';
  }

  function forget(): void {
    last = undefined;
  }

  return { sizes: () => ({ listed: listed.size }), refresh: () => recent().found, statesOf, forget };
}
