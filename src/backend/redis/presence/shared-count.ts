import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { Script } from '../scripts.ts';

/** The age, in lifetimes of a count, at which a count is overdue: the elected process did not replace it. */
const OVERDUE = 3;

export interface SharedCountDeps<Count> {
  readonly redis: RedisCommands;
  /** count-turn.lua */
  readonly turn: Script;
  /** The last count, and the election of the process that counts next. */
  readonly keys: readonly [count: string, turn: string];
  readonly count: () => Promise<Outcome<Count>>;
  readonly toNumbers: (count: Count) => readonly number[];
  readonly fromNumbers: (numbers: readonly number[]) => Count;
  /** The age at which a count is too old. */
  readonly lifetimeMs: (count: Count) => number;
  /** A clock that cannot be set. */
  readonly now: () => number;
}

/*
 * One process counts for all and stores the count in Redis with a number that rises. Each process measures the age of the
 * stored count by its own monotonic clock. The first process to find it too old is elected to count again, and the others
 * answer with the last count meanwhile.
 */
export function createSharedCount<Count>(deps: SharedCountDeps<Count>): () => Promise<Outcome<Count>> {
  const { redis, turn, count, toNumbers, fromNumbers, lifetimeMs, now } = deps;
  const [countKey, turnKey] = deps.keys;
  let seen: { readonly text: string; readonly atMs: number } | undefined;

  async function countNow(number: number): Promise<Outcome<Count>> {
    const counted = await count();
    if (!counted.ok) return counted;
    const text = [...toNumbers(counted.value), number].join(' ');
    // It expires once no process asks any more.
    void redis.call(['SET', countKey, text, 'PX', String(OVERDUE * lifetimeMs(counted.value))]);
    return counted;
  }

  return async () => {
    const last = await redis.call<string | null>(['GET', countKey]);
    if (!last.ok) return last;
    const text = last.value;
    if (text === null) return countNow(1);
    const numbers = text.split(' ').map(Number);
    const known = fromNumbers(numbers);
    if (seen?.text !== text) seen = { text, atMs: now() };
    const ageMs = now() - seen.atMs;
    const lifetime = lifetimeMs(known);
    if (ageMs < lifetime) return succeed(known);
    const elected = await redis.evaluate<number>(turn, [turnKey], [text, String(OVERDUE * lifetime)]);
    if (!elected.ok) return elected;
    const overdue = ageMs >= OVERDUE * lifetime;
    return elected.value === 1 || overdue ? countNow((numbers.at(-1) ?? 0) + 1) : succeed(known);
  };
}
