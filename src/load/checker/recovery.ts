import type { HistoryRecord } from './history.ts';

/** The times by which the effect of a fault outlasted it, over all faults of one name. */
export interface Recovery {
  readonly fault: string;
  readonly times: number;
  /** The time from the fault's end until every room flowed again; undefined if that never happened. */
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** Rooms where a member never got a message that was acked and sent after the fault's end. */
  readonly stuck: readonly string[];
  /** Rooms in which nothing was sent and acked after the fault's end: nothing is known of them. */
  readonly silent: readonly string[];
}

interface FaultEnd {
  readonly name: string;
  readonly t: number;
}

interface Membership {
  readonly from: number;
  to: number;
  /** Per fault end, in their order: when the first message sent after it came. */
  readonly flowedAt: number[];
}

/** The effect of one fault in one run. */
interface Felt {
  readonly fault: string;
  readonly tookMs: number | undefined;
  readonly stuck: readonly string[];
  readonly silent: readonly string[];
}

/** Merges the faults of all runs by name. Each history is read twice: an array, or `readJournals`. */
export function measureRecovery(histories: readonly Iterable<HistoryRecord>[]): Recovery[] {
  const felt = histories.flatMap(feltIn);
  return [...new Set(felt.map(({ fault }) => fault))].map((fault) => {
    const ends = felt.filter((one) => one.fault === fault);
    const tookMs = ends.map((end) => end.tookMs).filter((ms) => ms !== undefined);
    tookMs.sort((a, b) => a - b);
    return {
      fault,
      times: ends.length,
      p50Ms: finite(tookMs[Math.ceil(tookMs.length / 2) - 1]),
      maxMs: finite(tookMs.at(-1)),
      stuck: [...new Set(ends.flatMap(({ stuck }) => stuck))],
      silent: [...new Set(ends.flatMap(({ silent }) => silent))],
    };
  });
}

/**
 * A room flows again when every member of that moment has got a message that was sent after the fault's end.
 * It does not wait for members who left before, but for members whose connection is down.
 */
function feltIn(history: Iterable<HistoryRecord>): Felt[] {
  const { ends, sentAt, lastSent } = sendsOf(history);
  const byRoom = membershipsOf(history, ends, sentAt);
  return ends.map((end, at) => {
    const stuck: string[] = [];
    const silent: string[] = [];
    let tookMs: number | undefined;
    for (const [room, members] of byRoom) {
      if ((lastSent.get(room) ?? Number.NEGATIVE_INFINITY) < end.t) {
        silent.push(room);
        continue;
      }
      const waited = flowAfter(members, end, at);
      if (waited === Number.POSITIVE_INFINITY) stuck.push(room);
      tookMs = Math.max(waited, tookMs ?? 0);
    }
    return { fault: end.name, tookMs, stuck, silent };
  });
}

function sendsOf(history: Iterable<HistoryRecord>) {
  const ends: FaultEnd[] = [];
  const sentAt = new Map<string, number>();
  /** When the newest of the messages that were acked was sent, per room. */
  const lastSent = new Map<string, number>();
  for (const record of history) {
    if (record.kind === 'fault' && record.at === 'end') ends.push({ name: record.name, t: record.t });
    else if (record.kind === 'invoke' && !sentAt.has(record.id)) sentAt.set(record.id, record.t);
    else if (record.kind === 'ok') {
      const t = sentAt.get(record.id) ?? Number.NEGATIVE_INFINITY;
      lastSent.set(record.room, Math.max(t, lastSent.get(record.room) ?? t));
    }
  }
  ends.sort((a, b) => a.t - b.t);
  return { ends, sentAt, lastSent };
}

function membershipsOf(
  history: Iterable<HistoryRecord>,
  ends: readonly FaultEnd[],
  sentAt: ReadonlyMap<string, number>,
): Map<string, Membership[]> {
  const byRoom = new Map<string, Membership[]>();
  const current = new Map<string, Membership>();
  for (const record of history) {
    if (record.kind !== 'join' && record.kind !== 'leave' && record.kind !== 'deliver') continue;
    const key = `${record.client}\n${record.room}`;
    const membership = current.get(key);
    if (record.kind === 'join' && !membership) {
      const opened: Membership = { from: record.t, to: Number.POSITIVE_INFINITY, flowedAt: [] };
      current.set(key, opened);
      const members = byRoom.get(record.room);
      if (members) members.push(opened);
      else byRoom.set(record.room, [opened]);
    } else if (record.kind === 'leave' && membership) {
      membership.to = record.t;
      current.delete(key);
    } else if (record.kind === 'deliver' && membership && record.source !== 'history') {
      const sent = record.id === undefined ? undefined : sentAt.get(record.id);
      if (sent === undefined) continue;
      const { flowedAt } = membership;
      for (let end = ends[flowedAt.length]; end && end.t <= sent; end = ends[flowedAt.length]) {
        flowedAt.push(record.t);
      }
    }
  }

  return byRoom;
}

function flowAfter(members: readonly Membership[], { t }: FaultEnd, at: number): number {
  let waited = 0;
  for (const { from, to, flowedAt } of members) {
    if (from > t || to <= t) continue;
    const flowed = flowedAt[at] ?? Number.POSITIVE_INFINITY;
    if (flowed > to) continue;
    waited = Math.max(waited, flowed - t);
  }
  return waited;
}

function finite(ms: number | undefined): number | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : ms;
}
