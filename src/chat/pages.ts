import { type Outcome, succeed } from '../protocol/codes.ts';
import { MAX_PAGE_BYTES, MAX_RESUME_BYTES } from '../protocol/limits.ts';
import { type Entry, type LogPage, NO_EPOCH, type Position, type RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/** What a client that joins is shown of a room's past. */
export interface JoinPage extends LogPage {
  /** Absent when no resume was asked for. */
  readonly recovered?: boolean;
}

/** The newest `limit` entries. */
export async function readLatest(logs: RoomLogs, room: Room, limit: number): Promise<Outcome<JoinPage>> {
  return logs.read(room, { limit, maxBytes: MAX_PAGE_BYTES });
}

/**
 * Everything after a position, if it is certain that this is everything: the position still means the same
 * entries, nothing behind it was trimmed, and it is not more than a resume may carry. Else the newest entries
 * under `recovered: false`, never a part of the truth.
 */
export async function readResumed(
  logs: RoomLogs,
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

/** Whether the position names an entry that this log still knows as the same. */
function isSamePast(page: LogPage, from: Position): boolean {
  if (from.seq > page.top) return false;
  // Nothing was there when the device came, and what came since it counted on: not every event names its epoch. So it means the
  // log's first epoch.
  if (from.epoch === NO_EPOCH) return page.previousEpochs.every(({ upTo }) => from.seq <= upTo);
  if (from.epoch === page.epoch) return true;
  return page.previousEpochs.some(({ epoch, upTo }) => epoch === from.epoch && from.seq <= upTo);
}

/** The page with what passed since it was read, cut to `limit` from its newest end. */
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
