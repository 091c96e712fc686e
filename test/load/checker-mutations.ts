import type { DeliverRecord, HistoryRecord, InvokeRecord, OkRecord } from '../../src/load/checker/history.ts';
import type { ProblemKind } from '../../src/load/checker/verdict.ts';
import { type Chance, type History, ROOMS } from './checker-histories.ts';

/** A history with one promise broken, and how the checker has to name it. */
export interface Mutant extends History {
  readonly expected: {
    readonly kind: ProblemKind;
    readonly room: string;
    readonly client?: string;
    readonly seq?: number;
  };
  /** The only problem there is. */
  readonly alone?: boolean;
}

/** Undefined: this history offers no place for the fault. */
export type Mutation = (history: History, chance: Chance) => Mutant | undefined;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'one delivery lost': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const gone = deliveryAt(records, at);
    return gone && { records: without(records, at), finals, expected: named('lost', gone), alone: true };
  },

  'one delivery twice': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const twice = deliveryAt(records, at);
    if (!twice) return undefined;
    return {
      records: inserted(records, at + 1, twice),
      finals,
      expected: named('repeated', twice),
      alone: true,
    };
  },

  'two deliveries swapped': ({ records, finals }, chance) => {
    const at = pickIndex(
      records,
      chance,
      (record, index) => isDelivery(record) && follower(records, index) > 0,
    );
    const first = deliveryAt(records, at);
    if (!first) return undefined;
    const then = follower(records, at);
    const second = deliveryAt(records, then);
    if (!second) return undefined;
    const swapped = [...records];
    swapped[at] = second;
    swapped[then] = first;
    return { records: swapped, finals, expected: named('swapped', first), alone: true };
  },

  'a message nobody sent': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const model = deliveryAt(records, at);
    if (!model) return undefined;
    const phantom = { ...model, seq: model.seq + 1, id: 'never', serverId: 's-never', text: 'never' };
    return { records: inserted(records, at + 1, phantom), finals, expected: named('phantom', phantom) };
  },

  'a message with another text': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const model = deliveryAt(records, at);
    if (!model) return undefined;
    const changed = { ...model, text: 'changed' };
    return {
      records: replaced(records, at, changed),
      finals,
      expected: named('phantom', changed),
      alone: true,
    };
  },

  'a message under another sender': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const model = deliveryAt(records, at);
    if (!model) return undefined;
    const changed = { ...model, sender: 'mallory' };
    return {
      records: replaced(records, at, changed),
      finals,
      expected: named('phantom', changed),
      alone: true,
    };
  },

  'a delivery to a client outside the room': (history, chance) => {
    const { records, finals } = history;
    const at = pickIndex(
      records,
      chance,
      (record, index) => isDelivery(record) && outsider(records, index) !== undefined,
    );
    const model = deliveryAt(records, at);
    const client = model && outsider(records, at);
    if (!model || client === undefined) return undefined;
    const leak = { ...model, client };
    return { records: inserted(records, at + 1, leak), finals, expected: named('leaked', leak), alone: true };
  },

  'a message in another room': (history, chance) => crossing(history, chance, ROOMS[0], ROOMS[1]),

  'a message in the same room of another namespace': (history, chance) =>
    crossing(history, chance, ROOMS[0], ROOMS[2]),

  'a number used again after a restart': ({ records, finals }, chance) => {
    const oks = records.filter((record): record is OkRecord => record.kind === 'ok');
    const later = chance.pick(oks);
    const earlier = oks.find(
      ({ room, epoch, seq }) => room === later.room && epoch === later.epoch && seq < later.seq,
    );
    if (!earlier) return undefined;
    const renumbered = records.map((record): HistoryRecord => {
      const same = (record.kind === 'ok' || record.kind === 'deliver') && record.id === later.id;
      return same ? { ...record, seq: earlier.seq } : record;
    });
    return {
      records: renumbered,
      finals,
      expected: { kind: 'reused-seq', room: later.room, seq: earlier.seq },
    };
  },

  'an ack without storing': ({ records, finals }, chance) => {
    const log = chance.pick(finals);
    const { room, epoch } = log;
    const seq = (log.entries.at(-1)?.seq ?? 0) + 1;
    const message = { client: 'ann', room, id: 'unstored', t: 1e9 };
    const told: HistoryRecord[] = [
      { kind: 'invoke', ...message, text: 'unstored' },
      { kind: 'ok', ...message, epoch, seq },
    ];
    return { records: [...records, ...told], finals, expected: { kind: 'not-in-log', room, seq } };
  },

  'an entry missing in the log': ({ records, finals }, chance) => {
    const log = chance.pick(finals);
    if (log.entries.length < 3) return undefined;
    const at = 1 + chance.below(log.entries.length - 2);
    const { seq = 0, epoch } = log.entries[at] ?? {};
    if (log.entries[at + 1]?.epoch !== epoch || log.entries[at - 1]?.epoch !== epoch) return undefined;
    const entries = log.entries.filter((_, index) => index !== at);
    return {
      records,
      finals: finals.map((other) => (other === log ? { ...log, entries } : other)),
      expected: { kind: 'hole', room: log.room, seq },
    };
  },

  'a hole at the tail': ({ records, finals }, chance) => {
    const log = chance.pick(finals);
    const { seq = 0 } = log.entries.at(-1) ?? {};
    const at = pickIndex(
      records,
      chance,
      (record) => isDelivery(record) && record.room === log.room && record.seq === seq,
    );
    const last = deliveryAt(records, at);
    return last && { records: without(records, at), finals, expected: named('lost', last), alone: true };
  },

  'a refused message delivered': ({ records, finals }, chance) => {
    const at = pickIndex(
      records,
      chance,
      (record) => record.kind === 'ok' && answeredOnce(records, record.id),
    );
    const ok = records[at];
    if (ok?.kind !== 'ok') return undefined;
    const { t, client, room, id, seq } = ok;
    const refused: HistoryRecord = { kind: 'fail', t, client, room, id, code: 'forbidden' };
    return {
      records: replaced(records, at, refused),
      finals,
      expected: { kind: 'fail-delivered', room, seq },
    };
  },

  'a retry stored twice': ({ records, finals }, chance) => {
    const log = chance.pick(finals);
    const entry = chance.pick(log.entries);
    const [client] = membersAt(records, records.length, log.room);
    const seq = (log.entries.at(-1)?.seq ?? 0) + 1;
    if (client === undefined) return undefined;
    const again = { ...entry, epoch: log.epoch, seq, serverId: 's-again' };
    const copies = [...membersAt(records, records.length, log.room)].map(
      (member): DeliverRecord => ({
        kind: 'deliver',
        t: 1e9,
        client: member,
        room: log.room,
        source: 'live',
        ...again,
      }),
    );
    return {
      records: [...records, ...copies],
      finals: finals.map((other) => (other === log ? { ...log, entries: [...log.entries, again] } : other)),
      expected: { kind: 'stored-twice', room: log.room, seq },
      alone: false,
    };
  },

  'an order against real time': ({ records, finals }, chance) => {
    const { room } = chance.pick(finals);
    const oks = records.filter((record): record is OkRecord => record.kind === 'ok' && record.room === room);
    const late = oks.reduce((top, ok) => (ok.seq > top.seq ? ok : top), oks[0] ?? chance.pick(oks));
    const early = oks.find((ok) => ok.client !== late.client && ok.seq < late.seq);
    if (!early) return undefined;
    const moved = records.map((record): HistoryRecord => {
      if (record.kind === 'invoke' && record.id === late.id) return { ...record, t: 1 };
      return record.kind === 'ok' && record.id === late.id ? { ...record, t: 2 } : record;
    });
    return { records: moved, finals, expected: { ...named('real-time', early), client: early.client } };
  },

  'awaited messages of one sender in the wrong order': ({ records, finals }, chance) => {
    const isInvokeOf = (id: string) => (record: HistoryRecord) =>
      record.kind === 'invoke' && record.id === id;
    const oks = records.filter(
      (record): record is OkRecord => record.kind === 'ok' && answeredOnce(records, record.id),
    );
    const early = chance.pick(oks);
    const late = oks.find(
      ({ client, room, seq }) => client === early.client && room === early.room && seq > early.seq,
    );
    const invoke = late && records.find(isInvokeOf(late.id));
    if (!late || !invoke) return undefined;
    const rest = records.filter((record) => record !== invoke && record !== late);
    const at = rest.findIndex(isInvokeOf(early.id));
    const t = (rest[at]?.t ?? 0) - 0.5;
    const moved = inserted(rest, at, { ...invoke, t } as InvokeRecord, { ...late, t });
    return { records: moved, finals, expected: named('sender-order', early) };
  },

  'recovered: true with a message missing': ({ records, finals }, chance) => {
    const at = pickIndex(
      records,
      chance,
      (record) => isDelivery(record) && record.source === 'replay' && record.sender !== record.client,
    );
    const gone = deliveryAt(records, at);
    return gone && { records: without(records, at), finals, expected: named('lost', gone), alone: true };
  },

  'a gap said for messages that are there': ({ records, finals }, chance) => {
    const at = pickIndex(records, chance, isDelivery);
    const gone = deliveryAt(records, at);
    if (!gone) return undefined;
    const { t, client, room, epoch, seq } = gone;
    const gap: HistoryRecord = { kind: 'gap', t, client, room, epoch, from: seq, to: seq, reason: 'trimmed' };
    return { records: replaced(records, at, gap), finals, expected: named('false-gap', gone), alone: true };
  },
};

