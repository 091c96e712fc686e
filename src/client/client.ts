import type { WireError } from '../protocol/codes.ts';
import type { Bye, Hello, RoomGap, RoomMessage, User } from '../protocol/events.ts';
import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseClientMsgId, parseId } from '../protocol/names.ts';
import { createBackoff } from './backoff.ts';
import { ClientError } from './client-error.ts';
import { openConnection, type StateChange } from './connection.ts';
import { createEmitter } from './emitter.ts';
import { createIdentity, type IdentityOptions } from './identity.ts';
import { newMessageId } from './message-id.ts';
import { onNetworkBack } from './network.ts';
import type { Draft } from './outbox.ts';
import { createRoom, type Room, type RoomDriver, type SayOptions } from './room.ts';
import { createKept } from './storage.ts';

export interface ClientOptions extends IdentityOptions {
  /** One of the server's `NAMESPACES`. */
  readonly namespace?: string;
  /** The server's `SOCKET_PATH`. */
  readonly path?: string;
  /** Tried in this order; WebSocket, then polling. */
  readonly transports?: readonly ('websocket' | 'polling')[];
  /** Messages of all rooms that may wait for their ack; one more is refused with `limit`. 1,000. */
  readonly maxOutbox?: number;
  /** A server that does not answer for so long is given up for another try. 10,000. */
  readonly answerTimeoutMs?: number;
  /** Between two attempts to connect, growing at random from the one to the other. 500 and 10,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  readonly random?: () => number;
  /** Wall clock in ms. */
  readonly now?: () => number;
}

export interface ClientEvents {
  state: [change: StateChange];
  hello: [hello: Hello];
  bye: [bye: Bye];
  /** What the server refused without being asked for an answer. */
  refused: [refused: { readonly event: string; readonly clientMsgId?: string; readonly error: WireError }];
  /** An exception of a listener of yours, or a message of the server that could not be read. */
  error: [error: unknown];
  /** Everything else the server says, such as `cluster:degraded` or `typing`. */
  event: [name: string, ...args: unknown[]];
}

export interface ChatClient {
  readonly state: StateChange['state'];
  /** Who the server says this client is; undefined before the first connection. */
  readonly user: User | undefined;
  readonly hello: Hello | undefined;
  /** Messages that wait for their ack. */
  readonly outbox: number;
  /** Answers how to stop listening. */
  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): () => void;
  /**
   * Resolves once the room is joined, which waits for a connection. A refusal rejects. `history`: how many
   * messages said before are handed on first.
   */
  join(roomid: string, options?: { readonly history?: number }): Promise<Room>;
  /** Tries at once instead of waiting, also after the server closed the connection. */
  reconnect(): void;
  /** For good. What is not acked yet fails: as `unknown` if it was sent, else as `closed`. */
  close(): void;
}

const DEFAULT_DEDUPE_MS = 600_000;
/** Of a packet beside its text. */
const ENVELOPE_BYTES = 2_048;

/**
 * Connects to a Roomcast and stays connected: rooms are joined again after every lost link where the application
 * stopped hearing, messages come in order and once, and what is said is sent until it is stored.
 *
 * @param url Of the server, such as `https://chat.example.org`.
 * @example
 * ```ts
 * import { createClient } from 'roomcast/client';
 *
 * const chat = createClient('http://localhost:3000', { username: 'Ada' });
 * chat.on('state', ({ state, reason }) => console.log(state, reason ?? ''));
 *
 * const room = await chat.join('tea', { history: 20 });
 * room.on('message', ({ data }, { source }) => console.log(source, data.username, data.text));
 * room.on('gap', ({ from, to }) => console.log(`messages ${from} to ${to} are lost`));
 *
 * const { seq } = await room.say('hello');
 * ```
 */
