import type { Room } from '../../chat/room.ts';
import { unopenedTtlS } from '../../chat/unopened-inbox.ts';
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

/** The lifetimes of an inbox that nobody has opened. */
export type UnopenedRetention = Pick<Retention, 'logTtlMs' | 'metaTtlMs'>;

const DAY_MS = 86_400_000;

export function createRetention(options: RetentionOptions): (room: Room) => Retention {
  const ofRooms = retentionOf(options.historySize, options.historyTtlS);
  const ofInboxes = retentionOf(options.inboxSize, options.inboxTtlS);
  return (room) => (room.kind === 'room' ? ofRooms : ofInboxes);
}

export function unopenedRetention({ inboxTtlS }: Pick<RetentionOptions, 'inboxTtlS'>): UnopenedRetention {
  const logTtlMs = unopenedTtlS(inboxTtlS) * 1_000;
  // The next log begins a new epoch, so its numbers may begin anew.
  return { logTtlMs, metaTtlMs: logTtlMs + DAY_MS };
}

function retentionOf(entries: number, ttlS: number): Retention {
  const logTtlMs = ttlS * 1_000;
  return { entries, logTtlMs, metaTtlMs: 2 * logTtlMs + DAY_MS };
}
