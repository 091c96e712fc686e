import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { HistoryRecord, LogEntry } from '../../src/load/checker/history.ts';
import type { RoomEntry } from '../../src/protocol/rooms.ts';

/** ms, monotonic and comparable between processes of this machine. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** A record without what the recorder knows itself. */
type Untimed<R> = R extends HistoryRecord ? Omit<R, 't'> : never;
export type NewRecord = Untimed<HistoryRecord>;

export interface Recorder {
  add(record: NewRecord): void;
  close(): Promise<void>;
}

/** One JSON line per record, in the order of the calls. */
export function openRecorder(file: string): Recorder {
  const stream = createWriteStream(file);
  return {
    add: (record) => void stream.write(`${JSON.stringify({ t: clock(), ...record })}\n`),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}

export async function readRecords(file: string): Promise<HistoryRecord[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryRecord);
}

export function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('base64url').slice(0, 12);
}

/** What the checker knows an entry by. */
export function contentOf(entry: RoomEntry): Omit<LogEntry, 'epoch' | 'seq'> {
  if (entry.event !== 'broadcast_say' || entry.deleted) return { serverId: entry.id, bare: true };
  const { id: serverId, clientMsgId, data } = entry;
  const id = clientMsgId === undefined ? {} : { id: clientMsgId };
  return { ...id, serverId, sender: data.userId, text: hashOf(data.text) };
}

/** How the checker names a room of the default namespace. */
export function roomName(roomid: string): string {
  return `/ ${roomid}`;
}
