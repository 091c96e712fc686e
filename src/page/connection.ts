import { type ClientError, type ClientStorage, createClient } from '../client/index.ts';
import type { MessagePage } from '../protocol/rooms.ts';
import type { ChatEvent } from './chat-reducer.ts';
import type { ChatState } from './chat-state.ts';
import { createFieldText } from './field-text.ts';
import { describeRefusal } from './problems.ts';
import type { Store } from './store.ts';
import { sentenceUntil } from './time.ts';
import type { Visit } from './visit.ts';
import { storedGuestId } from './visit-storage.ts';

export interface ConnectionDeps {
  readonly visit: Visit;
  readonly url: string;
  readonly socketPath: string;
  readonly store: Store<ChatState, ChatEvent>;
  readonly storage: ClientStorage;
  /** The wall clock, which may be set while the page is open. */
  readonly now: () => number;
  /** A monotonic clock in ms. */
  readonly elapsedMs: () => number;
  readonly random: () => number;
  /** A listener of this page threw, or a message of the server could not be read. */
  readonly onThrow: (error: unknown) => void;
}

/** One stay in one room: turns the events of the SDK into events of the store. */
export interface Connection {
  say(text: string): void;
  /** Call it with every key: the text in the field. */
  typed(text: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  loadEarlier(): void;
  reconnect(): void;
  close(): void;
}

const PAGE_SIZE = 50;
const MAX_WAITING = 100;
const RETRY_MAX_MS = 5_000;
const LEAVE_TIMEOUT_MS = 1_000;

export function openConnection(deps: ConnectionDeps): Connection {
  const { visit, store, storage, now, elapsedMs, random } = deps;
  const { roomid, username, avatar } = visit;
  const { dispatch } = store;
  const chat = createClient(deps.url, {
    path: deps.socketPath,
    roomid,
    username,
    avatar,
    storage,
    maxOutbox: MAX_WAITING,
    retryMaxMs: RETRY_MAX_MS,
    autoReceipt: false,
    now,
    elapsedMs,
    random,
  });
  const room = chat.enter(roomid);
  const field = createFieldText({
    storage,
    guestId: storedGuestId(storage),
    onRestored: (text) => dispatch({ type: 'typed', text }),
  });

  function lose(reason: string, backInMs: number | undefined): void {
    // After a stop only the reader comes back, even if the connection is lost meanwhile.
    const { phase } = store.get().connection;
    if (phase === 'stopped' || phase === 'outside') return;
    const backAt = backInMs === undefined ? undefined : now() + backInMs;
    dispatch({ type: 'connection', connection: { phase: 'lost', reason, backAt } });
  }

  function stop(reason: string): void {
    dispatch({ type: 'connection', connection: { phase: 'stopped', reason } });
  }

  function stayOutside(reason: string): void {
    dispatch({ type: 'connection', connection: { phase: 'outside', reason } });
  }

  function refused(error: ClientError, retryInMs: number | undefined): void {
    const reason = describeRefusal(error);
    if (retryInMs !== undefined) {
      lose(reason, retryInMs);
      return;
    }
    const { code, retryAfterMs } = error;
    const until = code === 'forbidden' && retryAfterMs !== undefined ? now() + retryAfterMs : undefined;
    stayOutside(sentenceUntil(reason.replace(/[.]$/, ''), until, now()));
  }

  function readHistory(before?: number): Promise<MessagePage | undefined> {
    return room.history({ before, limit: PAGE_SIZE }).catch(() => undefined);
  }

  async function loadLatest(): Promise<void> {
    const page = await readHistory();
    if (page) dispatch({ type: 'latest', page });
  }

  async function loadEarlier(): Promise<void> {
    const { readFrom: before, connection, earlier } = store.get();
    if (before === undefined || connection.phase !== 'joined' || earlier === 'loading') return;
    dispatch({ type: 'earlierAsked' });
    const page = await readHistory(before);
    dispatch(page ? { type: 'earlier', before, page } : { type: 'earlierFailed' });
  }

  chat.on('error', deps.onThrow);
  // The page shows no inbox; without a listener the SDK would buffer the items.
  chat.on('item', () => undefined);
  chat.on('state', ({ state, reason = '', retryInMs, askedByServer }) => {
    if (state === 'offline') lose(reason, askedByServer && retryInMs);
    else if (state === 'closed') stop(reason);
  });
  chat.on('hello', (hello) => {
    dispatch({ type: 'hello', hello });
    field.setAuthor(hello.user.id);
  });
  room.on('joined', (joined) => dispatch({ type: 'joined', joined }));
  room.on('refused', refused);
  room.on('message', (message) => dispatch({ type: 'message', message }));
  room.on('deleted', ({ ref }) => dispatch({ type: 'deleted', ref }));
  room.on('edited', (entry) => dispatch({ type: 'changed', entry }));
  room.on('reacted', (entry) => dispatch({ type: 'changed', entry }));
  room.on('presence', (presence) => dispatch({ type: 'presence', presence }));
  room.on('count', ({ users }) => dispatch({ type: 'counted', users }));
  room.on('muted', (mute) => dispatch({ type: 'muted', mute }));
  room.on('unsent', (drafts) => dispatch({ type: 'unsent', drafts }));
  room.on('sent', (said, draft) => dispatch({ type: 'said', said, draft }));
  room.on('typing', (typing) => {
    if (typing.userId !== chat.user?.id) dispatch({ type: 'typing', typing });
  });
  room.on('gap', () => {
    dispatch({ type: 'gap' });
    void loadLatest();
  });
  dispatch({ type: 'unsent', drafts: room.unsent });

  return {
    typed(text) {
      room.typing(text.trim() !== '');
      field.save(text);
    },
    say(text) {
      room.typing(false);
      field.save('');
      // The draft shows the failure.
      room.say(text).catch(() => undefined);
    },
    retry: (clientMsgId) => void room.retry(clientMsgId).catch(() => undefined),
    discard: room.discard,
    loadEarlier: () => void loadEarlier(),
    reconnect() {
      dispatch({ type: 'connection', connection: { phase: 'connecting' } });
      chat.reconnect();
    },
    close() {
      // Without `leave` the room would see this person go only after the grace time of a lost connection.
      const timeout = new Promise((resolve) => setTimeout(resolve, LEAVE_TIMEOUT_MS));
      void Promise.race([room.leave(), timeout]).then(chat.close);
    },
  };
}
