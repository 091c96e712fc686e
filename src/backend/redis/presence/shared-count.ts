import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away, replyIn } from '../connection/failures.ts';
import type { Script } from '../scripts.ts';

/** In lifetimes of a count: a count that nobody replaces, and a turn that nobody renews, expire after it. */
const EXPIRY = 3;
/** The age, in lifetimes of a count, up to which a process answers with the last count that it knows if the store has none. */
const STALE = 10;
const LOOK_EVERY_MS = 200;
/** The answer comes within the limit of the admin port. */
const MOST_LOOKS = 4;

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

interface Turn {
  readonly lifetime: number;
  giveBack(): Promise<unknown>;
}

/*
 * One process counts for all and stores the count in Redis with a number that rises. Each process measures the age of the
 * stored count by its own monotonic clock. The first process to find it too old, or missing, is elected to count again, and the
 * others answer with the last count meanwhile, or wait for the next one. The elected process renews its turn while it counts;
 * without that the turn expires, and another process is elected. While the store takes no writes, nobody can be elected or
 * store a count: then each process counts for itself, and rarely.
 */
export function createSharedCount<Count>(deps: SharedCountDeps<Count>): () => Promise<Outcome<Count>> {
  const { redis, turn, count, toNumbers, fromNumbers, lifetimeMs, now } = deps;
  const [countKey, turnKey] = deps.keys;
  /** The count that the store had, '' for none. */
  let seen: { readonly text: string; readonly atMs: number } | undefined;
  let known: Known<Count> | undefined;
  let alone: Promise<Outcome<Count>> | undefined;

  /** Returns undefined if the store has no count. */
  function note(text: string): Known<Count> | undefined {
    if (seen?.text !== text) seen = { text, atMs: now() };
    if (text === '') return undefined;
    const numbers = text.split(' ').map(Number);
    known = { count: fromNumbers(numbers), number: numbers.at(-1) ?? 0, atMs: seen.atMs };
    return known;
  }

  function recent(lifetime: number): Known<Count> | undefined {
    return known && now() - known.atMs < STALE * lifetime ? known : undefined;
  }

  async function read(): Promise<Outcome<string>> {
    const stored = await redis.call<string | null>(['GET', countKey]);
    return stored.ok ? succeed(stored.value ?? '') : stored;
  }

  /** Returns undefined if another process has the turn. */
  async function takeTurn(text: string, lifetime: number): Promise<Outcome<Turn | undefined>> {
    const id = randomUUID();
    const run = (forMs: number) => redis.evaluate<number>(turn, [turnKey], [text, String(forMs), id]);
    const elected = await run(EXPIRY * lifetime);
    if (!elected.ok) return elected;
    return succeed(elected.value === 1 ? { lifetime, giveBack: () => run(0) } : undefined);
  }

  async function countInTurn({ lifetime, giveBack }: Turn): Promise<Outcome<Count>> {
    const expiryMs = String(EXPIRY * lifetime);
    const renewal = setInterval(() => {
      for (const key of deps.keys) void redis.call(['PEXPIRE', key, expiryMs]);
    }, lifetime).unref();
    const counted = await count().finally(() => clearInterval(renewal));
    if (!counted.ok) {
      await giveBack();
      return counted;
    }
    const text = [...toNumbers(counted.value), (known?.number ?? 0) + 1].join(' ');
    // It expires once no process asks any more.
    const expiry = String(EXPIRY * lifetimeMs(counted.value));
    const stored = await redis.call(['SET', countKey, text, 'PX', expiry]);
    if (stored.ok) note(text);
    else await giveBack();
    return counted;
  }

  async function countAlone(): Promise<Outcome<Count>> {
    const counted = await count();
    if (counted.ok) known = { count: counted.value, number: known?.number ?? 0, atMs: now() };
    return counted;
  }

  /** Another process is elected and has not stored its first count. */
  async function awaitCount(lifetime: number): Promise<Outcome<Count>> {
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
      const stored = await read();
      if (!stored.ok) return stored;
      const current = note(stored.value);
      if (current) return succeed(current.count);
    }
    const last = recent(lifetime);
    return last ? succeed(last.count) : away('the cluster is being counted');
  }

  return async () => {
    const stored = await read();
    if (!stored.ok) return stored;
    const current = note(stored.value);
    const lifetime = lifetimeMs(known?.count);
    if (current && now() - current.atMs < lifetime) return succeed(current.count);
    const taken = await takeTurn(stored.value, lifetime);
    if (taken.ok && taken.value) return countInTurn(taken.value);
    if (taken.ok) return current ? succeed(current.count) : awaitCount(lifetime);
    // A lost connection names no cause: then a count would fail, too.
    if (replyIn(taken) === undefined) return taken;
    const last = recent(lifetime);
    if (last) return succeed(last.count);
    alone ??= countAlone().finally(() => {
      alone = undefined;
    });
    return alone;
  };
}
