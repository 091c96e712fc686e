import type { HistoryRecord } from '../../src/load/checker/history.ts';

/** What the stock chat did, by message ids alone: it has no numbers. */
export interface StockTally {
  readonly acked: number;
  readonly unknown: number;
  readonly delivered: number;
  /** Acked, and never came to a member that was connected all the time around it. */
  readonly lost: number;
  /** Acked, and never came to a member that was away meanwhile: there is nothing to read it from. */
  readonly missed: number;
  readonly repeated: number;
  /** Neighbours in a client's order that stand the other way round for the room's first client. */
  readonly swapped: number;
}

/** A member counts as there all the time when its connection held from this long before the say until this long after its ack. */
const MARGIN_MS = 3_000;

interface Spoken {
  readonly room: string;
  readonly from: number;
  ackedAt?: number;
}

export function checkStock(records: readonly HistoryRecord[]): StockTally {
  const spoken = new Map<string, Spoken>();
  const unknown = new Set<string>();
  /** By room, then client: ids in the order they came. */
  const heard = new Map<string, Map<string, string[]>>();
  /** By client: from when until when it was in no room. */
  const absences = new Map<string, { from: number; to: number }[]>();
  const absencesOf = (client: string) => {
    const own = absences.get(client) ?? [];
    absences.set(client, own);
    return own;
  };
  const ofRoom = (room: string) => {
    const members = heard.get(room) ?? new Map<string, string[]>();
    heard.set(room, members);
    return members;
  };
  let repeated = 0;
  let delivered = 0;
  const got = new Set<string>();
  for (const record of records) {
    if (record.kind === 'invoke') spoken.set(record.id, { room: record.room, from: record.t });
    else if (record.kind === 'info') unknown.add(record.id);
    else if (record.kind === 'join') {
      const members = ofRoom(record.room);
      if (!members.has(record.client)) members.set(record.client, []);
      const last = absencesOf(record.client).at(-1);
      if (last?.to === Infinity) last.to = record.t;
    } else if (record.kind === 'connection' && !record.up) {
      absencesOf(record.client).push({ from: record.t, to: Infinity });
    } else if (record.kind === 'deliver' && record.id !== undefined) {
      const key = `${record.client} ${record.id}`;
      if (got.has(key)) repeated += 1;
      else {
        got.add(key);
        delivered += 1;
        ofRoom(record.room).get(record.client)?.push(record.id);
      }
    }
  }
  let acked = 0;
  for (const record of records) {
    const message = record.kind === 'ok' ? spoken.get(record.id) : undefined;
    if (!message || message.ackedAt !== undefined) continue;
    message.ackedAt = record.t;
    acked += 1;
  }

  let lost = 0;
  let missed = 0;
  for (const [id, { room, from, ackedAt }] of spoken) {
    if (ackedAt === undefined) continue;
    for (const client of heard.get(room)?.keys() ?? []) {
      if (got.has(`${client} ${id}`)) continue;
      const away = absencesOf(client).some((it) => it.from < ackedAt + MARGIN_MS && it.to > from - MARGIN_MS);
      if (away) missed += 1;
      else lost += 1;
    }
  }
  let swapped = 0;
  for (const members of heard.values()) swapped += countSwapped([...members.values()]);
  return { acked, unknown: unknown.size, delivered, lost, missed, repeated, swapped };
}

function countSwapped([first = [], ...others]: string[][]): number {
  const place = new Map(first.map((id, index) => [id, index]));
  let swapped = 0;
  for (const order of others) {
    const places = order.map((id) => place.get(id)).filter((index) => index !== undefined);
    for (let n = 1; n < places.length; n += 1) {
      if ((places[n] as number) < (places[n - 1] as number)) swapped += 1;
    }
  }
  return swapped;
}
