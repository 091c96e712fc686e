import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { BackendError } from '../../backend.ts';
import type { Script } from '../scripts.ts';
import type { RedisCommands } from './commands.ts';
import { away } from './failures.ts';

/** The format of keys and values in Redis. Whoever changes it so that older data would be misread raises it and migrates. */
const FORMAT = 1;
/** The format of data without a mark, which versions before the first mark wrote. */
const UNMARKED = 1;

/**
 * By the format they begin with, the steps that turn data into the next format. A step MUST be idempotent: hosts that start
 * together run it together, and a host that died during a step runs it again.
 */
export type Migrations = ReadonlyMap<number, (redis: RedisCommands) => Promise<Outcome<unknown>>>;

const MIGRATIONS: Migrations = new Map();

export interface FormatDeps {
  readonly redis: RedisCommands;
  readonly key: string;
  /** format.lua */
  readonly mark: Script;
  /** The server and the KEY_PREFIX, for the operator. */
  readonly shown: string;
  readonly current?: number;
  readonly migrations?: Migrations;
}

/**
 * Migrates older data and marks it with this version's format. Throws a `BackendError` if the data is of a newer or an unknown
 * format, which this version would misread and damage. Refuses if Redis cannot say or cannot be marked now.
 */
export async function agreeOnFormat(deps: FormatDeps): Promise<Outcome<void>> {
  const { redis, key, mark, shown, current = FORMAT, migrations = MIGRATIONS } = deps;
  for (;;) {
    const marked = await redis.call<string | null>(['GET', key]);
    if (!marked.ok) return marked;
    if (marked.value === String(current)) return succeed(undefined);
    const found = marked.value === null ? UNMARKED : Number(marked.value);
    const migrate = migrations.get(found);
    if (found !== current && !migrate) throw misfit(shown, marked.value ?? String(found), current);
    const migrated = await migrate?.(redis);
    if (migrated && !migrated.ok) return migrated;
    const next = migrate ? found + 1 : found;
    const set = await redis.evaluate<number>(mark, [key], [marked.value ?? '', String(next)]);
    if (!set.ok) return set;
  }
}

function misfit(shown: string, found: string, current: number): BackendError {
  const who = Number(found) > current ? 'a newer version of Roomcast wrote' : 'this version does not know';
  return new BackendError(
    `Redis at ${shown} holds data of format ${JSON.stringify(found.slice(0, 20))}, which ${who}; this version writes format ${current}. Start the version that wrote it, or choose another KEY_PREFIX`,
  );
}

export interface FormatCheckDeps extends FormatDeps {
  /** Names the time for which the server has been the master: with another server, the data may be other data. */
  readonly term: () => string | undefined;
}

/** Agrees on the format with each server once, and refuses while that is not done. */
export function createFormatCheck(deps: FormatCheckDeps): () => Promise<Outcome<void>> {
  let agreedFor: string | undefined;
  return async () => {
    const term = deps.term();
    if (term !== undefined && term === agreedFor) return succeed(undefined);
    try {
      const agreed = await agreeOnFormat(deps);
      if (agreed.ok) agreedFor = term;
      return agreed;
    } catch (error) {
      if (error instanceof BackendError) return away(error.message);
      throw error;
    }
  };
}
