import type { Outcome, Refusal } from '../../../protocol/codes.ts';
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
  /** The format is only looked at: nothing is migrated or marked. */
  readonly examines?: boolean;
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
    if (deps.examines) return succeed(undefined);
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

/** Keeps a worker that runs from misreading data that a newer version has migrated meanwhile. */
export interface FormatGate {
  /** They refuse every call after a check found data of another format, until one finds the format of this version. */
  readonly commands: RedisCommands;
  /** Reads the mark, and marks data that has none. */
  check(): Promise<Outcome<void>>;
  /** Returns whether `commands` refuses every call. */
  isShut(): boolean;
}

export function createFormatGate(deps: FormatDeps): FormatGate {
  const { redis } = deps;
  let misfitting: Refusal | undefined;

  return {
    commands: {
      call: (args) => (misfitting ? Promise.resolve(misfitting) : redis.call(args)),
      publish: (channel, frame) => (misfitting ? Promise.resolve(misfitting) : redis.publish(channel, frame)),
      evaluate: (script, keys, args) =>
        misfitting ? Promise.resolve(misfitting) : redis.evaluate(script, keys, args),
      inOneOrder: redis.inOneOrder,
    },
    async check() {
      try {
        const agreed = await agreeOnFormat(deps);
        if (agreed.ok) misfitting = undefined;
        return agreed;
      } catch (error) {
        if (!(error instanceof BackendError)) throw error;
        misfitting = away(error.message);
        return misfitting;
      }
    },
    isShut: () => misfitting !== undefined,
  };
}
