import type { FinalLog, LogEntry } from '../../src/load/checker/history.ts';
import { connect, type Member } from '../support/member.ts';
import { contentOf, roomName } from './recorder.ts';

const PAGE = 200;

/** The rooms' whole logs through the public API, as any client reads them. */
export async function readFinalLogs(url: string, rooms: readonly string[]): Promise<FinalLog[]> {
  const reader = await connect(url);
  try {
    const logs: FinalLog[] = [];
    for (const roomid of rooms) logs.push(await readLog(reader, roomid));
    return logs;
  } finally {
    reader.close();
  }
}

async function readLog(reader: Member, roomid: string): Promise<FinalLog> {
  const { epoch } = await reader.do('join', { roomid, history: 0 });
  const entries: LogEntry[] = [];
  for (let more = true; more; ) {
    const after = entries.at(-1)?.seq ?? 0;
    const page = await reader.do('room:history', { roomid, after, limit: PAGE });
    more = page.more;
    for (const message of page.messages) {
      entries.push({ epoch: message.epoch, seq: message.seq, ...contentOf(message) });
    }
  }
  return { room: roomName(roomid), epoch, entries };
}
