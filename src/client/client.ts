import type { WireError } from '../protocol/codes.ts';
import type { Bye, Hello } from '../protocol/events.ts';
import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseId } from '../protocol/names.ts';
import type { Posted, User } from '../protocol/people.ts';
import type { PresenceCount, PresenceDiff, RoomGap, RoomMessage, Typing } from '../protocol/rooms.ts';
import { createBackoff } from './backoff.ts';
import { ClientError } from './client-error.ts';
import { openConnection, type StateChange } from './connection.ts';
import { checkLength, type Draft, draftMessage, parseDrafts, type SayOptions } from './drafts.ts';
import { createEmitter } from './emitter.ts';
import { createForwardClock } from './forward-clock.ts';
import { createIdentity, type IdentityOptions } from './identity.ts';
import type { InboxItem, ItemOrigin } from './inbox-item.ts';
import { type Letter, type LetterOptions, parseLetters } from './letters.ts';
import { onNetworkBack } from './network.ts';
import { createPeople, type Inbox } from './people.ts';
import { createRoom, type Room, type RoomDriver } from './room.ts';
import { createKept } from './storage.ts';
import { createTokenRenewal } from './token-renewal.ts';

export interface ClientOptions extends IdentityOptions {
  /** One of the server's `NAMESPACES`. */
  readonly namespace?: string;
  /** The server's `SOCKET_PATH`. */
  readonly path?: string;
  /** Tried in this order; WebSocket, then polling. */
  readonly transports?: readonly ('websocket' | 'polling')[];
  /** Messages to rooms and people that may wait for their ack; one more is refused with `limit`. 1,000. */
  readonly maxOutbox?: number;
  /** A server that does not answer for so long is given up for another try. 10,000. */
  readonly answerTimeoutMs?: number;
  /** Between two attempts to connect, growing at random from the one to the other. 500 and 10,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  /** Tells the server which items the application was handed, at most once a second. True. */
  readonly autoReceipt?: boolean;
  readonly random?: () => number;
  /** Wall clock in ms. */
  readonly now?: () => number;
  /** A clock in ms that cannot be set. */
  readonly elapsedMs?: () => number;
}

export interface ClientEvents {
  state: [change: StateChange];
  hello: [hello: Hello];
  bye: [bye: Bye];
  /** What the server refused without being asked for an answer. */
  refused: [refused: { readonly event: string; readonly clientMsgId?: string; readonly error: WireError }];
  /**
   * Something for this person: a private message, a todo, a push, a reminder or an announcement. Each comes once,
   * over all reconnects, in the order of the inbox; announcements when they are heard. What comes before the first
   * listener is kept for it, at most 1,000 items.
   */
  item: [item: InboxItem, origin: ItemOrigin];
  /** As the promises of `private` and `todo`; also for letters that a storage kept over a restart. */
  sent: [posted: Posted, letter: Letter];
  failed: [error: ClientError, letter: Letter];
  /** How many the whole cluster serves. */
  online: [online: { readonly users: number; readonly clients: number }];
  /** The token ends soon. When `token` is a function it is asked for another one already. */
  'token:expiring': [expiring: { readonly inMs: number }];
  /** An exception of a listener or the token function of yours, or a message of the server that could not be read. */
  error: [error: unknown];
  /** Everything else the server says, such as `cluster:degraded` or `textmsg`. */
  event: [name: string, ...args: unknown[]];
}

export interface ChatClient {
  readonly state: StateChange['state'];
  /** Who the server says this client is, or since its `login`; undefined before the first connection. */
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
  /**
   * Resolves once it is stored for the user `to`, after however many reconnects; whether that user is there now says
   * `live`, to who is in a room with them. This client's own private messages do not come as `item`.
   */
  private(to: string, text: string, options?: LetterOptions): Promise<Posted>;
  /** The same for an object of yours, which the receiver gets whole. */
  todo(receiverId: string, data: object, options?: LetterOptions): Promise<Posted>;
  readonly inbox: Inbox;
  /**
   * Makes this connection another user's, where the server believes it (open mode), and the later ones too. Waits for
   * a connection.
   */
  login(userId: string): Promise<User>;
  /** Tries at once instead of waiting, also after the server closed the connection. */
  reconnect(): void;
  /** For good. What is not acked yet fails: as `unknown` if it was sent, else as `closed`. */
  close(): void;
}

const DEFAULT_DEDUPE_MS = 600_000;

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
 *
 * @example
 * Between persons. Items are kept until they are read, and wait for whoever is away.
 * ```ts
 * chat.on('item', (item, { source, unread }) => {
 *   if (item.kind === 'private') show(item.from, item.data.text, { unread });
 *   else notify(item.kind, item.data, source);
 * });
 *
 * const { live } = await chat.private('bob', 'are you there?');
 * console.log(live > 0 ? 'Bob has it' : 'Bob will find it');
 *
 * const { items, top } = await chat.inbox.list({ limit: 50 });
 * await chat.inbox.ack({ read: top });
 * ```
 */
