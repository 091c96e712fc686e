import { ClientError, createClient, type Room, type RoomEntry } from '../../src/client/index.ts';
import type { Chatter, ChatterOptions } from './chatter.ts';
import { contentOf, hashOf, roomName } from './recorder.ts';

/** An application on the SDK: it records what the SDK hands on, and leaves retries and resumes to it. */
export function openSdkChatter(options: ChatterOptions): Chatter {
  const { url, name, rooms: roomids, record, count } = options;
  const chat = createClient(url, { userId: name, username: name });
  const rooms = new Map<string, Room>();
  let pending = 0;
  let closed = false;
  let up = false;
  /** The rooms that it is in since the connection stands. */
  const inside = new Set<string>();

  chat.on('state', ({ state, reason }) => {
    if (closed || (state === 'online') === up) return;
    up = state === 'online';
    if (!up) inside.clear();
    if (!up) count('connectionsLost');
    record({ kind: 'connection', client: name, up, ...(reason === undefined ? {} : { reason }) });
  });
  chat.on('error', (error) => {
    throw error;
  });
  for (const roomid of roomids) void enter(roomid);

  async function enter(roomid: string): Promise<void> {
    const room = await chat.join(roomid, { history: 0 });
    const at = { client: name, room: roomName(roomid) };
    let position: { readonly epoch: string; readonly seq: number } | undefined;
    room.on('joined', ({ epoch, seq, recovered = false }) => {
      inside.add(roomid);
      if (position && !recovered) count('unrecovered');
      const resumed = position === undefined ? {} : { resumed: { ...position, recovered } };
      record({ kind: 'join', ...at, epoch, seq, ...resumed });
      // Up to a recovered join's number the messages follow one by one.
      if (!position || !recovered) position = { epoch, seq };
    });
    room.on('gap', ({ epoch, from, to, reason }) => {
      count('unrecovered');
      record({ kind: 'gap', ...at, epoch, from, to, reason });
    });
    const deliver = (entry: RoomEntry, { source }: { readonly source: 'live' | 'replay' | 'history' }) => {
      const { epoch, seq } = entry;
      options.onDelivered(source, entry.at);
      position = { epoch, seq };
      record({ kind: 'deliver', ...at, epoch, seq, ...contentOf(entry), source });
    };
    room.on('message', deliver);
    room.on('deleted', deliver);
    room.on('closed', (error) => {
      // The crowd never leaves a room: without it the run must fail.
      if (!closed) throw error ?? new Error(`${name} is no longer in ${roomid}`);
    });
    rooms.set(roomid, room);
  }

  return {
    get joined() {
      return up && inside.size === roomids.length;
    },
    get pending() {
      return pending;
    },
    async say(roomid, id, text) {
      const about = { client: name, room: roomName(roomid), id };
      pending += 1;
      record({ kind: 'invoke', ...about, text: hashOf(text) });
      try {
        const { epoch, seq, dup } = await (rooms.get(roomid) as Room).say(text, { clientMsgId: id });
        if (dup) count('duplicateAcks');
        record({ kind: 'ok', ...about, epoch, seq, ...(dup ? { dup: true } : {}) });
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        if (error.code === 'unknown' || error.code === 'closed') record({ kind: 'info', ...about });
        else record({ kind: 'fail', ...about, code: error.code });
      }
      pending -= 1;
    },
    close() {
      closed = true;
      chat.close();
    },
  };
}
