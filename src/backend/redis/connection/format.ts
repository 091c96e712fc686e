import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { BackendError } from '../../backend.ts';
import type { Script } from '../scripts.ts';
import type { RedisCommands } from './commands.ts';
import { away } from './failures.ts';

/**
 * The format of keys and values in Redis, and of the frames on its channels. A change that an earlier release would misread, or
 * whose data this one would misread without it, raises the format, with a migration.
 */
const FORMAT = 1;
/**
 * The lowest format whose releases can go on working with data of `FORMAT`. If it is lower, the mark says both, as `2/1`: hosts
 * are then upgraded one after the other. Otherwise the first new host shuts out those of earlier releases.
 */
const USABLE_BY = 1;
/** The format of data without a mark, which versions before the first mark wrote. */
const UNMARKED = 1;

/**
 * By the format they begin with, the steps that turn data into the next format. A step MUST be idempotent: hosts that start
 * together run it together, and a host that died during a step runs it again.
 */
export type Migrations = ReadonlyMap<number, (redis: RedisCommands) => Promise<Outcome<unknown>>>;

const MIGRATIONS: Migrations = new Map();

const MOVING = 'moving from ';

/** The mark while the content of another store is moved here: every version refuses it. */
export function formatOfMove(source: string, run: string): string {
  return `${MOVING}${source} ${run}`;
}

/** Returns whether a run from that source has set the mark. Earlier releases did not name the run. */
export function isMoveFrom(source: string, mark: string): boolean {
  return mark === `${MOVING}${source}` || mark.startsWith(`${MOVING}${source} `);
}

export function isMoving(mark: string): boolean {
  return mark.startsWith(MOVING);
}

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
  readonly usableBy?: number;
  readonly migrations?: Migrations;
}

/**
 * Migrates older data and marks it with this version's format. Leaves data of a newer format that this version can work with.
 * Throws a `BackendError` if the data is of another newer or an unknown format, which this version would misread and damage.
 * Refuses if Redis cannot say or cannot be marked now.
 */
export async function agreeOnFormat(deps: FormatDeps): Promise<Outcome<void>> {
  const { redis, key, mark, shown, current = FORMAT, usableBy = USABLE_BY, migrations = MIGRATIONS } = deps;
  for (;;) {
    const marked = await redis.call<string | null>(['GET', key]);
    if (!marked.ok) return marked;
    const found = marked.value === null ? { format: UNMARKED, usableBy: UNMARKED } : parseMark(marked.value);
    const isUsable = found.format >= current && found.usableBy <= current;
    if (isUsable && marked.value !== null) return succeed(undefined);
    const migrate = migrations.get(found.format);
    if (!isUsable && !migrate) throw misfit(shown, marked.value ?? String(UNMARKED), found.format, current);
    if (deps.examines) return succeed(undefined);
    const migrated = await migrate?.(redis);
    if (migrated && !migrated.ok) return migrated;
    const next = migrate ? found.format + 1 : found.format;
    const text = markText(next, usableBy);
    const set = await redis.evaluate<number>(mark, [key], [marked.value ?? '', text]);
    if (!set.ok) return set;
  }
}

/** The mark of data that this version writes. */
export function ownMark(): string {
  return markText(FORMAT, USABLE_BY);
}

function markText(format: number, usableBy: number): string {
  return usableBy < format ? `${format}/${usableBy}` : `${format}`;
}

function parseMark(text: string): { readonly format: number; readonly usableBy: number } {
  const [, format, usableBy] = /^(\d+)(?:\/(\d+))?$/.exec(text) ?? [];
  return { format: Number(format), usableBy: Number(usableBy ?? format) };
}

function misfit(shown: string, mark: string, format: number, current: number): BackendError {
  if (isMoving(mark)) {
    return new BackendError(
      `Redis at ${shown} has a part of an embedded store only: \`roomcast move-to-redis\` was cut off, or runs. Run it to its end, or choose another KEY_PREFIX`,
    );
  }
  const who = format > current ? 'a newer version of Roomcast wrote' : 'this version does not know';
  return new BackendError(
    `Redis at ${shown} holds data of format ${JSON.stringify(mark.slice(0, 20))}, which ${who}; this version writes format ${current}. Start the version that wrote it, or choose another KEY_PREFIX`,
  );
}

/** Keeps a worker that runs from misreading data that a newer version has migrated meanwhile. */
export interface FormatGate {
  /** They refuse every call after a check found data of another format, until one finds the format of this version. */
  readonly commands: RedisCommands;
  /** The same for a connection to one of several servers. */
  guard(redis: RedisCommands): RedisCommands;
  /** Reads the mark, and marks data that has none. */
  check(): Promise<Outcome<void>>;
  /** Returns whether `commands` refuses every call. */
  isShut(): boolean;
}

export function createFormatGate(deps: FormatDeps): FormatGate {
  const { redis } = deps;
  let misfitting: Refusal | undefined;

  const guard = ({ call, publish, evaluate, inOneOrder }: RedisCommands): RedisCommands => ({
    call: (args) => (misfitting ? Promise.resolve(misfitting) : call(args)),
    publish: (channel, frame) => (misfitting ? Promise.resolve(misfitting) : publish(channel, frame)),
    evaluate: (script, keys, args) =>
      misfitting ? Promise.resolve(misfitting) : evaluate(script, keys, args),
    inOneOrder,
  });

  return {
    commands: guard(redis),
    guard,
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
