import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import type { Ack, ClientToServer, Hello, ServerToClient } from '../../src/protocol/events.ts';
import type { EventName, PayloadInput } from '../../src/protocol/payloads.ts';
import type { ChatMessage, Joined, PresenceMessage, RoomEntry } from '../../src/protocol/rooms.ts';

const LIMIT_MS = 20_000;

export type ClientSocket = Socket<ServerToClient, ClientToServer>;

/** A plain socket.io-client that keeps what it hears. */
export interface Member {
  readonly socket: ClientSocket;
  readonly hello: Hello;
  /** Said by members and told of them; not what was taken out. */
  readonly messages: (ChatMessage | PresenceMessage)[];
  readonly said: ChatMessage[];
  readonly heard: { readonly event: string; readonly data: unknown; readonly args: readonly unknown[] }[];
  ask<E extends EventName>(event: E, payload?: PayloadInput<E>): Promise<Ack<E>>;
  /** The ack, where a refusal fails the test. */
  do<E extends EventName>(event: E, payload?: PayloadInput<E>): Promise<Extract<Ack<E>, { ok: true }>>;
  close(): void;
}

/** A page as its reader sees it. */
export function textsOf(entries: readonly RoomEntry[]): string[] {
  return entries.map((entry) => {
    if (entry.event === 'broadcast_say') return entry.data.text;
    return `${{ edited: '~', deleted: '-', reacted: '+' }[entry.event]}${entry.ref}`;
  });
}

export type MemberOptions = Partial<ManagerOptions & SocketOptions>;

export function connectRaw(url: string, options: MemberOptions = {}): ClientSocket {
  return io(url, { forceNew: true, transports: ['websocket'], reconnection: false, ...options });
}

export async function connect(url: string, options: MemberOptions = {}): Promise<Member> {
  const socket = connectRaw(url, options);
  const messages: (ChatMessage | PresenceMessage)[] = [];
  const said: ChatMessage[] = [];
  const heard: { event: string; data: unknown; args: unknown[] }[] = [];
  socket.onAny((event: string, ...args: unknown[]) => heard.push({ event, data: args[0], args }));
  socket.on('message', (message) => {
    if (message.event === 'broadcast_say') said.push(message);
    if (message.event === 'broadcast_say' || !('seq' in message)) messages.push(message);
  });
  const hello = await within<Hello>(`hello from ${url}`, (resolve, reject) => {
    socket.once('hello', resolve);
    socket.once('connect_error', (error) => {
      if (!socket.active) reject(error);
    });
  });
  async function ask<E extends EventName>(event: E, payload?: PayloadInput<E>): Promise<Ack<E>> {
    return within<Ack<E>>(`the ack of ${event}`, (resolve) =>
      (socket.emit as (...args: unknown[]) => void)(event, payload ?? {}, resolve),
    );
  }
  return {
    socket,
    hello,
    messages,
    said,
    heard,
    ask,
    async do<E extends EventName>(event: E, payload?: PayloadInput<E>) {
      const ack = await ask(event, payload);
      if (!ack.ok) throw new Error(`${event}: ${ack.error.code} ${ack.error.message}`);
      return ack as Extract<Ack<E>, { ok: true }>;
    },
    close: () => void socket.disconnect(),
  };
}

/** Connects with a room and a name in the address, as S3's page did, and waits for `joined`. */
export async function enter(
  url: string,
  roomid: string,
  username: string,
  options: MemberOptions = {},
): Promise<Member & { readonly joined: Joined }> {
  const query = { ...(options.query as object), roomid, username };
  const member = await connect(url, { ...options, query });
  const joined = await within<Joined>('joined', (resolve, reject) => {
    const already = member.heard.find(({ event }) => event === 'joined');
    if (already) resolve(already.data as Joined);
    member.socket.once('joined', resolve);
    member.socket.once('refused', ({ error }) => reject(new Error(error.message)));
  });
  return { ...member, joined };
}

function within<T>(
  what: string,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
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
