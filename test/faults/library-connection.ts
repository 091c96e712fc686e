import { io } from 'socket.io-client';
import { ANSWER_LIMIT_MS, type Connection, type ConnectionOptions } from './connection.ts';

/** The stock client with its own reconnecting. */
export function openLibraryConnection({ url, name, onUp, onDown, onEvent }: ConnectionOptions): Connection {
  const waiting = new Set<() => void>();
  const socket = io(url, {
    forceNew: true,
    transports: ['websocket'],
    query: { username: name },
    auth: { userId: name, username: name },
    reconnectionDelay: 100,
    reconnectionDelayMax: 1_000,
  });
  socket.on('connect', onUp);
  socket.on('disconnect', (reason) => {
    for (const give of [...waiting]) give();
    if (reason !== 'io client disconnect') onDown(reason);
  });
  socket.onAny(onEvent);
  return {
    get up() {
      return socket.connected;
    },
    ask(event, payload) {
      return new Promise((resolve) => {
        const give = (answer?: unknown) => {
          clearTimeout(limit);
          waiting.delete(give);
          resolve(answer);
        };
        const limit = setTimeout(give, ANSWER_LIMIT_MS);
        waiting.add(give);
        // Without this test the library would send it after its next connect, when nobody is in the room yet.
        if (socket.connected) socket.emit(event, payload, give);
        else give();
      });
    },
    drop() {
      socket.io.engine.close();
    },
    close() {
      socket.disconnect();
    },
  };
}
