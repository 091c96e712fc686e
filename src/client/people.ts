import type { Hello } from '../protocol/events.ts';
import { parseId } from '../protocol/names.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import type { InboxPage, PushMessage, Receipt, SendAck, User } from '../protocol/people.ts';
import { type CallOptions, withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import {
  createDirectMessages,
  type DirectMessage,
  type DirectMessages,
  type DirectMessagesDeps,
} from './direct-messages.ts';
import type { Auth, Identity } from './identity.ts';
import { createInboxFeed, type InboxFeedDeps } from './inbox-feed.ts';
import { type InboxItem, liveItem } from './inbox-item.ts';
import { createMissedReceipts, type MissedReceiptsDeps } from './missed-receipts.ts';
import { createReceipts } from './receipts.ts';
import { createRequests, type Requests } from './requests.ts';

export type InboxQuery = Pick<PayloadInput<'inbox:list'>, 'before' | 'limit'>;
export type InboxMarkers = Pick<PayloadInput<'inbox:ack'>, 'recv' | 'read'>;

/** The items that the server stores for this person. */
export interface Inbox {
  /**
   * The number of items that came as unread and are not known to be read. Items read on another device count until the
   * server says so, at the latest with the next receipt.
   */
  readonly unread: number;
  /** The last login brought the newest unread items only: `list` has the others. */
  readonly more: boolean;
  /** A page, oldest first; without `before` the newest. Waits for a connection. */
  list(query?: InboxQuery, options?: CallOptions): Promise<InboxPage>;
  /** The person has read (`read`), or this device has received (`recv`), everything up to that seq. Waits for a connection. */
  ack(
    markers: InboxMarkers,
    options?: CallOptions,
  ): Promise<{ readonly recvSeq: number; readonly readSeq: number }>;
}

/** The users whom this user has blocked, the same on all devices. Each method waits for a connection. */
export interface Blocks {
  /** Resolves once the server refuses what that user sends to this one. Rejects with `limit` beyond 1,000 users. */
  add(userId: string, options?: CallOptions): Promise<void>;
  remove(userId: string, options?: CallOptions): Promise<void>;
  /** The user ids in order. */
  list(options?: CallOptions): Promise<readonly string[]>;
}

export interface PeopleDeps
  extends Pick<InboxFeedDeps, 'storage' | 'emit'>,
    Omit<MissedReceiptsDeps, 'requests'>,
    Omit<DirectMessagesDeps, 'userId' | 'maxTextBytes' | 'onStored' | 'onFailed'> {
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  readonly identity: Pick<Identity, 'become' | 'expectedUserId'>;
  readonly hello: () => Hello | undefined;
  readonly autoReceipt: boolean;
  /** Dates items that carry no time. */
  readonly wallMs: () => number;
  /** The user is known, or is another one than before. */
  readonly onUser: () => void;
  readonly onSent: (posted: SendAck, message: DirectMessage) => void;
  readonly onFailed: (error: ClientError, message: DirectMessage) => void;
}

/** Everything between people, as the client drives it. */
export interface People extends Pick<DirectMessages, 'private' | 'todo' | 'unsent' | 'restore'> {
  readonly inbox: Inbox;
  receipts(options?: CallOptions): Promise<readonly Receipt[]>;
  /** Asks when online, and again after a lost connection. */
  readonly ask: Requests['ask'];
  readonly blocks: Blocks;
  readonly user: User | undefined;
  /** The current user's id, before the first connection the expected one; undefined: nobody is known yet. */
  userId(): string | undefined;
  login(userId: string, options?: CallOptions): Promise<User>;
  /** The expected user may be known now: messages without an author become this user's. */
  assignAuthor(): void;
  /** Adds the inbox position to resume from. */
  withInboxPosition(auth: Auth): Auth;
  /** False: the client must give this connection up, since its inbox would begin in the middle. */
  identify(hello: Hello): boolean;
  up(): void;
  down(): void;
  /** False: this event is not about people. */
  handle(name: string, args: readonly unknown[]): boolean;
  /** The application received the item. */
  delivered(item: InboxItem): void;
  stop(error: ClientError): void;
  end(error: ClientError): void;
}

export function createPeople(deps: PeopleDeps): People {
  const { connection, hello } = deps;
  let user: User | undefined;
  /** The newest user id that was known. */
  let author: string | undefined;
  /** Pending logins: meanwhile it is unknown whose inbox a receipt would be for. */
  let logins = 0;

  const requests = createRequests(connection);
  const missed = createMissedReceipts({ ...deps, requests });
  const receipts = createReceipts({ connection, onMarkers: (markers) => feed.markersMoved(markers) });
  const feed = createInboxFeed({
    storage: deps.storage,
    emit: deps.emit,
    mayBeOwn: (item) => directMessages.mayHaveSent(item),
    onReceived(seq) {
      if (deps.autoReceipt) receipts.received(seq);
    },
  });
  const userId = () => user?.id ?? deps.identity.expectedUserId();
  const directMessages = createDirectMessages({
    ...deps,
    userId,
    maxTextBytes: () => hello()?.limits.maxTextBytes,
    onStored(posted, message) {
      if (message.kind === 'private') missed.written();
      deps.onSent(posted, message);
      feed.settled(message.kind === 'private' ? posted.id : undefined);
    },
    onFailed(error, message) {
      deps.onFailed(error, message);
      feed.settled(undefined);
    },
  });

  function assignAuthor(): void {
    const id = userId();
    if (id === undefined || id === author) return;
    author = id;
    directMessages.assignAuthor(id);
    deps.onUser();
  }

  /** Returns what `identify` does. */
  function become(now: User): boolean {
    const isOther = user?.id !== now.id;
    user = now;
    if (isOther) {
      receipts.reset();
      missed.reset();
    }
    assignAuthor();
    return feed.identify(now.id);
  }

  function openReceipts(): void {
    if (logins === 0 && connection.state() === 'online') receipts.open();
  }

  async function login(given: string): Promise<User> {
    const id = parseId(given);
    if (id === undefined) throw new ClientError('bad_request', 'userId: not a user id');
    logins += 1;
    receipts.shut();
    try {
      const answer = await requests.ask('user_login', { userId: id }, ({ user: now }) => {
        // The same id again: a guest must go on proving it, and a token proves it by itself.
        if (now.id === user?.id) return;
        deps.identity.become(now.id);
        become(now);
      });
      return answer.user;
    } finally {
      logins -= 1;
      openReceipts();
    }
  }

  return {
    inbox: {
      get unread() {
        return feed.unread;
      },
      get more() {
        return feed.more;
      },
      list: (query = {}, options) => requests.ask('inbox:list', query, (page) => feed.listed(page), options),
      ack: (markers, options) => requests.ask('inbox:ack', markers, (now) => feed.markersMoved(now), options),
    },
    receipts: async (options) => (await requests.ask('receipts:list', {}, undefined, options)).receipts,
    ask: requests.ask,
    blocks: {
      add: async (id, options) => void (await requests.ask('block', { userId: id }, undefined, options)),
      remove: async (id, options) =>
        void (await requests.ask('block', { userId: id, on: false }, undefined, options)),
      list: async (options) => (await requests.ask('blocks:list', {}, undefined, options)).users,
    },
    get user() {
      return user;
    },
    userId,
    assignAuthor,
    login: (id, options = {}) => withinLimits(options, () => login(id)),
    private: directMessages.private,
    todo: directMessages.todo,
    unsent: directMessages.unsent,
    restore: directMessages.restore,
    withInboxPosition: feed.withPosition,
    identify: (said) => become(said.user),
    up() {
      requests.up();
      directMessages.up();
      openReceipts();
      missed.up();
    },
    down() {
      missed.down();
      directMessages.down();
      receipts.shut();
    },
    handle(name, args) {
      if (name === 'push_message') {
        feed.show(args[0] as PushMessage);
        return true;
      }
      const live = liveItem(name, args, deps.wallMs);
      if (live) feed.offer(live);
      return live !== undefined;
    },
    delivered: feed.delivered,
    stop(error) {
      requests.stop(error);
      directMessages.stop(error);
    },
    end(error) {
      feed.end();
      receipts.shut();
      requests.stop(error);
      directMessages.end(error);
    },
  };
}
