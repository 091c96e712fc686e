import { WebSocket } from 'ws';
import { wrongWithPacket } from './answers.ts';

/** A connection that answers nothing for longer than this hangs. */
const ANSWER_LIMIT_MS = 15_000;

/** A WebSocket that says what it is told and looks at every answer. */
export interface Connection {
  /** What is wrong with what came. */
  readonly wrong: string[];
  send(data: string | Buffer): void;
  /** Answers once the connection ended, or a packet came that starts so. */
  until(start: string): Promise<void>;
  close(): void;
}

/** `query` and `headers` as they stand. */
export function openConnection(
  url: string,
  search = 'EIO=4&transport=websocket',
  headers: Record<string, string> = {},
): Connection {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?${search}`, {
    perMessageDeflate: false,
    headers,
  });
  const wrong: string[] = [];
  const unsent: (string | Buffer)[] = [];
  const seen: string[] = [];
  let ended = false;
  let look: () => void = () => undefined;
  socket.on('error', () => undefined);
  socket.on('open', () => {
    for (const data of unsent) socket.send(data);
  });
  socket.on('message', (raw) => {
    const packet = raw.toString();
    if (packet === '2') return socket.send('3');
    if (packet.startsWith('4')) wrong.push(...wrongWithPacket(packet.slice(1)));
    seen.push(packet.slice(0, 24));
    look();
  });
  socket.on('close', () => {
    ended = true;
    look();
  });

  return {
    wrong,
    send(data) {
      if (socket.readyState === WebSocket.CONNECTING) unsent.push(data);
      else socket.send(data, () => undefined);
    },
    until: (start) =>
      new Promise((resolve) => {
        const limit = setTimeout(() => {
          wrong.push(`neither ${start} nor the end of the connection came`);
          resolve();
        }, ANSWER_LIMIT_MS);
        look = () => {
          if (!ended && !seen.some((packet) => packet.startsWith(start))) return;
          clearTimeout(limit);
          resolve();
        };
        look();
      }),
    close: () => socket.terminate(),
  };
}
