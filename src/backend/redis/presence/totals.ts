import type { RosterCount } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';
import { countPeople, type InstanceReads } from './instances.ts';
import { createSharedCount } from './shared-count.ts';

const SHORTEST_MS = 1_000;
/** A count reads every user's id once. This rate keeps it a small part of the work of a worker and of Redis. */
const USERS_PER_MS = 50;

export interface TotalsDeps extends InstanceReads {
  /** count-turn.lua */
  readonly turn: Script;
  readonly now: () => number;
}

/** The users and connections of the whole cluster, for every worker. */
export function createTotals(deps: TotalsDeps): () => Promise<Outcome<RosterCount>> {
  const { redis, turn, keys, occupied, instances, now } = deps;

  async function count(): Promise<Outcome<RosterCount>> {
    const all = await instances.all();
    if (!all.ok) return all;
    const alive = all.value.filter((one) => one.alive);
    return countPeople(occupied, alive);
  }

  return createSharedCount({
    redis,
    turn,
    keys: keys.totals,
    count,
    toNumbers: ({ users, clients }) => [users, clients],
    fromNumbers: ([users = 0, clients = 0]) => ({ users, clients }),
    lifetimeMs: (last) => Math.max(SHORTEST_MS, Math.ceil((last?.users ?? 0) / USERS_PER_MS)),
    now,
  });
}
