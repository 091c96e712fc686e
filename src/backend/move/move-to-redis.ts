import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { BackendError, type BackendOptions, usesRedis } from '../backend.ts';
import { type DataDir, openDataDir } from '../embedded/data-dir.ts';
import type { EndedEntries } from '../embedded/log-rows.ts';
import { isAsMoved, recordMove } from '../embedded/moved-away.ts';
import { createRowSource } from '../embedded/row-source.ts';
import { differencesTo, type SettingDifference } from '../embedded/served-settings.ts';
import { DATA_FILE } from '../embedded/store-files.ts';
import type { MovedKind } from '../moved-rows.ts';
import { openRedisImport } from '../redis/import/open-import.ts';
import { createComparison, type KindComparison } from './comparison.ts';
import { copyRows, type Progress } from './copy.ts';

export interface MoveDeps {
  /** Name both: `dataDir` is moved to the Redis. */
  readonly options: BackendOptions;
  readonly namespaces: readonly string[];
  /** Moves although some remembered `clientMsgId`s cannot be moved. */
  readonly forgetIds: boolean;
  readonly log: Logger;
  readonly onProgress?: (progress: Progress) => void;
}

/** The store was moved there by an earlier run, and no server has used it since. */
export interface MovedBefore {
  readonly movedBefore: string;
}

export interface MoveSummary {
  /** The servers, for the operator. */
  readonly shown: string;
  readonly kinds: readonly KindComparison[];
  readonly forgottenIds: number;
  /** Entries that had ended under the settings, and were left out. */
  readonly ended: EndedEntries;
}

/** The kinds in the order in which they are moved: the numbering of a log stands before what belongs to it. */
export const MOVED_KINDS: readonly MovedKind[] = [
  'secrets',
  'logs',
  'entries',
  'uncounted',
  'dedupe',
  'markers',
  'subscriptions',
  'ownMessages',
  'restrictions',
  'blocks',
  'mentions',
  'pushes',
  'claims',
];

const SOURCE_CHARS = 12;

/**
 * Copies everything in an embedded store that no server uses into an empty Redis, reads it back and compares it. Until both are
 * equal, a mark in Redis keeps every host from starting there. The embedded store stays as it was.
 */
export async function moveToRedis(deps: MoveDeps): Promise<MoveSummary | MovedBefore> {
  const { options } = deps;
  if (!usesRedis(options)) {
    throw new BackendError(
      'set REDIS_URL, REDIS_SENTINELS, REDIS_URLS or REDIS_CLUSTER_NODES to the Redis that shall have the data',
    );
  }
  const folder = resolve(options.dataDir);
  if (!existsSync(join(folder, DATA_FILE))) {
    throw new BackendError(`DATA_DIR ${folder} holds no store. Set DATA_DIR to that of the server.`);
  }
  // The lock is held to the end: what a server wrote meanwhile would be left behind.
  const dataDir = await openDataDir(folder);
  try {
    return await moveFrom(dataDir, folder, deps);
  } finally {
    await dataDir.close();
  }
}

async function moveFrom(
  { tables, secret }: DataDir,
  folder: string,
  { options, namespaces, forgetIds, log, onProgress = () => undefined }: MoveDeps,
): Promise<MoveSummary | MovedBefore> {
  const differences = differencesTo(tables, { ...options, namespaces });
  if (differences.length > 0) throw hasOtherSettings(differences);
  const name = createHash('sha256').update(secret).digest('base64url').slice(0, SOURCE_CHARS);
  const redis = await openRedisImport({ options, source: name, secret, log });
  try {
    const { target, atMs, shown, requireOwn } = redis;
    if (await redis.hasSource()) {
      if (isAsMoved(tables)) return { movedBefore: shown };
      throw wasUsedSince(shown);
    }
    const rows = createRowSource({ tables, secret, folder, rules: options, namespaces, atMs });
    const forgottenIds = rows.countLostDedupe();
    if (forgottenIds > 0 && !forgetIds) throw haveLostIds(forgottenIds, options.dedupeTtlS);
    await redis.begin();
    for (const kind of MOVED_KINDS) await copyRows(kind, rows.source, target, { onProgress, requireOwn });
    const comparison = createComparison({ source: rows.source, target, now: redis.now, onProgress });
    const kinds = [];
    for (const kind of MOVED_KINDS) kinds.push(await comparison.compare(kind));
    await redis.finish();
    recordMove(tables, shown, atMs);
    return { shown, kinds, forgottenIds, ended: rows.countEndedEntries() };
  } finally {
    await redis.close();
  }
}

function hasOtherSettings(differences: readonly SettingDifference[]): BackendError {
  const listed = (which: keyof SettingDifference) => differences.map((one) => one[which]).join(' ');
  return new BackendError(
    `the server last ran on DATA_DIR with ${listed('served')}, and this command has ${listed('given')}, under which other content is there. Give it the environment of the server; to change a setting with the move, start the server with it once before. Nothing was written`,
  );
}

function wasUsedSince(shown: string): BackendError {
  return new BackendError(
    `${shown} has this store already, from an earlier run, and a server may have used DATA_DIR since. Start the hosts on that Redis without what was said since, or move DATA_DIR to another KEY_PREFIX or an empty Redis; nothing was written`,
  );
}

function haveLostIds(count: number, ttlS: number): BackendError {
  const minutes = Math.ceil((3 * ttlS) / 60);
  return new BackendError(
    `${count} remembered clientMsgIds are of an earlier release and cannot be moved: a sender who repeats one would be stored twice. Run this release on DATA_DIR for ${minutes} minutes first, or say --forget-ids; nothing was written`,
  );
}