/** Only for histories in which the store lost its tail. */
export const unsaidLoss: Mutation = ({ records, finals }, chance) => {
  const at = pickIndex(
    records,
    chance,
    // The client had what was lost, and hears next of the room a live message of the new epoch.
    (record, index) =>
      record.kind === 'gap' &&
      nextOf(records, index)?.kind === 'deliver' &&
      records
        .slice(0, index)
        .some(
          (before) =>
            isDelivery(before) &&
            before.room === record.room &&
            before.client === record.client &&
            before.seq === record.to &&
            nextOf(records, records.indexOf(before)) === record,
        ),
  );
  const gap = records[at];
  if (gap?.kind !== 'gap') return undefined;
  const { room, client, to } = gap;
  return { records: without(records, at), finals, expected: { kind: 'silent-epoch', room, client, seq: to } };
};

function named(kind: ProblemKind, { room, client, seq }: { room: string; client: string; seq: number }) {
  return { kind, room, client, seq };
}

function isDelivery(record: HistoryRecord | undefined): record is DeliverRecord {
  return record?.kind === 'deliver' && record.source !== 'history';
}

function deliveryAt(records: readonly HistoryRecord[], at: number): DeliverRecord | undefined {
  const record = records[at];
  return isDelivery(record) ? record : undefined;
}

