import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';

/** The faults of a chat: what of a message is sent to one member, and how often. */
export interface ChatFaults {
  /** `count`: of all deliveries so far. */
  readonly copies?: (count: number) => number;
  /** The room that a message goes to beside its own. */
  readonly alsoTo?: (room: string, said: number) => string | undefined;
}

export interface PlainChat {
  readonly url: string;
  close(): Promise<void>;
}

/** The chat of Socket.IO's tutorial: everybody gets what anybody says. */
export function openTutorialChat(faults: ChatFaults = {}): Promise<PlainChat> {
  return open(faults, (socket, send) => {
    socket.on('chat message', (text: string) => send('', 'chat message', text));
  });
}

/** A chat with rooms in the words of the multi-room source: `join`, `say`, and `message` for all that comes. */
export function openS3Chat(faults: ChatFaults = {}): Promise<PlainChat> {
  return open(faults, (socket, send) => {
    const { roomid } = socket.handshake.query as { roomid: string };
    let username = '';
    socket.on('join', (payload: { username: string }) => {
      username = payload.username;
      void socket.join(roomid);
      send(roomid, 'message', { event: 'join', data: { username } });
    });
    socket.on('say', ({ text }: { text: string }) =>
      send(roomid, 'message', { event: 'broadcast_say', data: { username, text } }),
    );
  });
}

type Send = (room: string, event: string, payload: unknown) => void;

async function open(
  { copies, alsoTo }: ChatFaults,
  serve: (socket: Socket, send: Send) => void,
): Promise<PlainChat> {
  const http = createServer();
  const io = new Server(http);
  let delivered = 0;
  let said = 0;

  function send(room: string, event: string, payload: unknown): void {
    const isSaid = JSON.stringify(payload).includes('@');
    if (isSaid) said += 1;
    const others = isSaid ? alsoTo?.(room, said) : undefined;
    for (const socket of io.of('/').sockets.values()) {
      if (room !== '' && !socket.rooms.has(room) && !(others && socket.rooms.has(others))) continue;
      if (isSaid) delivered += 1;
      const times = isSaid && copies !== undefined ? copies(delivered) : 1;
      for (let time = 0; time < times; time += 1) socket.emit(event, payload);
    }
  }

  io.on('connection', (socket) => serve(socket, send));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      await io.close();
    },
  };
}
