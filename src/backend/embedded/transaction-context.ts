import type { Room } from '../../chat/room.ts';
import type { RetentionSettings } from './log-meta.ts';
import type { StagedWrites } from './staged-writes.ts';
import type { Tables } from './tables.ts';

export interface StoreRules extends RetentionSettings {
  readonly dedupeTtlS: number;
  /** Names this start of the primary. */
  readonly run: string;
  /** Until then, by `steadyMs`, dedupe records may have the names of earlier releases. */
  readonly earlierNamesUntilMs: number;
  /** The user of that inbox has a connection. */
  readonly isConnected: (inbox: Pick<Room, 'tag'>) => boolean;
  readonly isNearlyFull: () => boolean;
}

export interface TransactionTime {
  /** The wall clock. */
  readonly now: number;
  /** The clock of what is remembered for a while, see steady-clock.ts. */
  readonly steadyMs: number;
}

/** The dependencies that the parts of a transaction share. */
export interface TransactionContext {
  readonly staged: StagedWrites;
  readonly tables: Tables;
  readonly rules: StoreRules;
  readonly time: TransactionTime;
}
