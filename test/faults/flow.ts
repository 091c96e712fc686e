import type { HistoryRecord } from '../../src/load/checker/history.ts';

/**
 * From `endedAt` until the last member of the last room got a message that was first said after it: how long it
 * took until every room flowed again. Infinity when one never did.
 */
export function flowsAgainMs(records: readonly HistoryRecord[], endedAt: number): number {
  const after = new Set<string>();
  const members = new Set<string>();
  const first = new Map<string, number>();
  for (const record of records) {
    if (record.kind === 'join') members.add(`${record.client} ${record.room}`);
    if (record.kind === 'invoke' && record.t >= endedAt && (record.attempt ?? 1) === 1) after.add(record.id);
  }
  for (const record of records) {
    if (record.kind !== 'deliver' || record.id === undefined || !after.has(record.id)) continue;
    const member = `${record.client} ${record.room}`;
    first.set(member, Math.min(first.get(member) ?? Infinity, record.t));
  }
  let last = 0;
  for (const member of members) last = Math.max(last, (first.get(member) ?? Infinity) - endedAt);
  return last;
}

/** Memberships that heard anything at all: what a client does not record cannot be found missing. */
export function countHearing(records: readonly HistoryRecord[]): number {
  const hearing = new Set<string>();
  for (const record of records) {
    if (record.kind === 'deliver') hearing.add(`${record.client} ${record.room}`);
  }
  return hearing.size;
}

/** Deliveries later than `lateMs` after their first `invoke`: what a fault delayed. */
export function countLate(records: readonly HistoryRecord[], lateMs: number): number {
  const said = new Map<string, number>();
  let late = 0;
  for (const record of records) {
    if (record.kind !== 'invoke') continue;
    said.set(record.id, Math.min(said.get(record.id) ?? Infinity, record.t));
  }
  for (const record of records) {
    if (record.kind !== 'deliver' || record.id === undefined) continue;
    if (record.t - (said.get(record.id) ?? record.t) > lateMs) late += 1;
  }
  return late;
}
