import { WebSocket } from 'ws';
import { ATTACKED_ROOM } from './attacker.ts';

/** A WebSocket that has joined the room and reads what comes without looking into it. */
export interface Link {
  send(packet: string): void;
  /** Aborted once the connection has ended. */
  readonly ended: AbortSignal;
  close(): void;
}

export async function openLink(url: string, over: AbortSignal): Promise<Link> {
  const search = new URLSearchParams({
    EIO: '4',
    transport: 'websocket',
    roomid: ATTACKED_ROOM,
    username: 'Attacker',
  });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?${search}`, {
    perMessageDeflate: false,
  });
  const ended = new AbortController();
  const end = () => socket.terminate();
  over.addEventListener('abort', end);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.on('close', () => {
      over.removeEventListener('abort', end);
      ended.abort();
      resolve();
    });
    socket.on('message', (raw: Buffer) => {
      const start = raw.subarray(0, 12).toString();
      if (start.startsWith('0')) socket.send('40');
      else if (start.startsWith('2')) socket.send('3');
      else if (start === '42["joined",' || start === '42["refused"') resolve();
    });
  });
  return {
    send(packet) {
      if (socket.readyState === WebSocket.OPEN) socket.send(packet);
    },
    ended: ended.signal,
    close: end,
  };
}
