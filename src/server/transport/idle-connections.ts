import type { EventEmitter } from 'node:events';
import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ClientSocket } from '../socket-types.ts';
import { FewMap } from './few-map.ts';
import { FewQueue } from './few-queue.ts';

/*
 * What Socket.IO, Engine.IO and ws keep of an open connection and do not look at again, or in a larger form than they
 * need: without it a connection takes 40 % less memory. Beside private-members.ts this is the only file that touches their
 * private members. Each step looks first whether it finds what it knows, and else leaves the connection as it is.
 */

type Connection = ClientSocket['conn'];
type Handler = ((...args: unknown[]) => void) & { readonly listener?: Handler };
type Handlers = Record<string | symbol, Handler | Handler[]>;

interface Emitter extends EventEmitter {
  _events: Handlers;
}

interface PrivateSocket {
  acks: unknown;
  handshake: unknown;
  _anyListeners: unknown;
  readonly client: {
    sockets: unknown;
    nsps: unknown;
    readonly decoder?: { readonly _callbacks?: Record<string, unknown> };
  };
}

interface PrivateLink {
  request: unknown;
  cleanupFn: unknown;
  sentCallbackFn: unknown;
  readonly transport: EventEmitter & { readonly name: string; readonly socket?: PrivateWebSocket };
}

interface PrivateWebSocket extends EventEmitter {
  readonly _receiver?: PrivateReceiver | null;
  readonly _socket?: { _peername?: unknown } | null;
}

/** Reads the frames of one connection. */
interface PrivateReceiver extends Emitter {
  _mask: unknown;
  _buffers: unknown;
  readonly _bufferedBytes: number;
  readonly _state: number;
}

/** As ws has it. */
const BETWEEN_FRAMES = 0;

/** These are told at most once anyway: the wrapper that `once` makes is larger than all else of a listener. */
const TOLD_ONCE: readonly (string | symbol)[] = ['close', 'error'];

/** Handed to whoever asks for a socket's handshake after it was let in. */
const NO_HANDSHAKE = Object.freeze({
  headers: {},
  time: '',
  address: '',
  xdomain: false,
  secure: false,
  issued: 0,
  url: '',
  query: {},
  auth: {},
});

export interface IdleConnections {
  /** The connection was let in: what its handshake said is known, and what it hears is listened to. */
  shrink(socket: ClientSocket): void;
}

export interface IdleConnectionsDeps {
  /** Who a connection is may stand in the headers of the connection, so another namespace asks them again. */
  readonly keepsHeaders: boolean;
}

