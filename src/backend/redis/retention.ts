import type { Room } from '../../chat/room.ts';
import type { BackendOptions } from '../backend.ts';

export type RetentionOptions = Pick<
  BackendOptions,
  'historySize' | 'historyTtlS' | 'inboxSize' | 'inboxTtlS'
>;

/** The number of entries that Redis keeps of a log, and the time that it keeps an unused log. */
export interface Retention {
  readonly entries: number;
  readonly logTtlMs: number;
  /** Longer than `logTtlMs`: without its meta, a room would assign its old numbers again. */
  readonly metaTtlMs: number;
}

const DAY_MS = 86_400_000;

export function createRetention(options: RetentionOptions): (room: Room) => Retention {
  const ofRooms = retentionOf(options.historySize, options.historyTtlS);
  const ofInboxes = retentionOf(options.inboxSize, options.inboxTtlS);
  return (room) => (room.kind === 'room' ? ofRooms : ofInboxes);
}

function retentionOf(entries: number, ttlS: number): Retention {
  const logTtlMs = ttlS * 1_000;
  return { entries, logTtlMs, metaTtlMs: 2 * logTtlMs + DAY_MS };
}
