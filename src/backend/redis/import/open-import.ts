import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { BackendError, type BackendOptions } from '../../backend.ts';
import type { RowTarget } from '../../moved-rows.ts';
import { formatOfMove, isMoveFrom, isMoving, ownMark } from '../connection/format.ts';
import { openRedisConnection } from '../connection/redis-connection.ts';
import type { RedisTarget } from '../connection/target.ts';
import { literalPattern, redisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import { createRetention } from '../retention.ts';
import { openImportScript, openScripts } from '../scripts.ts';
import { databaseOf, openTopology } from '../topology/open-topology.ts';
import { type PrimaryNode, requireServers } from '../topology/required-servers.ts';
import { serverName } from '../topology/server-names.ts';
import { requireSameServers } from '../topology/spread-record.ts';
import { createRowTarget } from './row-target.ts';

export interface ImportDeps {
  readonly options: BackendOptions;
  /** Names the store that is moved here. */
  readonly source: string;
  /** The secret of that store. */
  readonly secret: string;
  readonly log: Logger;
  readonly patienceMs?: number;
}

/** An empty Redis that takes the content of another store. */
export interface RedisImport {
  readonly target: RowTarget;
  /** The servers, for the operator. */
  readonly shown: string;
  /** The clock of Redis when the import began, ms since 1970. */
  readonly atMs: number;
  /** Reads that clock again. */
  now(): Promise<number>;
  /**
   * Refuses a Redis that has data under KEY_PREFIX. Then it marks the Redis, so that no host starts on it; if an earlier run
   * from the same source was cut off, it deletes what that run wrote.
   */
  begin(): Promise<void>;
  /** Returns whether an earlier run has moved the source here to its end. */
  hasSource(): Promise<boolean>;
  /** Throws if another run from the same source has begun meanwhile. */
  requireOwn(): Promise<void>;
  /** Lets hosts start. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE_MS = 10_000;
const SCAN_AT_ONCE = '1000';

/** Connects and checks that the servers can be used; throws a `BackendError` that tells the operator why not. */
export async function openRedisImport(deps: ImportDeps): Promise<RedisImport> {
  const { options, source, secret, log, patienceMs = PATIENCE_MS } = deps;
  const keys = redisKeys(options.keyPrefix, databaseOf(options));
  const { markFormat } = openScripts();
  const importEntries = openImportScript();
  const topology = openTopology<PrimaryNode>({
    options,
    openNode(target: RedisTarget) {
      const commands = openRedisConnection({ target, scripts: [markFormat, importEntries], log });
      return { target, commands, close: commands.close };
    },
    log,
  });
  const { commands: redis } = topology;
  // Copies of one store have the same name, and one run would delete what the other writes.
  const mark = formatOfMove(source, randomBytes(6).toString('base64url'));
  const readMark = async () => valueIn(await redis.call<string | null>(['GET', keys.format])) ?? '';

  async function now(): Promise<number> {
    const [seconds, micros] = valueIn(await topology.nodeOf(keys.format).commands.call<string[]>(['TIME']));
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /** Calls `each` with the keys of every server that begin with the prefix, in portions. */
  async function scan(each: (found: readonly string[]) => Promise<void>): Promise<void> {
    const pattern = `${literalPattern(options.keyPrefix)}:*`;
    // A start check of a host leaves its keys for ten seconds at most, and the record of the servers is no data.
    const isData = (key: string) =>
      key !== keys.format && key !== keys.spread && !key.startsWith(`${options.keyPrefix}:{start:`);
    for (const { commands, target } of topology.nodes()) {
      let cursor = '0';
      do {
        const args = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_AT_ONCE];
        if (cursor === '0' && valueIn(await commands.denies(args))) {
          throw new BackendError(
            `Redis at ${target.shown} does not let the user run SCAN, which this command needs to see that it is empty. Grant +scan with ACL SETUSER until it is done`,
          );
        }
        const [next, found] = valueIn(await commands.call<[string, string[]]>(args));
        cursor = next;
        await each(found.filter(isData));
      } while (cursor !== '0');
    }
  }

  async function requireEmpty(): Promise<void> {
    await scan(async ([key]) => {
      if (key === undefined) return;
      throw new BackendError(
        `${shown()} has data under KEY_PREFIX ${options.keyPrefix} already. Choose another KEY_PREFIX or an empty Redis; nothing was written`,
      );
    });
  }

  /** Hosts that name other servers would look for the rooms where they are not. */
  async function recordServers(): Promise<void> {
    if (options.redisClusterNodes) return;
    const named = topology.nodes().map(({ target, commands }) => ({ name: serverName(target), commands }));
    await requireSameServers(named, keys, { record: true });
  }

  const shown = () =>
    `Redis at ${topology
      .nodes()
      .map(({ target }) => target.shown)
      .join(', ')}`;

  async function setMark(from: string, to: string): Promise<void> {
    await redis.evaluate<number>(markFormat, [keys.format], [from, to]);
    // An answer that was lost does not tell whether it was set.
    const found = await readMark();
    if (found === to) return;
    if (isMoving(found)) throw anotherRun();
    throw new BackendError(
      `${shown()} was taken into use by a host meanwhile; stop it, and empty that Redis`,
    );
  }

  const anotherRun = () =>
    new BackendError(
      `${shown()} is being filled by another run of this command, which began later. Let that one end`,
    );

  try {
    await requireServers({ topology, options, keys, patienceMs, examines: true, log });
    const atMs = await now();
    const retention = createRetention(options);
    const { dedupeTtlS } = options;
    return {
      target: createRowTarget({ redis, importEntries, keys, retention, dedupeTtlS, atMs }),
      shown: shown(),
      atMs,
      now,
      async begin() {
        const marked = await readMark();
        if (isMoveFrom(source, marked)) {
          await setMark(marked, mark);
          await scan(async (found) => {
            valueIn(await allValues(found.map((key) => redis.call(['DEL', key]))));
          });
          return;
        }
        if (isMoving(marked)) {
          throw new BackendError(
            `${shown()} has a part of another store, whose move was cut off. Choose another KEY_PREFIX or an empty Redis; nothing was written`,
          );
        }
        await requireEmpty();
        await recordServers();
        await setMark(marked, mark);
      },
      async hasSource() {
        if (isMoving(await readMark())) return false;
        return valueIn(await redis.call<string | null>(['GET', keys.secret])) === secret;
      },
      async requireOwn() {
        if ((await readMark()) !== mark) throw anotherRun();
      },
      finish: () => setMark(mark, ownMark()),
      close: topology.close,
    };
  } catch (error) {
    await topology.close();
    throw error;
  }
}

function valueIn<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new BackendError(`Redis cannot be used: ${outcome.error.message}`);
  return outcome.value;
}
