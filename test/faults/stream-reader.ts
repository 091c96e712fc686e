import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import type { RoomEntry, RoomGap } from '../../src/protocol/rooms.ts';
import { comeBackMs } from './connection.ts';
import { contentOf, type NewRecord, roomName } from './recorder.ts';

export interface StreamReaderOptions {
  readonly url: string;
  readonly name: string;
  readonly roomid: string;
  readonly apiKey: string;
  readonly record: (record: NewRecord) => void;
  readonly count: (what: 'connectionsLost' | 'refused' | 'unrecovered') => void;
}

/** A back end that reads the event stream of one room, by hand on HTTP. It comes back with the id of its last event. */
export interface StreamReader {
  readonly name: string;
  /** Its stream is open and has a position. */
  readonly joined: boolean;
  close(): void;
}

/** A comment comes every 15 s, so a stream that is silent for longer is dead. */
const SILENCE_LIMIT_MS = 20_000;

export function openStreamReader(options: StreamReaderOptions): StreamReader {
  const { url, name, roomid, apiKey, record, count } = options;
  const at = { client: name, room: roomName(roomid) };
  const target = `${url}/api/v1/rooms/${encodeURIComponent(roomid)}/events`;
  let lastId = '';
  let request: ClientRequest;
  let open = false;
  let closed = false;
  let tries = 0;
  let retryMs: number | undefined;
  let redial: NodeJS.Timeout | undefined;

  function dial(): void {
    const headers = { 'x-api-key': apiKey, ...(lastId !== '' && { 'last-event-id': lastId }) };
    request = get(target, { headers, agent: false, timeout: SILENCE_LIMIT_MS }, read);
    request.on('timeout', () => request.destroy());
    request.on('error', () => undefined);
    request.on('close', () => {
      const wasOpen = open;
      open = false;
      if (closed) return;
      if (wasOpen) {
        count('connectionsLost');
        record({ kind: 'connection', client: name, up: false });
      }
      redial = setTimeout(dial, Math.max(retryMs ?? 0, comeBackMs(tries)));
      tries += 1;
    });
  }

  function read(response: IncomingMessage): void {
    response.on('error', () => undefined);
    if (response.statusCode !== 200) {
      count('refused');
      response.resume();
      return;
    }
    tries = 0;
    retryMs = undefined;
    // The next entry is the one right behind the id that was sent, so the membership goes on there.
    if (lastId !== '') begin(true);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop() as string;
      for (const block of blocks) hear(fieldsOf(block));
    });
  }

  function begin(resumes: boolean): void {
    open = true;
    const position = positionOf(lastId);
    record({ kind: 'connection', client: name, up: true });
    const resumed = resumes ? { resumed: { ...position, recovered: true } } : {};
    record({ kind: 'join', ...at, ...position, ...resumed });
  }

  function hear({ id, event, data, retry }: Partial<Record<string, string>>): void {
    if (retry !== undefined) retryMs = Number(retry);
    if (id === undefined) return;
    lastId = id;
    if (!open) begin(false);
    if (data === undefined) return;
    if (event === 'gap') {
      const { epoch, from, to, reason } = JSON.parse(data) as RoomGap;
      count('unrecovered');
      record({ kind: 'gap', ...at, epoch, from, to, reason });
      return;
    }
    const entry = JSON.parse(data) as RoomEntry;
    const { epoch, seq } = entry;
    record({ kind: 'deliver', ...at, epoch, seq, ...contentOf(entry), source: 'live' });
  }

  dial();
  return {
    name,
    get joined() {
      return open;
    },
    close() {
      closed = true;
      clearTimeout(redial);
      request.destroy();
    },
  };
}

function fieldsOf(block: string): Partial<Record<string, string>> {
  const pairs = block.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1) ?? []);
  return Object.fromEntries(pairs.filter(([name]) => name !== undefined));
}

function positionOf(id: string): { epoch: string; seq: number } {
  const [epoch, seq] = id.split(':');
  return { epoch: epoch as string, seq: Number(seq) };
}
