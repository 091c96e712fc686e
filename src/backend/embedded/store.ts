import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { HookQueue } from '../../chat/hook-queue.ts';
import type { IdempotencyStore } from '../../chat/idempotency.ts';
import type { PushStore } from '../../chat/inbox-store.ts';
import type { LoggedRooms } from '../../chat/logged-rooms.ts';
import type { MentionNotes } from '../../chat/mention-notes.ts';
import type { RoomReaders } from '../../chat/room-readers.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { type BlockStore, createBlockStore } from './block-store.ts';
import { cleanUpTables } from './cleanup.ts';
import { createCommitQueue } from './commit-queue.ts';
import { earlierNamesUntilMs, newestDedupeMs } from './dedupe-keys.ts';
import { erasureToOverwrite, overwrittenFor } from './erasures.ts';
import { createHookStore } from './hook-store.ts';
import { createIdempotencyStore } from './idempotency-store.ts';
import { createInboxStore, type InboxStore } from './inbox-store.ts';
import { createLogStore, type LogStore } from './log-store.ts';
import { createLoggedRooms } from './logged-rooms.ts';
import { createMentionNotes } from './mention-notes.ts';
import { createModerationStore, type ModerationStore } from './moderation-store.ts';
import { createPushStore } from './push-store.ts';
import { createReaderCounts } from './reader-counts.ts';
import { createRoomReaders } from './room-readers.ts';
import { createRoomSubscriptionStore, type RoomSubscriptionStore } from './room-subscription-store.ts';
import { createSteadyClock } from './steady-clock.ts';
import type { ReadSnapshot, Tables } from './tables.ts';
import { createTransaction, type Transaction } from './transaction.ts';
import type { StoreRules } from './transaction-context.ts';

/** Everything on disk. All changes go through one commit queue. */
export interface Store {
  readonly logs: LogStore;
  readonly loggedRooms: LoggedRooms;
  readonly roomReaders: RoomReaders;
  readonly inboxes: InboxStore;
  readonly pushes: PushStore;
  readonly idempotency: IdempotencyStore;
  readonly moderation: ModerationStore;
  readonly blocks: BlockStore;
  readonly mentionNotes: MentionNotes;
  readonly roomSubscriptions: RoomSubscriptionStore;
  readonly hooks: HookQueue;
  /** Succeeds if a commit succeeds now, or if one succeeded within the last seconds and none has failed since. */
  check(): Promise<Outcome<void>>;
  /** Removes what has expired; call it now and then. Reads do not wait for it. */
  cleanUp(): Promise<void>;
  /** Calls `overwrite` if something was erased since that last succeeded, see freed-bytes.ts. */
  overwriteErased(overwrite: () => Promise<number | undefined>): Promise<void>;
  /** Same as `CommitQueue.hold`. */
  holdCommits(): Promise<() => void>;
  close(): Promise<void>;
}

export interface StoreDeps {
  readonly tables: Tables;
  readonly rules: Omit<StoreRules, 'run' | 'earlierNamesUntilMs' | 'isConnected' | 'isNearlyFull'>;
  readonly isConnected?: StoreRules['isConnected'];
  readonly isNearlyFull?: StoreRules['isNearlyFull'];
  readonly publish: (published: Transaction['published']) => void;
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
  readonly log: Logger;
}

/** All workers check every second; a commit for each check wrote 13 GB a day to the disk of an idle machine. */
const CHECK_MS = 5_000;

export function createStore({
  tables,
  publish,
  now,
  elapsedMs,
  log,
  isConnected = () => false,
  isNearlyFull = () => false,
  ...deps
}: StoreDeps): Store & Sized {
  const { dedupeTtlS } = deps.rules;
  const notBeforeMs = newestDedupeMs(tables, dedupeTtlS, now());
  const steadyMs = createSteadyClock({ now, elapsedMs, notBeforeMs });
  const rules: StoreRules = {
    ...deps.rules,
    run: randomBytes(9).toString('base64url'),
    earlierNamesUntilMs: earlierNamesUntilMs(tables, dedupeTtlS, steadyMs()),
    isConnected,
    isNearlyFull,
  };
  let closed = false;
  /** The time of the last commit for a check. */
  let wellAt = Number.NEGATIVE_INFINITY;
  const queue = createCommitQueue({
    createTransaction: () => createTransaction(tables, rules, { now: now(), steadyMs: steadyMs() }),
    commit: (writes) => tables.commit(writes),
    publish,
    log,
  });
  const readerCounts = createReaderCounts(rules.historySize);
  const readSnapshot: ReadSnapshot = (use) =>
    closed ? refuse('unavailable', 'the store is closed', 1_000) : succeed(tables.readSnapshot(use));
  const { sizes: hooksSizes, ...hooks } = createHookStore({ tables, readSnapshot, queue, now, elapsedMs });

  return {
    sizes: () => ({ queue: queue.sizes(), readerCounts: readerCounts.sizes(), hooks: hooksSizes() }),
    logs: createLogStore({ readSnapshot, queue, rules, now, steadyMs, onSaid: readerCounts.raised }),
    roomReaders: createRoomReaders({ readSnapshot, queue, counts: readerCounts }),
    loggedRooms: createLoggedRooms({ tables, rules, now, closed: () => closed }),
    inboxes: createInboxStore({ readSnapshot, queue, rules, now }),
    pushes: createPushStore({ readSnapshot, queue, rules, now }),
    idempotency: createIdempotencyStore({ queue, rules }),
    moderation: createModerationStore({ readSnapshot, queue, now }),
    blocks: createBlockStore({ readSnapshot, queue, now }),
    mentionNotes: createMentionNotes({ tables, queue, now, closed: () => closed }),
    roomSubscriptions: createRoomSubscriptionStore({ readSnapshot, queue, rules, now }),
    hooks,
    async check() {
      const at = elapsedMs();
      if (at - wellAt < CHECK_MS && !queue.failing()) return succeed(undefined);
      const checked = await queue.add({
        bytes: 0,
        plan: (transaction) => transaction.write({ table: 'facts', key: 'checkedAt', value: now() }),
      });
      if (checked.ok) wellAt = at;
      return checked;
    },
    cleanUp: () => cleanUpTables({ tables, queue, rules, now, steadyMs, closed: () => closed }),
    async overwriteErased(overwrite) {
      const erasedAt = erasureToOverwrite(tables);
      if (closed || erasedAt === undefined || (await overwrite()) === undefined) return;
      await queue.add({ bytes: 0, plan: (transaction) => transaction.write(overwrittenFor(erasedAt)) });
    },
    holdCommits: queue.hold,
    async close() {
      await queue.close();
      closed = true;
    },
  };
}
