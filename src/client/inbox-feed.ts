import type { Acks } from '../protocol/events.ts';
import type { InboxPage, PushMessage } from '../protocol/people.ts';
import type { Auth } from './identity.ts';
import type { InboxItem, ItemOrigin, LiveItem } from './inbox-item.ts';
import { createInboxOrder } from './inbox-order.ts';
import type { Position } from './sequence.ts';
import { type ClientStorage, createStoredValue } from './storage.ts';
import { createUnreadItems } from './unread-items.ts';

export interface InboxFeedDeps {
  readonly storage: ClientStorage | undefined;
  readonly emit: (item: InboxItem, origin: ItemOrigin) => void;
  /** The item may be a message of this client whose ack was lost. */
  readonly mayBeOwn: (item: InboxItem) => boolean;
  /** The application has received everything up to here. */
  readonly onReceived: (seq: number) => void;
}

/** Delivers the items of the current user's inbox to the application. */
export interface InboxFeed {
  readonly unread: number;
  readonly more: boolean;
  /** Adds the position to resume from, if it belongs to the inbox of the user that connects. */
  withPosition(auth: Auth): Auth;
  /** The server names the user. False: it is about to resume from a position in another user's inbox. */
  identify(userId: string): boolean;
  show(page: PushMessage): void;
  offer(live: LiveItem): void;
  /** The application received the item. */
  delivered(item: InboxItem): void;
  /** A message was stored under this id, or failed. */
  settled(id: string | undefined): void;
  /** The person read or received items, on any device. */
  markersMoved(markers: Acks['inbox:ack']): void;
  listed(page: InboxPage): void;
  end(): void;
}

interface Delivery {
  readonly item: InboxItem;
  readonly origin: ItemOrigin;
}

interface StoredPosition extends Position {
  readonly userId: string;
}

const MAX_EPOCH_CHARS = 64;

export function createInboxFeed({ storage, emit, mayBeOwn, onReceived }: InboxFeedDeps): InboxFeed {
  const storedPosition = createStoredValue(storage, 'roomcast.inbox', parsePosition);
  const start = storedPosition.load();
  let owner = start?.userId;
  let order = createInboxOrder(start && { epoch: start.epoch, seq: start.seq });
  let unread = createUnreadItems();
  let more = false;
  /** The next connection asks for what is newer than `order`'s position. */
  let resumes = false;
  let ended = false;
  /** Items that may be this client's own messages: the ack of the repeated message will tell. */
  let doubtful: Delivery[] = [];
  let lastEmitted: InboxItem | undefined;
  let lastDelivered: InboxItem | undefined;

  function deliver(deliveries: readonly Delivery[]): void {
    const certain: Delivery[] = [];
    for (const one of deliveries) (isMine(one.item) && mayBeOwn(one.item) ? doubtful : certain).push(one);
    lastEmitted = certain.at(-1)?.item ?? lastEmitted;
    for (const { item, origin } of certain) {
      if (ended) return;
      if (origin.unread) unread.add(item);
      emit(item, origin);
    }
    if (certain.length === 0 && lastDelivered === lastEmitted) settle();
  }

  function isMine({ kind, from }: InboxItem): boolean {
    return kind === 'private' && from?.id === owner;
  }

  /** Items that wait for their first listener are not received yet: neither a receipt nor the storage counts them. */
  function settle(): void {
    const position = order.position();
    if (position && owner !== undefined) storedPosition.save({ userId: owner, ...position });
    onReceived(order.top());
  }

  return {
    get unread() {
      return unread.count();
    },
    get more() {
      return more;
    },
    withPosition(auth) {
      const inbox = order.position();
      const ours = auth.userId === undefined ? auth.token !== undefined : auth.userId === owner;
      resumes = ours && owner !== undefined && inbox !== undefined;
      return resumes && inbox ? { ...auth, inbox } : auth;
    },
    identify(userId) {
      if (userId === owner) return true;
      const isComplete = !resumes;
      owner = userId;
      order = createInboxOrder();
      unread = createUnreadItems();
      more = false;
      resumes = false;
      doubtful = [];
      lastEmitted = undefined;
      lastDelivered = undefined;
      return isComplete;
    },
    show(page) {
      more = page.more;
      unread.place(page.unread);
      unread.read(page.read);
      const isUnread = new Set<unknown>(page.unread);
      const fresh = order.admit(page);
      deliver(fresh.map((item) => ({ item, origin: { source: 'login', unread: isUnread.has(item) } })));
    },
    offer(live) {
      if (!order.offer(live)) return;
      const { item, persisted } = live;
      deliver([{ item, origin: { source: 'live', unread: persisted && !isMine(item) } }]);
    },
    delivered(item) {
      lastDelivered = item;
      if (item === lastEmitted) settle();
    },
    settled(id) {
      if (id !== undefined) order.own(id);
      const waiting = doubtful.filter(({ item }) => item.id !== id);
      doubtful = [];
      if (waiting.length > 0) deliver(waiting);
    },
    markersMoved({ readSeq }) {
      unread.readUpTo(readSeq);
    },
    listed({ items, readSeq }) {
      unread.place(items);
      unread.readUpTo(readSeq);
    },
    end() {
      ended = true;
    },
  };
}

function parsePosition(value: unknown): StoredPosition | undefined {
  const { userId, epoch, seq } = (value ?? {}) as Partial<StoredPosition>;
  // The server refuses a connection that says anything else.
  const valid =
    typeof userId === 'string' &&
    typeof epoch === 'string' &&
    epoch.length > 0 &&
    epoch.length <= MAX_EPOCH_CHARS &&
    Number.isSafeInteger(seq) &&
    Number(seq) >= 0;
  return valid ? { userId, epoch, seq: Number(seq) } : undefined;
}
