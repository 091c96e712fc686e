import type { Tables } from './tables.ts';

/** Says that the content of a store was moved to Redis. */
interface MovedAway {
  readonly to: string;
  /** ISO 8601 */
  readonly at: string;
  /** A server has used the store since. */
  readonly used?: boolean;
}

const FACT = 'movedAway';

export function recordMove(tables: Pick<Tables, 'fact' | 'compareAndSetFact'>, to: string, nowMs: number) {
  tables.compareAndSetFact(FACT, tables.fact(FACT), { to, at: new Date(nowMs).toISOString() });
}

/** Returns whether the store is still what was moved, as far as it knows. */
export function isAsMoved(tables: Pick<Tables, 'fact'>): boolean {
  const moved = tables.fact(FACT) as MovedAway | undefined;
  return moved !== undefined && moved.used !== true;
}

/** Call it when a server opens the store. Returns the warning if its content was moved away. */
export function noteUse(tables: Pick<Tables, 'fact' | 'compareAndSetFact'>, dir: string): string | undefined {
  const moved = tables.fact(FACT) as MovedAway | undefined;
  if (!moved) return undefined;
  if (!moved.used) tables.compareAndSetFact(FACT, moved, { ...moved, used: true });
  return `DATA_DIR ${dir} was moved to ${moved.to} at ${moved.at}, and this server does not use that Redis: neither has what is said on the other. Set REDIS_URL as for the move, if this was not meant.`;
}
