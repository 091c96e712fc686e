import { judgeAssertions, problemPlace } from './assertions.ts';
import { createEpochs, type Epochs } from './epochs.ts';
import { checkExpectedDeliveries } from './expected-deliveries.ts';
import type { DeliverRecord, FinalLog, HistoryRecord } from './history.ts';
import { checkLog, checkPositions, checkStorage } from './log-check.ts';
import { countEndings, createMessages, type Messages } from './messages.ts';
import { checkRealTime } from './real-time.ts';
import {
  createRoomRecord,
  genuineMisorders,
  type RoomEvent,
  type RoomRecord,
  recordEpochTime,
  recordJoinTop,
  recordLog,
  streamOf,
} from './room-record.ts';
import { recordDelivery, recordGap, recordJoin, recordLeave, type Stream } from './stream.ts';
import { createFindings, type Findings, outcomeOf, sumCounts, type Verdict } from './verdict.ts';

export interface CheckOptions {
  /** The number of problems of each kind that are kept with their details; all are counted. */
  readonly keptPerKind?: number;
  /**
   * The run removes the end of the store's log on purpose: acked messages may then be lost if a new epoch says so.
   * They count as `storeLost` either way.
   */
  readonly storeMayLose?: boolean;
  /**
   * The tolerated difference between the clocks of two processes: an ack counts as that much later than its record
   * says.
   */
  readonly skewMs?: number;
}

/**
 * Judges a run: did every client see the one order of the log, complete, each entry once, and no other room's?
 *
 * It reads the records once, also from files as they grow. It keeps one small object per message and per member, and
 * intervals of numbers instead of deliveries.
 */
export function checkHistory(
  records: Iterable<HistoryRecord>,
  finals: readonly FinalLog[],
  { keptPerKind = 20, storeMayLose = false, skewMs = 0 }: CheckOptions = {},
): Verdict {
  const findings = createFindings(keptPerKind);
  const messages = createMessages();
  const rooms = new Map<string, RoomRecord>();
  const roomOf = (room: string) => {
    const known = rooms.get(room) ?? createRoomRecord(room);
    rooms.set(room, known);
    return known;
  };

  let cuts = 0;
  const cutsOf = new Map<string, number>();
  for (const record of records) {
    if (record.kind === 'connection') {
      if (record.up) continue;
      cuts += 1;
      cutsOf.set(record.client, (cutsOf.get(record.client) ?? 0) + 1);
    } else if (record.kind !== 'fault') {
      take(record, roomOf(record.room), { messages, findings, cuts: cutsOf.get(record.client) ?? 0 });
    }
  }
  for (const log of finals) recordLog(roomOf(log.room), log);
  for (const { room, assertions, counts } of rooms.values())
    judgeAssertions(room, assertions, messages, counts, findings);
  for (const message of messages.all()) roomOf(message.room).messages.push(message);
  countEndings(messages, (room) => roomOf(room).counts);

  const epochsOf = new Map<string, Epochs>();
  for (const record of rooms.values()) epochsOf.set(record.room, judgeRoom(record, findings, skewMs));
  checkStorage({
    messages,
    findings,
    storeMayLose,
    epochsOf: (room) => epochsOf.get(room),
    streamsOf: (room) => roomOf(room).streams.values(),
    countsOf: (room) => roomOf(room).counts,
  });

  const problems = Object.values(findings.problemCounts).reduce((sum, count) => sum + count, 0);
  const counts = { ...sumCounts(Array.from(rooms.values(), (record) => record.counts)), cuts };
  const outcome = outcomeOf(counts, problems);
  return {
    counts,
    rooms: Array.from(rooms.values(), (record) => ({ room: record.room, counts: record.counts })),
    problems: findings.problems,
    problemCounts: findings.problemCounts,
    outcome,
    ok: outcome === 'pass',
  };
}