function pickIndex(
  records: readonly HistoryRecord[],
  chance: Chance,
  suits: (record: HistoryRecord, at: number) => boolean,
): number {
  const at = records.flatMap((record, index) => (suits(record, index) ? [index] : []));
  return at.length === 0 ? -1 : chance.pick(at);
}

function without(records: readonly HistoryRecord[], at: number): HistoryRecord[] {
  return records.toSpliced(at, 1);
}

function inserted(records: readonly HistoryRecord[], at: number, ...more: HistoryRecord[]): HistoryRecord[] {
  return records.toSpliced(at, 0, ...more);
}

function replaced(records: readonly HistoryRecord[], at: number, by: HistoryRecord): HistoryRecord[] {
  return records.toSpliced(at, 1, by);
}

function nextOf(records: readonly HistoryRecord[], at: number): HistoryRecord | undefined {
  const from = records[at];
  if (!from || !('room' in from)) return undefined;
  return records
    .slice(at + 1)
    .find(
      (record) =>
        'room' in record && record.room === from.room && record.client === from.client && isHeard(record),
    );
}

function isHeard({ kind }: HistoryRecord): boolean {
  return kind === 'deliver' || kind === 'join' || kind === 'leave' || kind === 'gap';
}

/** The index of the delivery that this client hears next in this room, if its number is the next one; else -1. */
function follower(records: readonly HistoryRecord[], at: number): number {
  const [first, next] = [deliveryAt(records, at), nextOf(records, at)];
  const follows = isDelivery(next) && first && next.seq === first.seq + 1 && next.epoch === first.epoch;
  return follows ? records.indexOf(next) : -1;
}

function membersAt(records: readonly HistoryRecord[], at: number, room: string): Set<string> {
  const members = new Set<string>();
  for (const record of records.slice(0, at)) {
    if (record.kind === 'join' && record.room === room) members.add(record.client);
    if (record.kind === 'leave' && record.room === room) members.delete(record.client);
  }
  return members;
}

function outsider(records: readonly HistoryRecord[], at: number): string | undefined {
  const record = records[at];
  if (!isDelivery(record)) return undefined;
  const members = membersAt(records, at, record.room);
  return ['ann', 'bob', 'cat', 'dan', 'eve'].find((client) => !members.has(client));
}

function answeredOnce(records: readonly HistoryRecord[], id: string): boolean {
  return (
    records.filter((record) => 'id' in record && record.id === id && record.kind !== 'deliver').length === 2
  );
}

/** A member of both gets a message of one under the name of the other. */
function crossing(
  { records, finals }: History,
  chance: Chance,
  from: string,
  to: string,
): Mutant | undefined {
  const at = pickIndex(
    records,
    chance,
    (record, index) =>
      isDelivery(record) && record.room === from && membersAt(records, index, to).has(record.client),
  );
  const model = deliveryAt(records, at);
  if (!model) return undefined;
  const leak = { ...model, room: to };
  return { records: inserted(records, at + 1, leak), finals, expected: named('leaked', leak) };
}
