import type { Chatter, ChatterOptions } from './chatter.ts';
import type { OpenConnection } from './connection.ts';
import { hashOf, roomName } from './recorder.ts';

interface StockMessage {
  readonly roomid: string;
  readonly clientMsgId: string;
  readonly data: { readonly userId: string; readonly text: string };
}

/**
 * A client of the stock chat: joins again after a reconnect and keeps what it wants to say while it is away. What
 * was under way when the connection broke stays unknown: without a memory of ids in the server, saying it again would
 * repeat it.
 */
export function openStockChatter(options: ChatterOptions, openConnection: OpenConnection): Chatter {
  const { name, rooms, record, count } = options;
  const waiting: { readonly roomid: string; readonly id: string; readonly text: string }[] = [];
  let joined = false;
  let pending = 0;

  const connection = openConnection({
    ...options,
    async onUp() {
      record({ kind: 'connection', client: name, up: true });
      const answers = await Promise.all(rooms.map((roomid) => connection.ask('join', { roomid })));
      if (answers.some((answer) => answer === undefined)) {
        if (connection.up) connection.drop();
        return;
      }
      for (const roomid of rooms)
        record({ kind: 'join', client: name, room: roomName(roomid), epoch: '-', seq: 0 });
      joined = true;
      for (const { roomid, id, text } of waiting.splice(0)) void send(roomid, id, text);
    },
    onDown(reason) {
      joined = false;
      count('connectionsLost');
      record({ kind: 'connection', client: name, up: false, reason });
    },
    onEvent(event, data) {
      if (event !== 'message') return;
      const { roomid, clientMsgId, data: said } = data as StockMessage;
      record({
        kind: 'deliver',
        client: name,
        room: roomName(roomid),
        epoch: '-',
        seq: 0,
        id: clientMsgId,
        serverId: clientMsgId,
        sender: said.userId,
        text: hashOf(said.text),
        source: 'live',
      });
    },
  });

  async function send(roomid: string, id: string, text: string): Promise<void> {
    const about = { client: name, room: roomName(roomid), id };
    record({ kind: 'invoke', ...about, text: hashOf(text) });
    const answer = await connection.ask('say', { roomid, text, clientMsgId: id });
    pending -= 1;
    if (answer === undefined) record({ kind: 'info', ...about });
    else record({ kind: 'ok', ...about, epoch: '-', seq: 0 });
  }

  return {
    get joined() {
      return joined;
    },
    get pending() {
      return pending;
    },
    say(roomid, id, text) {
      pending += 1;
      if (joined) void send(roomid, id, text);
      else waiting.push({ roomid, id, text });
    },
    close: () => connection.close(),
  };
}
