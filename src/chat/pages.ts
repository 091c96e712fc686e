import { type Outcome, succeed } from '../protocol/codes.ts';
import { MAX_PAGE_BYTES, MAX_RESUME_BYTES } from '../protocol/limits.ts';
import { type Entry, type LogPage, NO_EPOCH, type Position, type RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/** The page of a room's log that a joining client gets. */
export interface JoinPage extends LogPage {
  /** Absent when no resume was asked for. */
  readonly recovered?: boolean;
}

/** The newest `limit` entries. */
export async function readLatest(
  logs: Pick<RoomLogs, 'read'>,
  room: Room,
  limit: number,
): Promise<Outcome<JoinPage>> {
  return logs.read(room, { limit, maxBytes: MAX_PAGE_BYTES });
}

/**
 * Reads everything after a position, if the log can prove that it is complete: the position still names the same entry,
 * nothing after it was trimmed, and the page is within the limits of a resume. Otherwise reads the newest entries, with
 * `recovered: false`; never a partial recovery.
 */
export async function readResumed(
  logs: Pick<RoomLogs, 'read'>,
  room: Room,
  from: Position,
  limits: { readonly messages: number; readonly latest: number; readonly maxBytes?: number },
): Promise<Outcome<JoinPage>> {
  const { maxBytes = MAX_RESUME_BYTES } = limits;
  const answer = await logs.read(room, { after: from.seq, limit: limits.messages, maxBytes });
  if (!answer.ok) return answer;
  const page = answer.value;
  const bytes = page.entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.json), 0);
  const whole = !page.more && bytes <= maxBytes && page.first <= from.seq + 1;
  if (whole && isSamePast(page, from)) return succeed({ ...page, recovered: true });
  const latest = await readLatest(logs, room, limits.latest);
  return latest.ok ? succeed({ ...latest.value, recovered: false }) : latest;
}

/** Returns whether the position names the same entry in this log. */
function isSamePast(page: LogPage, from: Position): boolean {
  if (from.seq > page.top) return false;
  // The log was empty when the device connected, and the device has counted live events, not all of which name their epoch. So
  // the position is in the log's first epoch.
  if (from.epoch === NO_EPOCH) return page.previousEpochs.every(({ upTo }) => from.seq <= upTo);
  if (from.epoch === page.epoch) return true;
  return page.previousEpochs.some(({ epoch, upTo }) => epoch === from.epoch && from.seq <= upTo);
}

/** Appends the entries since the page was read and keeps the newest `limit`. */
export function extendPage(
  page: JoinPage,
  since: readonly Entry[],
  limit: number,
): { readonly seq: number; readonly entries: readonly Entry[]; readonly more: boolean } {
  const entries = [...page.entries, ...since];
  const seq = since.at(-1)?.seq ?? page.top;
  if (page.recovered || entries.length <= limit) return { seq, entries, more: page.more };
  return { seq, entries: limit === 0 ? [] : entries.slice(-limit), more: true };
}