interface Taking {
  readonly messages: Messages;
  readonly findings: Findings;
  readonly cuts: number;
}

function take(event: RoomEvent, record: RoomRecord, { messages, findings, cuts }: Taking): void {
  const { counts } = record;
  const { client, room } = event;
  const stream = streamOf(record, client);
  switch (event.kind) {
    case 'invoke':
      if (!messages.invoke(event, stream.lastAcked)) {
        const detail = 'invoked before by another client, in another room or with another text';
        findings.add({ kind: 'bad-history', room, client, id: event.id, detail });
      }
      return;
    case 'ok':
    case 'fail':
    case 'info':
      if (!messages.answer(event)) {
        const detail = `${event.kind} for what this client did not invoke here`;
        findings.add({ kind: 'bad-history', room, client, id: event.id, detail });
      } else if (event.kind === 'ok') {
        const { epoch, seq, id, dup } = event;
        recordEpochTime(record, event);
        record.assertions.at(epoch, seq, { id }).assertion.acked = true;
        if (dup) counts.dupAcked += 1;
        const { lastAcked } = stream;
        if (lastAcked?.epoch !== epoch || lastAcked.seq < seq) stream.lastAcked = { epoch, seq };
      }
      return;
    case 'join':
      recordEpochTime(record, event);
      recordJoinTop(record, event.epoch, event.seq);
      if (event.resumed) counts[event.resumed.recovered ? 'resumed' : 'unrecovered'] += 1;
      recordJoin(stream, event, cuts);
      return;
    case 'leave':
      recordLeave(stream, event);
      return;
    case 'repeat':
      counts.dupDropped += 1;
      return;
    case 'gap':
      counts.gaps += 1;
      recordEpochTime(record, event);
      recordJoinTop(record, event.epoch, Number.POSITIVE_INFINITY);
      recordGap(stream, event);
      return;
    case 'deliver':
      deliver(event, record, stream, findings);
  }
}

function deliver(event: DeliverRecord, record: RoomRecord, stream: Stream, findings: Findings): void {
  const { room, client, epoch, seq, id, source } = event;
  if (source !== 'history') {
    record.counts.delivered += 1;
    if (source === 'replay') record.counts.replayed += 1;
  }
  if (!stream.member) {
    const detail = 'the client was not a member';
    record.counts.leaked += 1;
    findings.add({ kind: 'leaked', room, client, epoch, seq, ...(id !== undefined && { id }), detail });
    return;
  }
  if (source === 'live') recordEpochTime(record, event);
  const { assertion, first } = record.assertions.at(epoch, seq, event);
  assertion.client ??= client;
  assertion.times += 1;
  recordDelivery(stream, event, assertion, first);
}

function judgeRoom(record: RoomRecord, findings: Findings, skewMs: number): Epochs {
  const { room, counts, assertions, log, joins, heardAt } = record;
  const streams = [...record.streams.values()];
  const epochChanges = streams.flatMap((stream) => stream.epochChanges);
  const epochs = createEpochs({
    assertions,
    log,
    joins: [...joins.values()],
    epochChanges,
    heardAt,
  });
  const holes = new Set<string>();
  const deps = { room, assertions, epochs, log, counts, findings, holes };
  if (log) checkLog(deps);
  else if (counts.acked > 0) findings.add({ kind: 'no-log', room, detail: 'its log was not read' });
  checkPositions(deps);
  for (const stream of streams) {
    for (const { kind, assertion, over } of genuineMisorders(stream)) {
      if (kind === 'repeated' || kind === 'swapped') counts[kind] += 1;
      const detail = kind === 'repeated' ? 'came before' : over ? `came after ${over.seq}` : 'came too late';
      findings.add({ ...problemPlace(assertion), kind, room, client: stream.client, detail });
    }
    checkExpectedDeliveries(stream, deps);
  }
  checkRealTime(room, record.messages, epochs, skewMs, findings);
  return epochs;
}
