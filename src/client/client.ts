import type { Hello } from '../protocol/events.ts';
import { createBackoff, MAX_WAIT_MS } from './backoff.ts';
import type { ChatClient, ClientEvents, ClientOptions } from './chat-client.ts';
import { ClientError } from './client-error.ts';
import { createClientFacade } from './client-facade.ts';
import { openConnection } from './connection.ts';
import { createEmitter } from './emitter.ts';
import { createErrorReport } from './error-report.ts';
import { createForwardClock } from './forward-clock.ts';
import { createIdentity } from './identity.ts';
import type { InboxItem } from './inbox-item.ts';
import { createPeople } from './people.ts';
import { createRooms } from './rooms.ts';
import { createServerEvents } from './server-events.ts';
import { createTokenRenewal } from './token-renewal.ts';
import { createUnsentLimits } from './unsent-limits.ts';
import { createUnsentStorage } from './unsent-storage.ts';

const DEFAULT_DEDUPE_MS = 600_000;

/**
 * Connects to a Roomcast and stays connected. After every lost connection each room is joined again where the
 * application stopped hearing; messages come in order and once; what is said is sent until it is stored.
 *
 * @param url The server's address, such as `https://chat.example.org`.
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
 * Between persons. The server stores items until they are read, also for somebody who is away.
 * ```ts
 * chat.on('item', (item, { source, unread }) => {
 *   if (item.kind === 'private') show(item.from, item.data.text, { unread });
 *   else notify(item.kind, item.data, source);
 * });
 *
 * const { live } = await chat.private('bob', 'are you there?');
 * // `live` counts Bob's connections only if both are in the same room; else the message waits in Bob's inbox.
 * console.log(live > 0 ? 'Bob has it now' : 'stored for Bob');
 *
 * const { items, top } = await chat.inbox.list({ limit: 50 });
 * await chat.inbox.ack({ read: top });
 * ```
 */
export function createClient(url: string, options: ClientOptions = {}): ChatClient {
  const { random = Math.random, now = Date.now, elapsedMs = () => performance.now() } = options;
  const steadyMs = createForwardClock({ now, elapsedMs });
  const events = createEmitter<ClientEvents>({
    onThrow: (error) => reportError(error),
    buffered: { item: 1_000 },
    onDelivered(event, [item]) {
      if (event === 'item') people.delivered(item as InboxItem);
    },
  });
  const reportError = createErrorReport(events);
  const identity = createIdentity(options);
  let hello: Hello | undefined;

  const unsent = createUnsentStorage({
    storage: options.storage,
    drafts: () => rooms.drafts(),
    directMessages: () => people.unsent(),
  });
  const timeoutMs = Math.min(MAX_WAIT_MS, options.answerTimeoutMs ?? 10_000);
  const connection = openConnection({
    url,
    path: options.path ?? '/socket.io/',
    namespace: options.namespace ?? '/',
    transports: options.transports ?? ['websocket', 'polling'],
    timeoutMs,
    backoff: createBackoff({ minMs: options.retryMinMs, maxMs: options.retryMaxMs, random }),
    random,
    now: steadyMs,
    identity: {
      ...identity,
      async auth() {
        const auth = await identity.auth();
        people.assignAuthor();
        return people.withInboxPosition(auth);
      },
    },
    handshakeJoin: () => rooms.handshakeJoin(),
    roomJoins: () => rooms.roomJoins(),
    userId: () => people.userId(),
    onState: (change) => events.emit('state', change),
    onUp(said, joined) {
      if (!people.identify(said)) {
        connection.drop('the token is of another user than before');
        return;
      }
      hello = said;
      events.emit('hello', said);
      // First: a pending login must be done before rooms are joined.
      people.up();
      if (joined) rooms.moved(joined);
      else rooms.up();
    },
    onDown() {
      tokens.down();
      people.down();
      rooms.down();
    },
    onBye: (bye) => events.emit('bye', bye),
    onStopped(error) {
      people.stop(error);
      rooms.stop(error);
    },
    onEvent: (name, args) => serverEvents.handle(name, args),
  });
  const limits = createUnsentLimits({
    maxOutbox: options.maxOutbox ?? 1_000,
    waiting: () => rooms.waiting() + people.unsent().length,
    maxTextBytes: () => hello?.limits.maxTextBytes,
    userId: () => people.userId(),
  });
  const shared = {
    connection,
    dedupeMs: () => (hello ? hello.limits.dedupeTtlS * 1_000 : DEFAULT_DEDUPE_MS),
    crowded: limits.crowded,
    onChange: unsent.save,
    now: steadyMs,
    wallMs: now,
    random,
  };
  const people = createPeople({
    ...shared,
    identity,
    storage: options.storage,
    autoReceipt: options.autoReceipt ?? true,
    hello: () => hello,
    emit: (item, origin) => events.emit('item', item, origin),
    onUser: () => rooms.assignAuthor(),
    membershipOf: (roomid) => rooms.membershipOf(roomid),
    onSent: (posted, message) => events.emit('sent', posted, message),
    onFailed: (error, message) => events.emit('failed', error, message),
    onReceipt: (receipt) => events.emit('receipt', receipt),
    hearsReceipts: () => events.hasListener('receipt'),
  });
  const rooms = createRooms({
    ...shared,
    // Without a name the server joins nothing by itself.
    handshakeRoom: options.username === undefined ? undefined : options.roomid,
    restored: unsent.drafts,
    answerTimeoutMs: timeoutMs,
    userId: () => people.userId(),
    check: limits.check,
    checkContent: limits.checkContent,
    onThrow: reportError,
  });
  people.restore(unsent.directMessages);
  const tokens = createTokenRenewal({
    identity,
    connection,
    now: steadyMs,
    onThrow: reportError,
    onRights(given) {
      for (const { roomid, can } of given) rooms.rights(roomid, can);
    },
    onLeft(roomids) {
      for (const roomid of roomids) {
        rooms.expel(roomid, new ClientError('forbidden', `the token does not allow ${roomid} any more`));
      }
    },
  });
  const serverEvents = createServerEvents({ rooms, people, tokens, events, onThrow: reportError });

  return createClientFacade({
    connection,
    people,
    rooms,
    events,
    hello: () => hello,
    waiting: limits.waiting,
  });
}
