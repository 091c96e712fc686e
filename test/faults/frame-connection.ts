import { WebSocket } from 'ws';
import { ANSWER_LIMIT_MS, type Connection, type ConnectionOptions, comeBackMs } from './connection.ts';

const OPEN_LIMIT_MS = 5_000;

/**
 * Engine.IO 4 and Socket.IO 5 by hand on WebSocket frames: half of the clients share no code with the library,
 * so that a fault of the client cannot hide one of the server.
 */
export function openFrameConnection({ url, name, onUp, onDown, onEvent }: ConnectionOptions): Connection {
  const target = `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&${new URLSearchParams({ username: name })}`;
  const waiting = new Map<number, (answer: unknown) => void>();
  let socket: WebSocket;
  let endCurrent: (reason: string, waitMs?: number) => void;
  let up = false;
  let closed = false;
  let tries = 0;
  let nextAck = 0;
  let redial: NodeJS.Timeout | undefined;

  function dial(): void {
    const dialled = new WebSocket(target, { perMessageDeflate: false, handshakeTimeout: OPEN_LIMIT_MS });
    socket = dialled;
    let over = false;
    let limitMs = OPEN_LIMIT_MS;
    let quiet = setTimeout(() => end('silent'), 2 * OPEN_LIMIT_MS);
    let reading = Promise.resolve();

    /**
     * Frames that have arrived by then are not handled. The answer to a join may be among them, for which nobody waits any more:
     * a message behind it would move the position of the member over all that the answer brought.
     */
    const end = (reason: string, waitMs?: number) => {
      if (over) return;
      over = true;
      clearTimeout(quiet);
      dialled.terminate();
      const wasUp = up;
      up = false;
      for (const give of [...waiting.values()]) give(undefined);
      if (closed) return;
      redial = setTimeout(dial, waitMs ?? comeBackMs(tries));
      tries += 1;
      if (wasUp) onDown(reason);
    };
    endCurrent = end;
    dialled.on('error', () => undefined);
    dialled.on('close', (code) => end(`closed ${code}`));
    dialled.on('message', (raw) => {
      clearTimeout(quiet);
      if (over) return;
      quiet = setTimeout(() => end('silent'), limitMs);
      // The code that waits for an answer runs before the frame behind it is handled.
      reading = reading.then(() => {
        if (!over) handle(raw.toString());
      });
    });

    function handle(packet: string): void {
      if (packet[0] === '0') {
        const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1));
        limitMs = pingInterval + pingTimeout;
        dialled.send(`40${JSON.stringify({ userId: name, username: name })}`);
      } else if (packet === '2') dialled.send('3');
      else if (packet[0] === '1' || packet.startsWith('41')) dialled.close();
      else if (packet.startsWith('44')) dialled.close();
      else if (packet.startsWith('40')) {
        tries = 0;
        up = true;
        onUp();
      } else if (packet.startsWith('42')) {
        const [event, data] = JSON.parse(packet.slice(2));
        onEvent(event, data);
      } else if (packet.startsWith('43')) {
        const start = packet.indexOf('[');
        const id = Number(packet.slice(2, start));
        waiting.get(id)?.(JSON.parse(packet.slice(start))[0]);
      }
    }
  }
  dial();

  return {
    get up() {
      return up;
    },
    ask(event, payload) {
      return new Promise((resolve) => {
        const id = nextAck;
        nextAck += 1;
        const give = (answer: unknown) => {
          clearTimeout(limit);
          waiting.delete(id);
          resolve(answer);
        };
        const limit = setTimeout(give, ANSWER_LIMIT_MS, undefined);
        waiting.set(id, give);
        if (up) socket.send(`42${id}${JSON.stringify([event, payload])}`);
        else give(undefined);
      });
    },
    drop: (afterMs) => endCurrent('given up', afterMs),
    close() {
      closed = true;
      clearTimeout(redial);
      endCurrent('closed');
    },
  };
}
