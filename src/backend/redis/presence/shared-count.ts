import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away } from '../connection/failures.ts';
import type { Script } from '../scripts.ts';

/** The age, in lifetimes of a count, at which a count is overdue: the elected process did not replace it. */
const OVERDUE = 3;
/** The age, in lifetimes of a count, up to which a process answers with the last count that it knows if the store has none. */
const STALE = 10;
const LOOK_EVERY_MS = 200;
const MOST_LOOKS = 5;

export interface SharedCountDeps<Count> {
  readonly redis: Pick<RedisCommands, 'call' | 'evaluate'>;
  /** count-turn.lua */
  readonly turn: Script;
  /** The last count, and the election of the process that counts next. */
  readonly keys: readonly [count: string, turn: string];
  readonly count: () => Promise<Outcome<Count>>;
  readonly toNumbers: (count: Count) => readonly number[];
  readonly fromNumbers: (numbers: readonly number[]) => Count;
  /** The age at which a count is too old. It is asked without a count as long as there was none. */
  readonly lifetimeMs: (count?: Count) => number;
  /** A clock that cannot be set. */
  readonly now: () => number;
}

interface Known<Count> {
  readonly count: Count;
  /** It rises with each count. */
  readonly number: number;
  /** The time at which this process saw it first. */
  readonly atMs: number;
}

/*
 * One process counts for all and stores the count in Redis with a number that rises. Each process measures the age of the
 * stored count by its own monotonic clock. The first process to find it too old, or missing, is elected to count again, and the
 * others answer with the last count meanwhile, or wait for the next one. The elected process renews its turn while it counts;
 * without that the turn expires, and another process is elected.
 */
export function createSharedCount<Count>(deps: SharedCountDeps<Count>): () => Promise<Outcome<Count>> {
  const { redis, turn, count, toNumbers, fromNumbers, lifetimeMs, now } = deps;
  const [countKey, turnKey] = deps.keys;
  /** What the store had, '' for no count. */
  let seen = { text: '', atMs: now() };
  let known: Known<Count> | undefined;

  /** Returns undefined if the store has no count. */
  function note(text: string): Count | undefined {
    if (seen.text !== text) seen = { text, atMs: now() };
    if (text === '') return undefined;
    const numbers = text.split(' ').map(Number);
    known = { count: fromNumbers(numbers), number: numbers.at(-1) ?? 0, atMs: seen.atMs };
    return known.count;
  }

  async function read(): Promise<Outcome<string>> {
    const stored = await redis.call<string | null>(['GET', countKey]);
    return stored.ok ? succeed(stored.value ?? '') : stored;
  }

  async function countNow(lifetime: number): Promise<Outcome<Count>> {
    const expiryMs = String(OVERDUE * lifetime);
    const renewal = setInterval(() => {
      for (const key of deps.keys) void redis.call(['PEXPIRE', key, expiryMs]);
    }, lifetime).unref();
    const counted = await count().finally(() => clearInterval(renewal));
    if (!counted.ok) {
      await redis.call(['DEL', turnKey]);
      return counted;
    }
    const text = [...toNumbers(counted.value), (known?.number ?? 0) + 1].join(' ');
    // It expires once no process asks any more.
    void redis.call(['SET', countKey, text, 'PX', String(OVERDUE * lifetimeMs(counted.value))]);
    note(text);
    return counted;
  }

  /** Another process is elected and has not stored its first count. */
  async function awaitCount(lifetime: number): Promise<Outcome<Count>> {
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
      const stored = await read();
      if (!stored.ok) return stored;
      const current = note(stored.value);
      if (current !== undefined) return succeed(current);
    }
    const isRecent = known && now() - known.atMs < STALE * lifetime;
    return known && isRecent ? succeed(known.count) : away('the cluster is being counted');
  }

  return async () => {
    const stored = await read();
    if (!stored.ok) return stored;
    const current = note(stored.value);
    const ageMs = now() - seen.atMs;
    const lifetime = lifetimeMs(known?.count);
    if (current !== undefined && ageMs < lifetime) return succeed(current);
    const expiryMs = OVERDUE * lifetime;
    const elected = await redis.evaluate<number>(
      turn,
      [turnKey],
      [stored.value, String(expiryMs), ageMs < expiryMs ? '0' : '1'],
    );
    if (!elected.ok) return elected;
    if (elected.value === 1) return countNow(lifetime);
    return current === undefined ? awaitCount(lifetime) : succeed(current);
  };
}
