import type { FinalLog, HistoryRecord, LogEntry } from '../../src/load/checker/history.ts';

/** mulberry32: the same seed gives the same history, so a failing seed can be looked at. */
export function createChance(seed: number) {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
  return {
    below: (n: number) => Math.floor(next() * n),
    happens: (probability: number) => next() < probability,
    pick<T>(from: readonly T[]): T {
      const picked = from[Math.floor(next() * from.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
  };
}

export type Chance = ReturnType<typeof createChance>;

export interface History {
  readonly records: HistoryRecord[];
  readonly finals: FinalLog[];
}

export interface HistoryPlan {
  readonly seed: number;
  readonly steps?: number;
  /** The store may lose its tail, or all. */
  readonly losses?: boolean;
  /** Messages are deleted: an entry tells so, and whoever reads the log later sees them bare. */
  readonly deletions?: boolean;
  /** Logs are cut to this many entries at the end. */
  readonly kept?: number;
}

export const ROOMS = ['/ red', '/ blue', '/post red'] as const;
const CLIENTS = ['ann', 'bob', 'cat', 'dan', 'eve'] as const;

interface Stored extends LogEntry {
  readonly skips?: string;
  /** The clientMsgId that is remembered of a message, also once it is deleted. */
  readonly answers?: string;
}

interface Sending {
  readonly client: string;
  readonly room: string;
  readonly id: string;
  readonly text: string;
  readonly echo: boolean;
  attempt: number;
}

/** A cluster that keeps every promise, played by chance: what its clients record is a history without a fault. */
export function validHistory({
  seed,
  steps = 400,
  losses = false,
  deletions = false,
  kept = 1_000,
}: HistoryPlan): History {
  const chance = createChance(seed);
  const records: HistoryRecord[] = [];
  let clock = 1_000;
  const record = (event: HistoryRecord) => records.push(event);
  const now = () => {
    clock += 1 + chance.below(3);
    return clock;
  };
  const rooms = new Map<string, RoomModel>(
    ROOMS.map((room) => [room, { log: [], epoch: `${room} e1`, epochs: 1, members: new Map() }]),
  );
  const up = new Map<string, boolean>(CLIENTS.map((client) => [client, true]));
  const waiting: (() => void)[] = [];
  let sent = 0;

  function roomOf(room: string): RoomModel {
    const found = rooms.get(room);
    if (!found) throw new Error(room);
    return found;
  }
  const topOf = ({ log }: RoomModel) => log.at(-1)?.seq ?? 0;

  function hear(client: string, room: string, entry: Stored, source: 'live' | 'replay' | 'history') {
    const { skips: _, answers: __, ...content } = entry;
    record({ kind: 'deliver', t: now(), client, room, ...content, source });
  }

  function deliverNext(client: string, room: string, source: 'live' | 'replay' = 'live'): boolean {
    const model = roomOf(room);
    const member = model.members.get(client);
    const entry = member && model.log.find(({ seq }) => seq === member.cursor.seq + 1);
    if (!member || !entry) return false;
    member.cursor = { epoch: entry.epoch, seq: entry.seq };
    if (entry.skips !== client || source === 'replay') hear(client, room, entry, source);
    return true;
  }

  function page(client: string, room: string, model: RoomModel) {
    for (const entry of model.log.slice(-3)) hear(client, room, entry, 'history');
  }

  function join(client: string, room: string) {
    const model = roomOf(room);
    const cursor = { epoch: model.epoch, seq: topOf(model) };
    record({ kind: 'join', t: now(), client, room, ...cursor });
    model.members.set(client, { cursor });
    page(client, room, model);
  }

  function resume(client: string) {
    up.set(client, true);
    record({ kind: 'connection', t: now(), client, up: true });
    for (const [room, model] of rooms) {
      const member = model.members.get(client);
      if (!member) continue;
      const from = member.cursor;
      const top = topOf(model);
      // A lost tail shows as another entry, or none, at the client's position.
      const sound =
        from.seq === 0 || model.log.some(({ epoch, seq }) => seq === from.seq && epoch === from.epoch);
      const reaches = (from.epoch === model.epoch || sound) && from.seq <= top;
      const recovered = reaches && !chance.happens(0.15);
      record({
        kind: 'join',
        t: now(),
        client,
        room,
        epoch: model.epoch,
        seq: top,
        resumed: { ...from, recovered },
      });
      if (recovered) {
        while (member.cursor.seq < top) deliverNext(client, room, 'replay');
      } else {
        member.cursor = { epoch: model.epoch, seq: top };
        page(client, room, model);
      }
    }
  }

  function cut(client: string) {
    up.set(client, false);
    record({ kind: 'connection', t: now(), client, up: false });
  }

  function store({ client, room, id, text, echo }: Sending): { entry: Stored; dup: boolean } {
    const model = roomOf(room);
    const known = model.log.find((entry) => entry.answers === id);
    if (known) return { entry: known, dup: true };
    const entry: Stored = {
      epoch: model.epoch,
      seq: topOf(model) + 1,
      id,
      answers: id,
      serverId: `s-${id}-${model.epochs}`,
      sender: client,
      text,
      ...(!echo && { skips: client }),
    };
    model.log.push(entry);
    return { entry, dup: false };
  }

  function remove(model: RoomModel) {
    const at = chance.below(model.log.length || 1);
    const target = model.log[at];
    if (!target || target.bare) return;
    const { epoch, seq, serverId, answers } = target;
    model.log[at] = { epoch, seq, serverId, bare: true, ...(answers !== undefined && { answers }) };
    const next = topOf(model) + 1;
    model.log.push({ epoch: model.epoch, seq: next, serverId: `d-${model.epoch}-${next}`, bare: true });
  }

  function send(sending: Sending) {
    const { client, room, id, text, attempt, echo } = sending;
    record({ kind: 'invoke', t: now(), client, room, id, text, attempt, ...(!echo && { echo }) });
    const about = { client, room, id };
    const luck = chance.below(20);
    const again = () => {
      if (!up.get(client)) return;
      sending.attempt += 1;
      send(sending);
    };
    if (luck < 2) {
      waiting.push(() => record({ kind: 'fail', t: now(), ...about, code: 'rate_limited' }));
    } else if (luck < 5) {
      if (luck !== 2) store(sending);
      waiting.push(() => {
        record({ kind: 'info', t: now(), ...about });
        if (chance.happens(0.7)) again();
      });
    } else {
      const { entry, dup } = store(sending);
      waiting.push(() => {
        const { epoch, seq } = entry;
        record({ kind: 'ok', t: now(), ...about, epoch, seq, ...(dup && { dup }) });
      });
    }
  }

  function restart(model: RoomModel, room: string, lost: number) {
    const seen = model.epoch;
    model.epochs += 1;
    model.epoch = `${room} e${model.epochs}`;
    const keptEntries = model.log.slice(0, Math.max(0, model.log.length - lost));
    const top = keptEntries.at(-1)?.seq ?? 0;
    model.log = keptEntries;
    for (const [client, member] of model.members) {
      if (!up.get(client) || member.cursor.seq <= top) continue;
      const { seq } = member.cursor;
      record({
        kind: 'gap',
        t: now(),
        client,
        room,
        epoch: model.epoch,
        from: top + 1,
        to: seq,
        reason: 'epoch',
      });
      member.cursor = { epoch: model.epoch, seq: top };
    }
    if (seen === model.epoch) throw new Error('an epoch came back');
  }

  function step() {
    const client = chance.pick(CLIENTS);
    const room = chance.pick(ROOMS);
    const model = roomOf(room);
    const luck = chance.below(100);
    if (!up.get(client)) {
      if (luck < 40) resume(client);
    } else if (luck < 4) {
      cut(client);
    } else if (luck < 60) {
      deliverNext(client, room);
      deliverNext(client, room);
    } else if (deletions && luck < 64) {
      remove(model);
    } else if (luck < 75) {
      waiting.splice(chance.below(waiting.length || 1), 1)[0]?.();
    } else if (!model.members.has(client)) {
      join(client, room);
    } else if (luck < 77) {
      record({ kind: 'leave', t: now(), client, room, seq: model.members.get(client)?.cursor.seq ?? 0 });
      model.members.delete(client);
    } else if (luck < 78) {
      record({ kind: 'repeat', t: now(), client, room, epoch: model.epoch, seq: 1 });
    } else if (luck < 79) {
      restart(model, room, losses ? chance.pick([0, 1, 3, 1_000]) : 0);
    } else {
      sent += 1;
      send({ client, room, id: `m${sent}`, text: `hash-${sent}`, attempt: 1, echo: !chance.happens(0.1) });
    }
  }

  for (const room of ROOMS) for (const client of CLIENTS.slice(0, 4)) join(client, room);
  for (let at = 0; at < steps; at += 1) step();
  while (waiting.length > 0) waiting.shift()?.();
  for (const client of CLIENTS) if (!up.get(client)) resume(client);
  for (const room of ROOMS) {
    // A last message everybody gets: a tail that no epoch can void.
    sent += 1;
    const [client = ''] = roomOf(room).members.keys();
    const last = { client, room, id: `m${sent}`, text: `hash-${sent}`, attempt: 1, echo: true };
    record({ kind: 'invoke', t: now(), client, room, id: last.id, text: last.text });
    const { epoch, seq } = store(last).entry;
    record({ kind: 'ok', t: now(), client, room, id: last.id, epoch, seq });
    for (const member of roomOf(room).members.keys()) while (deliverNext(member, room));
  }
  for (const client of CLIENTS) record({ kind: 'connection', t: now(), client, up: false });
  const finals = [...rooms].map(([room, { epoch, log }]) => ({
    room,
    epoch,
    entries: log.slice(-kept).map(({ skips: _, answers: __, ...entry }) => entry),
  }));
  return { records, finals };
}

interface RoomModel {
  log: Stored[];
  epoch: string;
  epochs: number;
  readonly members: Map<string, { cursor: { epoch: string; seq: number } }>;
}
