import { WebSocket } from 'ws';

export type RawAck = { readonly ok: true; readonly [key: string]: unknown } | RawRefusal;

export interface RawRefusal {
  readonly ok: false;
  readonly error: { readonly code: string; readonly retryAfterMs?: number };
}

/** Socket.IO by hand on a WebSocket: nothing of the library holds back what is asked, or goes on reading. */
export interface RawClient {
  /** Sends at once, whatever is not answered yet. Undefined: the connection ended first. */
  ask(event: string, payload: object): Promise<RawAck | undefined>;
  /** What was heard of an event, in order. */
  heard(event: string): readonly unknown[];
  /** Answers once that event was heard. */
  hear(event: string): Promise<unknown>;
  /** Reads nothing more until `resume`. */
  pause(): void;
  resume(): void;
  readonly ended: Promise<void>;
  close(): void;
}

export function openRawClient(
  url: string,
  { query = {}, auth = {} }: { readonly query?: Record<string, string>; readonly auth?: object } = {},
): RawClient {
  const search = new URLSearchParams({ EIO: '4', transport: 'websocket', ...query });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?${search}`, {
    perMessageDeflate: false,
  });
  const heard = new Map<string, unknown[]>();
  const waiting = new Map<number, (ack: RawAck | undefined) => void>();
  const listeners = new Map<string, (data: unknown) => void>();
  let asked = 0;
  socket.on('error', () => undefined);
  socket.on('message', (raw) => {
    const packet = raw.toString();
    const start = packet.indexOf('[');
    if (packet[0] === '0') socket.send(`40${JSON.stringify(auth)}`);
    else if (packet === '2') socket.send('3');
    else if (packet.startsWith('42')) {
      const [event, data] = JSON.parse(packet.slice(start)) as [string, unknown];
      const all = heard.get(event) ?? [];
      all.push(data);
      heard.set(event, all);
      listeners.get(event)?.(data);
    } else if (packet.startsWith('43')) {
      const id = Number(packet.slice(2, start));
      waiting.get(id)?.((JSON.parse(packet.slice(start)) as [RawAck])[0]);
      waiting.delete(id);
    }
  });
  const ended = new Promise<void>((resolve) =>
    socket.once('close', () => {
      for (const give of waiting.values()) give(undefined);
      resolve();
    }),
  );

  return {
    ask(event, payload) {
      const id = asked;
      asked += 1;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        socket.send(`42${id}${JSON.stringify([event, payload])}`);
      });
    },
    heard: (event) => heard.get(event) ?? [],
    hear(event) {
      const already = heard.get(event)?.[0];
      if (already !== undefined) return Promise.resolve(already);
      return new Promise((resolve) => listeners.set(event, resolve));
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    ended,
    close: () => socket.terminate(),
  };
}