export function createIdleConnections({ keepsHeaders }: IdleConnectionsDeps): IdleConnections {
  /** Not Object's: a client's event named `constructor` must find no listener. */
  const bare = Object.freeze(Object.create(null));

  /** Node makes it a hash table, six times as large as an object of three listeners. */
  function shrinkEvents(emitter: EventEmitter): void {
    const { _events: events } = emitter as Emitter;
    if (typeof events !== 'object' || events === null || Object.getPrototypeOf(events) !== null) return;
    const fewer: Handlers = Object.create(bare);
    for (const type of Reflect.ownKeys(events)) {
      const handlers = events[type];
      if (handlers !== undefined) fewer[type] = TOLD_ONCE.includes(type) ? unwrapped(handlers) : handlers;
    }
    (emitter as Emitter)._events = fewer;
  }

  function shrinkWebSocket(connection: Connection): void {
    const { transport } = connection as unknown as PrivateLink;
    const { socket: webSocket } = transport;
    if (transport.name !== 'websocket' || !webSocket) return;
    // Engine.IO leaves it there on connections that did not begin with polling; errors have had another listener since.
    for (const listener of webSocket.listeners('error') as Handler[]) {
      if (listener.name === 'onUpgradeError' && webSocket.listenerCount('error') > 1)
        webSocket.off('error', listener);
    }
    // Asked only by the transport that polls.
    transport.removeAllListeners('headers');
    shrinkEvents(webSocket);
    shrinkEvents(transport);
    const { _receiver: receiver, _socket: stream } = webSocket;
    if (receiver) shrinkReceiver(receiver);
    // Engine.IO has noted the address; Node looks it up again for whoever asks.
    if (stream?._peername) stream._peername = null;
  }

  /** ws's own, and in its place one that lets go of what the message was read from. The same two on every connection. */
  let onMessage: Handler | undefined;
  function onMessageRead(this: PrivateReceiver, ...message: unknown[]): void {
    forgetRead(this);
    onMessage?.apply(this, message);
  }

  function shrinkReceiver(receiver: PrivateReceiver): void {
    const { message } = receiver._events;
    if (typeof message !== 'function' || message === onMessageRead) return;
    onMessage ??= message;
    if (message !== onMessage || !('_mask' in receiver) || !Array.isArray(receiver._buffers)) return;
    receiver._events.message = onMessageRead;
    if (receiver._state === BETWEEN_FRAMES) forgetRead(receiver);
  }

  function upgraded(this: Connection): void {
    shrinkWebSocket(this);
  }

  return {
    shrink(socket) {
      const { conn } = socket;
      const own = socket as unknown as PrivateSocket;
      const connection = conn as unknown as PrivateLink;
      const { client } = own;
      const { request } = connection;
      if (request instanceof IncomingMessage)
        connection.request = new KeptRequest(request.url, keepsHeaders ? keptOf(request) : NO_HEADERS);
      own.handshake = NO_HANDSHAKE;
      own.acks = fewer(own.acks);
      own._anyListeners = exact(own._anyListeners);
      client.sockets = fewer(client.sockets);
      client.nsps = fewer(client.nsps);
      connection.cleanupFn = exact(connection.cleanupFn);
      if (Array.isArray(connection.sentCallbackFn))
        connection.sentCallbackFn = FewQueue.from(connection.sentCallbackFn);
      const callbacks = client.decoder?._callbacks;
      if (callbacks) callbacks.$decoded = exact(callbacks.$decoded);
      shrinkWebSocket(conn);
      if (conn.transport.name !== 'websocket') conn.once('upgrade', upgraded);
      shrinkEvents(conn);
      shrinkEvents(socket as unknown as EventEmitter);
    },
  };
}

function forgetRead(receiver: PrivateReceiver): void {
  // Four bytes, and with them the whole chunk they came in, until the next message.
  receiver._mask = undefined;
  // An emptied list keeps its room.
  if (receiver._bufferedBytes === 0) receiver._buffers = [];
}

function unwrapped(handlers: Handler | Handler[]): Handler | Handler[] {
  if (Array.isArray(handlers)) return handlers.map((handler) => handler.listener ?? handler);
  return handlers.listener ?? handlers;
}

function fewer(map: unknown): unknown {
  if (!(map instanceof Map) || map.size > 1) return map;
  const few = new FewMap();
  for (const [key, value] of map) few.set(key, value);
  return few;
}

/** A list that was pushed to keeps room for 16 more. */
function exact(list: unknown): unknown {
  return Array.isArray(list) ? list.slice() : list;
}

/** What of its headers decides who a connection is, and whether its page may use a cookie. */
const KEPT_HEADERS = ['authorization', 'cookie', 'host', 'origin', 'sec-fetch-site'] as const;

const NO_HEADERS: IncomingHttpHeaders = Object.freeze({});

function keptOf({ headers }: IncomingMessage): IncomingHttpHeaders {
  return Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

/** What is left of a connection's first request: a client may enter another namespace over the same connection, and is asked again. */
class KeptRequest {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;

  constructor(url: string | undefined, headers: IncomingHttpHeaders) {
    this.url = url;
    this.headers = headers;
  }

  get _query(): Record<string, string> {
    return Object.fromEntries(new URL(this.url ?? '', 'http://localhost').searchParams);
  }

  /** Socket.IO asks it whether the connection is encrypted, which behind a front nobody here knows. */
  get connection(): object {
    return {};
  }
}
