import { io, type Socket } from 'socket.io-client';
import { outcomeOf } from '../client/connection.ts';
import { createDeletions } from '../client/deletions.ts';
import { createForwardClock } from '../client/forward-clock.ts';
import { createTypists } from '../client/typists.ts';
import type { Outcome, WireError } from '../protocol/codes.ts';
import type { Ack, Bye, ClientToServer, Hello, ServerToClient } from '../protocol/events.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import type { Joined, MessagePage, Said } from '../protocol/rooms.ts';
import type { ChatEvent, ChatState } from './chat-state.ts';
import { describeProblem } from './drafts.ts';
import type { Guests } from './guests.ts';
import { createSending } from './sending.ts';
import type { Store } from './store.ts';
import type { UnsentMemory } from './unsent.ts';
import type { Visit } from './visit.ts';

/*
 * One room on one Socket.IO connection.
 *
 *   connecting ──joined──► joined ──link lost──► lost ──socket.io-client tries──► joined (resumed)
 *                            └──bye──► lost until afterMs ──we connect──► joined
 *   refused, or a bye without return ──► stopped ──reconnect()──► connecting
 *
 * Nothing is emitted unless joined: socket.io-client would keep it and send it twice or too late.
 */

const ANSWER_TIMEOUT_MS = 10_000;
/** A join that is neither granted nor refused: another worker may do better. */
const JOIN_TIMEOUT_MS = 15_000;
const LEAVE_TIMEOUT_MS = 1_000;
const RETRY_MS = 2_000;
const PAGE_SIZE = 50;

interface PageEvents extends ServerToClient {
  /** Instead of join and quit notices in large rooms. */
  'presence:count': (count: { roomid: string; users: number }) => void;
}

export interface ConnectionDeps {
  readonly visit: Visit;
  readonly url: string;
  readonly socketPath: string;
  readonly store: Store<ChatState, ChatEvent>;
  readonly guests: Guests;
  readonly unsent: UnsentMemory;
  readonly newMessageId: () => string;
  /** The wall clock, which may be set while the page is open. */
  readonly now: () => number;
  /** Never set, counts from anywhere. */
  readonly elapsedMs: () => number;
  readonly random: () => number;
  /** Says `online` when the network is back. */
  readonly network: EventTarget;
}

