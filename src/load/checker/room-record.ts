import { type Assertions, createAssertions, isGenuine } from './assertions.ts';
import type { FinalLog, HistoryRecord } from './history.ts';
import type { Message, Place } from './messages.ts';
import { createStream, type Misorder, type Stream } from './stream.ts';
import { type Counts, zeroCounts } from './verdict.ts';

/** The records of all clients and the log about one room. */
export interface RoomRecord {
  readonly room: string;
  readonly counts: Counts;
  readonly assertions: Assertions;
  readonly streams: Map<string, Stream>;
  readonly joins: Map<string, Place>;
  readonly heardAt: Map<string, number>;
  readonly messages: Message[];
  log?: FinalLog;
}

export function createRoomRecord(room: string): RoomRecord {
  return {
    room,
    counts: zeroCounts(),
    assertions: createAssertions(),
    streams: new Map(),
    joins: new Map(),
    heardAt: new Map(),
    messages: [],
  };
}

export function streamOf({ streams }: RoomRecord, client: string): Stream {
  let stream = streams.get(client);
  if (!stream) {
    stream = createStream(client);
    streams.set(client, stream);
  }
  return stream;
}

/** The lowest of all tops that joins named under an epoch says most about where the epoch began. */
export function recordJoinTop({ joins }: RoomRecord, epoch: string, seq: number): void {
  const known = joins.get(epoch);
  if (!known || seq < known.seq) joins.set(epoch, { epoch, seq });
}

export function recordEpochTime({ heardAt }: RoomRecord, { t, epoch }: { t: number; epoch: string }): void {
  const before = heardAt.get(epoch);
  if (before === undefined || t < before) heardAt.set(epoch, t);
}

export function recordLog(record: RoomRecord, log: FinalLog): void {
  record.log = log;
  for (const { epoch, seq, ...content } of log.entries) {
    record.assertions.at(epoch, seq, content).assertion.logged = true;
  }
}

/** Misorders that stand once it is known which assertions are anybody's messages. */
export function genuineMisorders({ misorders }: Stream): Misorder[] {
  return misorders.filter(({ assertion, over }) => isGenuine(assertion) && (!over || isGenuine(over)));
}

export type RoomEvent = Extract<HistoryRecord, { room: string }>;