export function createClient(url: string, options: ClientOptions = {}): ChatClient {
  const { random = Math.random, now = Date.now, maxOutbox = 1_000 } = options;
  const { elapsedMs = () => performance.now() } = options;
  const steadyMs = createForwardClock({ now, elapsedMs });
  const events = createEmitter<ClientEvents>({
    onThrow: report,
    held: ['item'],
    onHeard(event, [item]) {
      if (event === 'item') people.heard(item as InboxItem);
    },
  });
  const identity = createIdentity(options);
  const rooms = new Map<string, RoomDriver>();
  const kept = createKept(options.storage, 'roomcast.outbox', parseDrafts);
  const keptLetters = createKept(options.storage, 'roomcast.letters', parseLetters);
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
    identity: {
      ...identity,
      async auth() {
        const who = await identity.auth();
        return people.claim(who);
      },
    },
    backoff: createBackoff({
      minMs: options.retryMinMs ?? 500,
      maxMs: options.retryMaxMs ?? 10_000,
      random,
    }),
    random,
    onState: (change) => events.emit('state', change),
    onUp(said) {
      if (!people.meet(said)) {
        connection.drop('the token is of another user than before');
        return;
      }
      hello = said;
      events.emit('hello', said);
      // First: a login that waits is to be over when rooms are joined.
      people.up();
      for (const room of [...rooms.values()]) room.up();
    },
    onDown() {
      tokens.down();
      people.down();
      for (const room of [...rooms.values()]) room.down();
    },
    onBye: (bye) => events.emit('bye', bye),
    onStopped(error) {
      people.stop(error);
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
  const waits = {
    dedupeMs: () => (hello ? hello.limits.dedupeTtlS * 1_000 : DEFAULT_DEDUPE_MS),
    onChange: save,
    now: steadyMs,
    random,
  };
  const people = createPeople({
    ...waits,
    wallMs: now,
    connection,
    identity,
    storage: options.storage,
    autoReceipt: options.autoReceipt ?? true,
    hello: () => hello,
    crowded,
    emit: (item, origin) => events.emit('item', item, origin),
    onSent: (posted, letter) => events.emit('sent', posted, letter),
    onFailed: (error, letter) => events.emit('failed', error, letter),
  });
  people.restore(keptLetters.load() ?? []);
  const tokens = createTokenRenewal({
    identity,
    connection,
    now: steadyMs,
    onThrow: report,
    onLeft(roomids) {
      for (const roomid of roomids) {
        rooms.get(roomid)?.end(new ClientError('forbidden', `the token does not allow ${roomid} any more`));
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
      case 'presence:diff':
      case 'presence:count':
        room?.presence(said as PresenceDiff | PresenceCount);
        break;
      case 'typing':
        room?.typing(said as Typing);
        break;
      case 'removed':
        events.emit('event', name, ...args);
        room?.end(new ClientError('forbidden', `removed from ${roomid}`));
        break;
      case 'refused':
        events.emit('refused', said as ClientEvents['refused'][0]);
        break;
      case 'online':
        events.emit('online', said as ClientEvents['online'][0]);
        break;
      case 'token:expiring':
        events.emit('token:expiring', said as ClientEvents['token:expiring'][0]);
        tokens.expiring((said as ClientEvents['token:expiring'][0]).inMs);
        break;
      default:
        if (!people.hear(name, args)) events.emit('event', name, ...args);
    }
  }

  function drafts(): readonly Draft[] {
    return [...restored, ...[...rooms.values()].flatMap((room) => room.drafts())];
  }

  function waiting(): number {
    return drafts().length + people.letters().length;
  }

  /** Once per turn: a burst of says is written down as one. */
  function save(): void {
    if (saving || !options.storage) return;
    saving = true;
    queueMicrotask(() => {
      saving = false;
      kept.save(drafts());
      keptLetters.save(people.letters());
    });
  }

  function crowded(): ClientError | undefined {
    if (waiting() < maxOutbox) return undefined;
    return new ClientError('limit', `${maxOutbox} messages are waiting already`);
  }

  function draft(roomid: string, text: string, said: SayOptions): Draft | ClientError {
    const made = draftMessage(roomid, text, said, people.author());
    return made instanceof ClientError ? made : (crowded() ?? check(made) ?? made);
  }

  function check({ roomid, text, by }: Draft): ClientError | undefined {
    if (by !== undefined && by !== people.author()) {
      return new ClientError('forbidden', `in ${roomid}: it was written by somebody else`);
    }
    return checkLength(text, hello?.limits.maxTextBytes ?? MAX_PACKET_BYTES);
  }

  function openRoom(roomid: string, history: number | undefined): RoomDriver {
    const room: RoomDriver = createRoom({
      ...waits,
      roomid,
      history,
      connection,
      draft,
      check,
      onThrow: report,
      onEnded() {
        if (rooms.get(roomid) === room) rooms.delete(roomid);
      },
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
      return people.user;
    },
    get hello() {
      return hello;
    },
    get outbox() {
      return waiting();
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
    private: (to, text, letter = {}) => people.private(to, text, letter),
    todo: (to, data, letter = {}) => people.todo(to, data, letter),
    inbox: people.inbox,
    login: (userId) => people.login(userId),
    reconnect: () => connection.reconnect(),
    close() {
      if (closed) return;
      closed = true;
      stopWatching();
      const error = new ClientError('closed', 'the client is closed');
      people.end(error);
      for (const room of [...rooms.values()]) room.end(error);
      connection.close();
    },
  };
}

function isRoomMessage(said: unknown): said is RoomMessage {
  const { event, ref } = (said ?? {}) as { event?: unknown; ref?: unknown };
  // Before deletions were entries of the log, `seq` was the message's: such a server's are no entries.
  if (event === 'deleted') return typeof ref === 'number';
  return event === 'broadcast_say' || event === 'join' || event === 'broadcast_quit';
}
