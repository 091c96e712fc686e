import { type ClientStorage, createClient } from '../../client/index.ts';
import { createFieldText } from '../composer/field-text.ts';
import type { ChatEvent } from '../room/chat-reducer.ts';
import type { ChatState } from '../room/chat-state.ts';
import type { RoomActions } from '../room/room-actions.ts';
import { connectRoom } from '../room/room-connection.ts';
import type { Store } from '../ui/store.ts';
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

/** One stay in one room: an SDK client, and the room's actions. */
export interface Connection extends RoomActions {
  reconnect(): void;
  close(): void;
}

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
  const field = createFieldText({ storage, guestId: storedGuestId(storage) });
  chat.on('error', deps.onThrow);
  // The page shows no inbox; without a listener the SDK would buffer the items.
  chat.on('item', () => undefined);
  const actions = connectRoom({ chat, room, store, field, now });
  chat.on('hello', ({ user }) => field.setAuthor(user.id));

  return {
    ...actions,
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