export interface Connection {
  say(text: string): void;
  /** With every key: what stands in the field. */
  typed(text: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  loadEarlier(): void;
  reconnect(): void;
  close(): void;
}

export function openConnection(deps: ConnectionDeps): Connection {
  const { visit, store, guests, now, elapsedMs } = deps;
  const { dispatch } = store;
  const steadyMs = createForwardClock({ now, elapsedMs });
  const deletions = createDeletions();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const socket: Socket<PageEvents, ClientToServer> = io(deps.url, {
    path: deps.socketPath,
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
    query: {
      roomid: visit.roomid,
      username: visit.username,
      ...(visit.avatar === undefined ? {} : { avatar: visit.avatar }),
    },
    auth: (give) => give({ ...credentials(), resume: store.get().position }),
    autoConnect: false,
    forceNew: true,
  });

  const typists = createTypists({
    send(on) {
      if (isJoined()) void answered(timed().emitWithAck('typing', { roomid: visit.roomid, on }));
    },
    onChange: (typing) => dispatch({ type: 'typing', typing }),
    now: steadyMs,
  });

  const sending = createSending({
    ...deps,
    steadyMs,
    say: (message, stored) => void say(message, stored),
    rejoin: connectAfresh,
  });

  function credentials() {
    const guest = guests.find(visit.username);
    return guest && { userId: guest.userId, guestToken: guest.guestToken };
  }

  function later(delayMs: number, act: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(act, delayMs);
  }

  function connectAfresh(): void {
    clearTimeout(timer);
    socket.disconnect().connect();
  }

  function lose(reason: string, backInMs?: number): void {
    const backAt = backInMs === undefined ? undefined : now() + backInMs;
    dispatch({ type: 'link', link: { phase: 'lost', reason, backAt } });
    if (backInMs !== undefined) later(backInMs, connectAfresh);
  }

  function stop(reason: string): void {
    clearTimeout(timer);
    dispatch({ type: 'link', link: { phase: 'stopped', reason } });
  }

  function refused(error: WireError): void {
    socket.disconnect();
    if (error.temporary) lose(describeProblem(error), error.retryAfterMs ?? RETRY_MS);
    else stop(describeProblem(error));
  }

  function onHello(hello: Hello): void {
    dispatch({ type: 'hello', hello });
    sending.hello(hello.user.id);
    if (hello.guestToken !== undefined) {
      guests.keep(visit.username, { userId: hello.user.id, guestToken: hello.guestToken });
    }
    later(JOIN_TIMEOUT_MS, connectAfresh);
  }

  function onJoined(joined: Joined): void {
    clearTimeout(timer);
    dispatch({ type: 'joined', joined });
    sending.open();
  }

  function onBye(bye: Bye): void {
    socket.disconnect();
    if (bye.reconnect) lose(bye.reason, bye.afterMs);
    else stop(bye.reason);
  }

  function onConnectError(error: Error & { data?: Partial<WireError> }): void {
    // An active socket tries again by itself: the server was not reached at all.
    if (socket.active) {
      lose('The server cannot be reached.');
      return;
    }
    const { code = 'internal', temporary = false, retryAfterMs } = error.data ?? {};
    // A server with a new secret knows none of its old guests.
    if ((code === 'unauthorized' || code === 'forbidden') && guests.find(visit.username)) {
      guests.forget(visit.username);
      connectAfresh();
    } else {
      refused({ code, message: error.message, temporary, retryAfterMs });
    }
  }

  function onDisconnect(reason: Socket.DisconnectReason): void {
    clearTimeout(timer);
    typists.end();
    sending.shut();
    if (reason === 'io client disconnect') return;
    if (reason === 'io server disconnect') stop('The server ended this connection.');
    else lose(LOSS[reason] ?? 'The connection was lost.');
  }

  function timed() {
    return socket.timeout(ANSWER_TIMEOUT_MS);
  }

  async function readHistory(query: PayloadInput<'room:history'>): Promise<MessagePage | undefined> {
    const payload = { roomid: visit.roomid, ...query };
    const answer = await answered<Ack<'room:history'>>(timed().emitWithAck('room:history', payload));
    return answer?.ok ? deletions.apply(answer) : undefined;
  }

  async function loadLatest(): Promise<void> {
    const page = await readHistory({ limit: PAGE_SIZE });
    if (page) dispatch({ type: 'latest', page });
  }

  async function loadEarlier(): Promise<void> {
    const state = store.get();
    const before = state.readFrom;
    if (before === undefined || !isJoined() || state.earlier === 'loading') return;
    dispatch({ type: 'earlierAsked' });
    const page = await readHistory({ before, limit: PAGE_SIZE });
    dispatch(page ? { type: 'earlier', before, page } : { type: 'earlierFailed' });
  }

  function isJoined(): boolean {
    return socket.connected && store.get().link.phase === 'joined';
  }

  async function say(
    message: { text: string; clientMsgId: string },
    stored: (answer: Outcome<Said> | undefined) => void,
  ): Promise<void> {
    const payload = { ...message, type: 0, roomid: visit.roomid };
    const answer = await answered<Ack<'say'>>(timed().emitWithAck('say', payload));
    // Another worker may do better. First of all, or it would be sent again at once.
    if (!answer && isJoined()) {
      lose('The server stopped answering.');
      connectAfresh();
    }
    stored(answer && outcomeOf(answer));
  }

  /** Said, so that the room learns of it at once and not only after the time a lost link is waited for. */
  async function leave(): Promise<void> {
    await answered(socket.timeout(LEAVE_TIMEOUT_MS).emitWithAck('leave', { roomid: visit.roomid }));
    socket.disconnect();
  }

  function onOnline(): void {
    const { link } = store.get();
    if (link.phase === 'lost' && link.backAt === undefined) connectAfresh();
  }

  socket.on('hello', onHello);
  socket.on('joined', onJoined);
  socket.on('message', (message) => {
    if (message.event === 'deleted') deletions.note(message);
    dispatch({ type: 'message', message });
  });
  socket.on('presence:count', ({ users }) => dispatch({ type: 'counted', users }));
  socket.on('typing', (typing) => {
    if (typing.userId !== store.get().me?.id) typists.hear(typing);
  });
  socket.on('muted', ({ roomid, until }) => {
    if (roomid === visit.roomid) dispatch({ type: 'muted', mute: { until } });
  });
  socket.on('room:gap', (gap) => {
    dispatch({ type: 'gap', gap });
    void loadLatest();
  });
  socket.on('refused', ({ event, error }) => {
    if (event === 'join') refused(error);
  });
  socket.on('removed', ({ roomid, code }) => {
    if (roomid !== visit.roomid) return;
    socket.disconnect();
    stop(code === 'banned' ? 'You are banned from this room.' : 'You were removed from this room.');
  });
  socket.on('bye', onBye);
  socket.on('connect_error', onConnectError);
  socket.on('disconnect', onDisconnect);
  deps.network.addEventListener('online', onOnline);
  socket.connect();

  return {
    typed(text) {
      typists.say(text.trim() !== '');
      sending.typed(text);
    },
    say(text) {
      typists.say(false);
      sending.say(text);
    },
    retry: sending.retry,
    discard: sending.discard,
    loadEarlier: () => void loadEarlier(),
    reconnect() {
      dispatch({ type: 'link', link: { phase: 'connecting' } });
      connectAfresh();
    },
    close() {
      clearTimeout(timer);
      typists.end();
      sending.end();
      deps.network.removeEventListener('online', onOnline);
      socket.off();
      if (isJoined()) void leave();
      else socket.disconnect();
    },
  };
}

const LOSS: Partial<Record<Socket.DisconnectReason, string>> = {
  'ping timeout': 'The server stopped answering.',
  'transport close': 'The connection was closed.',
  'transport error': 'The network failed.',
};

/** Undefined: no answer in time, or the connection went. */
async function answered<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch {
    return undefined;
  }
}