export function createClient(url: string, options: ClientOptions = {}): ChatClient {
  const { random = Math.random, now = Date.now, maxOutbox = 1_000 } = options;
  const events = createEmitter<ClientEvents>({ onThrow: report });
  const rooms = new Map<string, RoomDriver>();
  const kept = createKept(options.storage, 'roomcast.outbox', parseDrafts);
  /** Of an earlier run, for rooms that are not joined yet. */
  let restored = kept.load() ?? [];
  let hello: Hello | undefined;
  let closed = false;
  let saving = false;
  /** A listener for errors that itself fails has nobody left to tell. */
  let reporting = false;

  const connection = openConnection({
    url,
    path: options.path ?? '/socket.io/',
    namespace: options.namespace ?? '/',
    transports: options.transports ?? ['websocket', 'polling'],
    timeoutMs: options.answerTimeoutMs ?? 10_000,
    identity: createIdentity(options),
    backoff: createBackoff({
      minMs: options.retryMinMs ?? 500,
      maxMs: options.retryMaxMs ?? 10_000,
      random,
    }),
    random,
    onState: (change) => events.emit('state', change),
    onUp(said) {
      hello = said;
      events.emit('hello', said);
      for (const room of [...rooms.values()]) room.up();
    },
    onDown() {
      for (const room of [...rooms.values()]) room.down();
    },
    onBye: (bye) => events.emit('bye', bye),
    onStopped(error) {
      for (const room of [...rooms.values()]) room.stop(error);
    },
    onEvent(name, args) {
      try {
        hear(name, args);
      } catch (error) {
        report(error);
      }
    },
  });
  const stopWatching = onNetworkBack(connection.hurry);

  function report(error: unknown): void {
    if (reporting) return;
    reporting = true;
    events.emit('error', error);
    reporting = false;
  }

  function hear(name: string, args: unknown[]): void {
    const [said] = args;
    const roomid = (said as { roomid?: string } | undefined)?.roomid;
    const room = roomid === undefined ? undefined : rooms.get(roomid);
    switch (name) {
      case 'message':
        if (isRoomMessage(said)) room?.hear(said);
        else events.emit('event', name, ...args);
        break;
      case 'room:gap':
        room?.gap(said as RoomGap);
        break;
      case 'removed':
        events.emit('event', name, ...args);
        room?.end(new ClientError('forbidden', `removed from ${roomid}`));
        break;
      case 'refused':
        events.emit('refused', said as ClientEvents['refused'][0]);
        break;
      default:
        events.emit('event', name, ...args);
    }
  }

  function waiting(): readonly Draft[] {
    return [...restored, ...[...rooms.values()].flatMap((room) => room.drafts())];
  }

  /** Once per turn: a burst of says is written down as one. */
  function save(): void {
    if (saving || !options.storage) return;
    saving = true;
    queueMicrotask(() => {
      saving = false;
      kept.save(waiting());
    });
  }

  function draft(roomid: string, text: string, said: SayOptions): Draft | ClientError {
    const { clientMsgId = newMessageId(), type, echo } = said;
    if (typeof text !== 'string') return new ClientError('bad_request', 'text: must be a string');
    if (parseClientMsgId(clientMsgId) === undefined) {
      return new ClientError('bad_request', 'clientMsgId: must be 1 to 64 printable ASCII characters');
    }
    const made: Draft = {
      roomid,
      clientMsgId,
      text,
      ...(type === undefined ? {} : { type }),
      ...(echo === undefined ? {} : { echo }),
    };
    const full = waiting().length >= maxOutbox;
    return full
      ? new ClientError('limit', `${maxOutbox} messages are waiting already`)
      : (check(made) ?? made);
  }

  /** A packet over the transport's limit would close the link, each time it is sent again. */
  function check({ text }: Draft): ClientError | undefined {
    const limit = hello?.limits.maxTextBytes ?? MAX_PACKET_BYTES;
    const written = JSON.stringify(text);
    const fits = bytes(text) <= limit && bytes(written) <= MAX_PACKET_BYTES - ENVELOPE_BYTES;
    if (fits) return undefined;
    return new ClientError('too_large', `text: must not be longer than ${limit} bytes`);
  }

  function openRoom(roomid: string, history: number | undefined): RoomDriver {
    const room: RoomDriver = createRoom({
      roomid,
      history,
      connection,
      draft,
      check,
      dedupeMs: () => (hello ? hello.limits.dedupeTtlS * 1_000 : DEFAULT_DEDUPE_MS),
      onChange: save,
      onThrow: report,
      onEnded() {
        if (rooms.get(roomid) === room) rooms.delete(roomid);
      },
      now,
      random,
    });
    rooms.set(roomid, room);
    const own = restored.filter((unsent) => unsent.roomid === roomid);
    restored = restored.filter((unsent) => unsent.roomid !== roomid);
    room.restore(own);
    if (connection.state() === 'online') room.up();
    return room;
  }

  return {
    get state() {
      return connection.state();
    },
    get user() {
      return hello?.user;
    },
    get hello() {
      return hello;
    },
    get outbox() {
      return waiting().length;
    },
    on: events.on,
    join(given, { history } = {}) {
      const roomid = parseId(given);
      if (roomid === undefined)
        return Promise.reject(new ClientError('bad_request', 'roomid: not a room id'));
      if (closed || connection.state() === 'closed') {
        return Promise.reject(new ClientError('closed', 'the client is closed'));
      }
      return (rooms.get(roomid) ?? openRoom(roomid, history)).ready;
    },
    reconnect: () => connection.reconnect(),
    close() {
      if (closed) return;
      closed = true;
      stopWatching();
      for (const room of [...rooms.values()]) room.end(new ClientError('closed', 'the client is closed'));
      connection.close();
    },
  };
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isRoomMessage(said: unknown): said is RoomMessage {
  const event = (said as { event?: unknown } | undefined)?.event;
  return event === 'broadcast_say' || event === 'join' || event === 'broadcast_quit';
}

function parseDrafts(value: unknown): readonly Draft[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(
    (draft: Partial<Draft> | null) =>
      typeof draft?.roomid === 'string' &&
      typeof draft.text === 'string' &&
      parseClientMsgId(draft.clientMsgId) !== undefined,
  );
}
