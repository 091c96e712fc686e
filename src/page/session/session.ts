import {
  type ChatClient,
  type ChatMessage,
  type ClientStorage,
  createClient,
  type InboxItem,
} from '../../client/index.ts';
import type { FieldText } from '../composer/field-text.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';
import { type BlockList, createBlockList } from './block-list.ts';
import { createPersonalInbox, type PersonalInbox } from './inbox.ts';
import { createOtherRooms, type OtherRooms } from './other-rooms.ts';
import { createPresence, type Presence } from './presence.ts';
import { openRoomSession, type RoomSession } from './room-session.ts';
import type { LogPosition, RoomUnread } from './room-unread.ts';
import { followStatus, type Status } from './status.ts';
import { createThreadFields } from './thread-fields.ts';
import { createTokenDesk, type TokenDesk } from './token-desk.ts';
import type { Profile, StoredRoom } from './visit.ts';
import { storedGuestId } from './visit-storage.ts';

export type News =
  | { readonly kind: 'message'; readonly message: ChatMessage; readonly mentioned: boolean }
  | { readonly kind: 'item'; readonly item: InboxItem };

export interface SessionDeps {
  readonly profile: Profile;
  readonly rooms: readonly StoredRoom[];
  readonly token: string | undefined;
  readonly url: string;
  readonly socketPath: string;
  readonly storage: ClientStorage;
  /** The storage of the field of a room or, in braces, of the private thread with a user. */
  readonly fieldStorage: (place: string) => ClientStorage;
  /** The page is in sight. */
  readonly isVisible: () => boolean;
  /** The wall clock, which may be set while the page is open. */
  readonly now: () => number;
  /** A monotonic clock in ms. */
  readonly elapsedMs: () => number;
  readonly random: () => number;
  readonly newId: () => string;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
  /** The rooms changed, or how far they are read: to be restored after a reload. */
  readonly onRooms: (rooms: readonly StoredRoom[]) => void;
  readonly onToken: (token: string) => void;
  /** A listener of this page threw, or a message of the server could not be read. */
  readonly onThrow: (error: unknown) => void;
}

/** A person in this tab: one SDK client, and the rooms they are in. */
export interface Session {
  readonly profile: Profile;
  readonly chat: ChatClient;
  readonly rooms: Value<readonly RoomSession[]>;
  readonly unread: Value<ReadonlyMap<string, RoomUnread>>;
  readonly otherRooms: Pick<OtherRooms, 'list'>;
  readonly inbox: PersonalInbox;
  readonly blocks: BlockList;
  readonly presence: Presence;
  readonly status: Value<Status>;
  readonly tokens: TokenDesk;
  /** The text of the field of the private thread with this user. */
  threadField(userId: string): FieldText;
  /** The same one for a room that is entered already; undefined for no room id. */
  enter(roomid: string): RoomSession | undefined;
  leave(roomid: string): Promise<void>;
  /** The room that the reader looks at. */
  show(roomid: string | undefined): void;
  /** The page came into sight. */
  look(): void;
  onNews(listener: (news: News) => void): () => void;
  reconnect(): void;
  /** Leaves all rooms and ends the connection. */
  close(): Promise<void>;
}

const MAX_WAITING = 100;
const RETRY_MAX_MS = 5_000;
const LEAVE_TIMEOUT_MS = 1_000;

