import type { ChatClient, ChatMessage, ClientStorage, PersistentRoom } from '../../client/index.ts';
import { createFieldText } from '../composer/field-text.ts';
import { type ChatEvent, comesInCrowds, reduceChat } from '../room/chat-reducer.ts';
import { type ChatState, INITIAL_STATE } from '../room/chat-state.ts';
import type { RoomActions } from '../room/room-actions.ts';
import { connectRoom } from '../room/room-connection.ts';
import { createStore, type Store, type StoreDeps } from '../ui/store.ts';
import { createRoomUnread, type LogPosition, type RoomUnread } from './room-unread.ts';

/** One room of the session. */
export interface RoomSession {
  readonly roomid: string;
  readonly room: PersistentRoom;
  readonly store: Store<ChatState, ChatEvent>;
  readonly actions: RoomActions;
  unread(): RoomUnread;
  /** The reader may see the end of the room now. */
  look(): void;
  leave(): Promise<void>;
}

export interface RoomSessionDeps {
  readonly chat: ChatClient;
  readonly roomid: string;
  readonly storage: ClientStorage;
  readonly guestId: string | undefined;
  readonly seen: LogPosition | undefined;
  /** The room is what the reader looks at. */
  readonly isShown: () => boolean;
  readonly now: () => number;
  readonly elapsedMs: () => number;
  readonly nextFrame: StoreDeps<ChatState, ChatEvent>['nextFrame'];
  readonly onUnread: () => void;
  readonly onSeen: (position: LogPosition) => void;
  readonly onNews: (message: ChatMessage) => void;
}

/** The read marker of the server follows at most once in this time. */
const MARK_EVERY_MS = 1_000;
/** A crowded room is drawn ten times a second. Each drawing costs a frame or two, for which a key has to wait. */
const DRAW_EVERY_MS = 100;

export function openRoomSession(deps: RoomSessionDeps): RoomSession {
  const { chat, roomid, now } = deps;
  const room = chat.enter(roomid);
  const store = createStore({
    initial: INITIAL_STATE,
    reduce: reduceChat,
    nextFrame: deps.nextFrame,
    pacing: { canWait: comesInCrowds, everyMs: DRAW_EVERY_MS, elapsedMs: deps.elapsedMs },
  });
  const field = createFieldText({ storage: deps.storage, guestId: deps.guestId });
  let marking: ReturnType<typeof setTimeout> | undefined;
  let position: LogPosition | undefined;

  function mark(): void {
    marking = undefined;
    if (!position) return;
    deps.onSeen(position);
    // The next message tries again.
    if (store.get().connection.phase === 'joined') room.read(position.seq).catch(() => undefined);
  }

  const unread = createRoomUnread({
    ownId: () => chat.user?.id,
    isReading: () => deps.isShown() && store.get().following,
    seen: deps.seen,
    onChange: deps.onUnread,
    onSeen(seen) {
      position = seen;
      marking ??= setTimeout(mark, MARK_EVERY_MS);
    },
  });
  const stops: (() => void)[] = [];
  const heard: Pick<ChatClient, 'on' | 'user'> = {
    get user() {
      return chat.user;
    },
    on(event, listener) {
      const stop = chat.on(event, listener);
      stops.push(stop);
      return stop;
    },
  };
  const actions = connectRoom({ chat: heard, room, store, field, now });
  room.on('message', (message, { source }) => {
    if (unread.heard(message, source) && source === 'live') deps.onNews(message);
  });
  heard.on('hello', ({ user }) => field.setAuthor(user.id));
  stops.push(store.subscribe(unread.look));
  if (chat.hello) {
    store.dispatch({ type: 'hello', hello: chat.hello });
    field.setAuthor(chat.hello.user.id);
  }

  return {
    roomid,
    room,
    store,
    actions,
    unread: unread.get,
    look: unread.look,
    async leave() {
      clearTimeout(marking);
      for (const stop of stops) stop();
      await room.leave();
    },
  };
}
