import { io, type Socket } from 'socket.io-client';
import type { WireError } from '../../src/protocol/codes.ts';
import type { Hello, ServerToClient } from '../../src/protocol/events.ts';
import { connectLegacy, type LegacySocket } from '../support/legacy-client.ts';

const LIMIT_MS = 20_000;

/** An ack as it came. */
export interface Answer {
  readonly ok: boolean;
  readonly error?: WireError;
  readonly [field: string]: unknown;
}

/** A plain client of either library that keeps what it hears. Nothing of Roomcast's own code runs in it. */
export interface SeedClient {
  /** The latest one. */
  readonly hello: Hello;
  readonly heard: readonly { readonly event: string; readonly args: readonly unknown[] }[];
  /** The first argument of each such event, in the order they came. */
  all<T = Readonly<Record<string, unknown>>>(event: string): T[];
  ask(event: string, payload?: unknown): Promise<Answer>;
  /** The ack, where a refusal fails the test. */
  do(event: string, payload?: unknown): Promise<Answer>;
  /** Without an ack, as the source systems sent most things. */
  send(event: string, ...args: unknown[]): void;
  on(event: string, listener: (...args: unknown[]) => void): void;
  connected(): boolean;
  /** The next heartbeat between it and the server. */
  beat(): Promise<void>;
  /** The connection is lost; a client with `reconnection` comes back. */
  drop(): void;
  close(): void;
}

export interface SeedOptions {
  /** Only 4.x has it. */
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly extraHeaders?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly transports?: string[];
  readonly reconnection?: boolean;
  readonly reconnectionAttempts?: number;
  readonly reconnectionDelay?: number;
  readonly reconnectionDelayMax?: number;
}

type Listener = (...args: unknown[]) => void;

/** One connection, the differences between the libraries taken out. */
interface Connection {
  readonly socket: {
    on(event: string, listener: Listener): unknown;
    emit(event: string, ...args: unknown[]): unknown;
    disconnect(): unknown;
    readonly connected: boolean;
    readonly io: { readonly engine: { close(): void } };
  };
  onAny(listener: (event: string, ...args: unknown[]) => void): void;
  /** `data` of the refusal, or its message where it has none. */
  onRefused(listener: (why: unknown) => void): void;
  onceBeat(listener: () => void): void;
}

export interface Library {
  readonly name: string;
  open(url: string, options: SeedOptions): Connection;
}

const modern: Library = {
  name: 'socket.io-client 4.x',
  open(url, options) {
    const socket: Socket = io(url, {
      forceNew: true,
      transports: ['websocket'],
      reconnection: false,
      ...options,
    });
    return {
      socket: socket as unknown as Connection['socket'],
      onAny: (listener) => void socket.onAny(listener),
      onRefused: (listener) =>
        void socket.on('connect_error', (error: Error & { data?: unknown }) => {
          if (!socket.active) listener(error.data ?? error.message);
        }),
      onceBeat: (listener) => void socket.io.once('ping', listener),
    };
  },
};

/** It cannot listen to whatever comes: these are all the names there are. */
const NAMES: readonly (keyof ServerToClient)[] = [
  'hello',
  'joined',
  'message',
  'refused',
  'room:gap',
  'cluster:degraded',
  'cluster:restored',
  'push_message',
  'private',
  'todo_message',
  'receive_message',
  'announcement',
  'textmsg',
  'new message',
  'online',
  'token:expiring',
  'bye',
];

const legacy: Library = {
  name: 'socket.io-client 2.x',
  open(url, options) {
    const socket: LegacySocket = connectLegacy(url, options);
    return {
      socket,
      onAny(listener) {
        for (const name of NAMES) socket.on(name, (...args) => listener(name, ...args));
      },
      onRefused: (listener) =>
        void socket.on('error', (why) => {
          const { code, message } = why as { code?: unknown; message?: unknown };
          listener(code === undefined ? (message ?? why) : why);
        }),
      onceBeat: (listener) => void socket.once('pong', listener),
    };
  },
};

/** Of the source systems' time, and of today. */
export const LIBRARIES: readonly Library[] = [modern, legacy];

/** Resolves once the server has greeted. */
export async function connectWith(
  library: Library,
  url: string,
  options: SeedOptions = {},
): Promise<SeedClient> {
  const { socket, onAny, onRefused, onceBeat } = library.open(url, options);
  const heard: { event: string; args: unknown[] }[] = [];
  const all = <T>(event: string) =>
    heard.filter((one) => one.event === event).map(({ args }) => args[0] as T);
  onAny((event, ...args) => void heard.push({ event, args }));
  await within(`hello from ${url}`, (resolve, reject) => {
    socket.on('hello', resolve);
    onRefused((why) => reject(new Error(`refused: ${JSON.stringify(why)}`)));
  });
  const ask = (event: string, payload: unknown = {}) =>
    within<Answer>(`the ack of ${event}`, (resolve) => socket.emit(event, payload, resolve));
  return {
    get hello() {
      return all<Hello>('hello').at(-1) as Hello;
    },
    heard,
    all,
    ask,
    async do(event, payload) {
      const answer = await ask(event, payload);
      if (!answer.ok) throw new Error(`${event}: ${answer.error?.code} ${answer.error?.message}`);
      return answer;
    },
    send: (event, ...args) => void socket.emit(event, ...args),
    on: (event, listener) => void socket.on(event, listener),
    connected: () => socket.connected,
    beat: () => within('a heartbeat', (resolve) => onceBeat(() => resolve(undefined))),
    drop: () => socket.io.engine.close(),
    close: () => void socket.disconnect(),
  };
}

/** What a handshake is refused with: the error's data, or its text where it has none. */
export async function refusalOf(library: Library, url: string, options: SeedOptions = {}): Promise<unknown> {
  const { socket, onRefused } = library.open(url, options);
  try {
    return await within(`the refusal of ${url}`, (resolve, reject) => {
      onRefused(resolve);
      socket.on('hello', () => reject(new Error('it was let in')));
    });
  } finally {
    socket.disconnect();
  }
}

function within<T>(
  what: string,
  start: (resolve: (value: T | PromiseLike<T>) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${what} did not come in ${LIMIT_MS} ms`)), LIMIT_MS);
    start(
      (value) => {
        clearTimeout(limit);
        resolve(value);
      },
      (error) => {
        clearTimeout(limit);
        reject(error);
      },
    );
  });
}
