import type { RosterCount } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';
import { countPeople, type InstanceReads } from './instances.ts';

const SHORTEST_MS = 1_000;
/** A count reads every user's id once. This rate keeps it a small part of the work of a worker and of Redis. */
const USERS_PER_MS = 50;

/** The age, in lifetimes of a count, at which a count is overdue: the elected worker did not replace it. */
const OVERDUE = 3;

export interface TotalsDeps extends InstanceReads {
  /** totals-turn.lua */
  readonly turn: Script;
  readonly now: () => number;
}

/*
 * One worker counts for all and stores the count in Redis with a number that rises. Each worker measures the age of the
 * stored count by its own monotonic clock. The first worker to find it too old is elected to count again, and the others
 * answer with the last count meanwhile.
 */
export function createTotals(deps: TotalsDeps): () => Promise<Outcome<RosterCount>> {
  const { redis, turn, keys, occupied, readInstances, now } = deps;
  const [totalsKey, turnKey] = keys.totals;
  let seen: { readonly text: string; readonly atMs: number } | undefined;

  async function countNow(number: number): Promise<Outcome<RosterCount>> {
    const instances = await readInstances();
    if (!instances.ok) return instances;
    const alive = instances.value.filter((one) => one.alive);
    const people = await countPeople(occupied, alive);
    if (!people.ok) return people;
    const { users, clients } = people.value;
    // It expires once no worker asks any more.
    void redis.call([
      'SET',
      totalsKey,
      `${users} ${clients} ${number}`,
      'PX',
      String(OVERDUE * ageOf(users)),
    ]);
    return people;
  }

  return async () => {
    const last = await redis.call<string | null>(['GET', totalsKey]);
    if (!last.ok) return last;
    const text = last.value;
    if (text === null) return countNow(1);
    const [users = 0, clients = 0, number = 0] = text.split(' ').map(Number);
    if (seen?.text !== text) seen = { text, atMs: now() };
    const ageMs = now() - seen.atMs;
    if (ageMs < ageOf(users)) return succeed({ users, clients });
    const elected = await redis.evaluate<number>(turn, [turnKey], [text, String(OVERDUE * ageOf(users))]);
    if (!elected.ok) return elected;
    const overdue = ageMs >= OVERDUE * ageOf(users);
    return elected.value === 1 || overdue ? countNow(number + 1) : succeed({ users, clients });
  };
}

function ageOf(users: number): number {
  return Math.max(SHORTEST_MS, Math.ceil(users / USERS_PER_MS));
}