export function openSession(deps: SessionDeps): Session {
  const { profile, storage, now, nextFrame } = deps;
  const tokens = createTokenDesk({ token: deps.token, nextFrame, onToken: deps.onToken });
  const chat = createChat(deps, tokens);
  const rooms = createValue<readonly RoomSession[]>([], nextFrame);
  const unread = createValue<ReadonlyMap<string, RoomUnread>>(new Map(), nextFrame);
  const status = followStatus({ chat, nextFrame });
  const seen = new Map<string, LogPosition>();
  const listeners = new Set<(news: News) => void>();
  let shown: string | undefined;

  const news = (told: News) => {
    for (const listener of listeners) listener(told);
  };
  const inbox = createPersonalInbox({
    chat,
    now,
    newId: deps.newId,
    nextFrame,
    onNews: (item) => news({ kind: 'item', item }),
  });
  const presence = createPresence({ nextFrame });
  const otherRooms = createOtherRooms({
    chat,
    ownRooms: () => rooms.get().map(({ roomid }) => roomid),
    elapsedMs: deps.elapsedMs,
    nextFrame,
  });
  const threadField = createThreadFields({
    chat,
    fieldStorage: deps.fieldStorage,
    guestId: () => storedGuestId(storage),
  });

  function store(): void {
    deps.onRooms(rooms.get().map(({ roomid }) => ({ roomid, seen: seen.get(roomid) })));
  }

  function count(): void {
    unread.dispatch(new Map(rooms.get().map((room) => [room.roomid, room.unread()])));
  }

  function enter(roomid: string): RoomSession {
    const known = rooms.get().find((room) => room.roomid === roomid);
    if (known) return known;
    const opened = openRoomSession({
      chat,
      roomid,
      storage: deps.fieldStorage(roomid),
      guestId: storedGuestId(storage),
      seen: seen.get(roomid),
      isShown: () => shown === roomid && deps.isVisible(),
      now,
      elapsedMs: deps.elapsedMs,
      nextFrame,
      onUnread: count,
      onSeen(position) {
        seen.set(roomid, position);
        store();
      },
      onNews(message) {
        const me = chat.user?.id;
        news({ kind: 'message', message, mentioned: me !== undefined && !!message.mentions?.includes(me) });
      },
    });
    rooms.dispatch([...rooms.get(), opened]);
    presence.follow(opened.room);
    otherRooms.entered();
    return opened;
  }

  chat.on('error', deps.onThrow);
  for (const { roomid, seen: before } of deps.rooms) {
    if (before) seen.set(roomid, before);
    enter(roomid);
  }
  store();

  return {
    profile,
    chat,
    rooms,
    unread,
    otherRooms,
    inbox,
    blocks: createBlockList({ chat, nextFrame }),
    presence,
    status,
    tokens,
    threadField,
    enter(roomid) {
      const before = rooms.get().length;
      const opened = enter(roomid);
      if (rooms.get().length > before) store();
      return opened;
    },
    async leave(roomid) {
      const room = rooms.get().find((other) => other.roomid === roomid);
      if (!room) return;
      rooms.dispatch(rooms.get().filter((other) => other !== room));
      seen.delete(roomid);
      presence.unfollow(roomid);
      count();
      store();
      const left = room.leave();
      otherRooms.leaving(roomid, left);
      await left;
    },
    show(roomid) {
      shown = roomid;
      rooms
        .get()
        .find((room) => room.roomid === roomid)
        ?.look();
    },
    look() {
      for (const room of rooms.get()) room.look();
      otherRooms.look();
    },
    onNews(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reconnect() {
      for (const { store: room } of rooms.get()) {
        if (room.get().connection.phase === 'joined') continue;
        room.dispatch({ type: 'connection', connection: { phase: 'connecting' } });
      }
      chat.reconnect();
    },
    async close() {
      // Without `leave` the rooms would see this person go only after the grace time of a lost connection.
      const timeout = new Promise((resolve) => setTimeout(resolve, LEAVE_TIMEOUT_MS));
      await Promise.race([Promise.all(rooms.get().map((room) => room.leave())), timeout]);
      chat.close();
    },
  };
}

function createChat(deps: SessionDeps, tokens: TokenDesk): ChatClient {
  const { profile } = deps;
  return createClient(deps.url, {
    path: deps.socketPath,
    roomid: deps.rooms[0]?.roomid,
    username: profile.username,
    avatar: profile.avatar,
    token: deps.token === undefined ? undefined : tokens.fetch,
    storage: deps.storage,
    maxOutbox: MAX_WAITING,
    retryMaxMs: RETRY_MAX_MS,
    autoReceipt: true,
    now: deps.now,
    elapsedMs: deps.elapsedMs,
    random: deps.random,
  });
}
