import type { RosterCount } from '../../chat/roster.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import { countPeople, readBoots } from './boots.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';

const SHORTEST_MS = 1_000;
/** Counting reads every user's id once: at this rate it stays a small part of what a worker and Redis do. */
const USERS_PER_MS = 50;

/*
 * Counted by one worker for all and kept in Redis: `totals` holds the last count, and while `fresh` is there
 * nobody counts again. Whoever finds it gone and can set it counts; the others answer with the last count
 * meanwhile, which is gone itself before it is too old to be told.
 */
export function createTotals(link: CommandLink, keys: RedisKeys): () => Promise<Outcome<RosterCount>> {
  const [totals, fresh] = keys.totals;

  async function countNow(): Promise<Outcome<RosterCount>> {
    const boots = await readBoots(link, keys);
    if (!boots.ok) return boots;
    const alive = boots.value.filter((one) => one.alive);
    const people = await countPeople(link, keys, alive);
    if (!people.ok) return people;
    const { users, clients } = people.value;
    void link.call(['SET', totals, `${users} ${clients}`, 'PX', String(2 * ageOf(users))]);
    return people;
  }

  return async () => {
    const [last, recent] = await Promise.all([
      link.call<string | null>(['GET', totals]),
      link.call<number>(['EXISTS', fresh]),
    ]);
    if (!last.ok) return last;
    if (!recent.ok) return recent;
    const known = last.value !== null;
    const [users = 0, clients = 0] = (last.value ?? '').split(' ').map(Number);
    if (known && recent.value === 1) return succeed({ users, clients });
    const turn = await link.call<string | null>(['SET', fresh, '1', 'NX', 'PX', String(ageOf(users))]);
    if (!turn.ok) return turn;
    return known && turn.value === null ? succeed({ users, clients }) : countNow();
  };
}

function ageOf(users: number): number {
  return Math.max(SHORTEST_MS, Math.ceil(users / USERS_PER_MS));
}
