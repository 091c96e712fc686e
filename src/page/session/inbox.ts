import { type ChatClient, ClientError, type InboxItem, type ItemOrigin } from '../../client/index.ts';
import { createStore, type Store, type StoreDeps } from '../ui/store.ts';
import {
  EMPTY_INBOX,
  type InboxEntry,
  type InboxEvent,
  type InboxState,
  partnerOf,
  readUpTo,
  reduceInbox,
} from './inbox-state.ts';

export interface InboxDeps {
  readonly chat: ChatClient;
  /** The wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly nextFrame: StoreDeps<InboxState, InboxEvent>['nextFrame'];
  /** An unread item came while the page was open. */
  readonly onNews: (item: InboxItem) => void;
}

/** The items and private messages of this person. */
export interface PersonalInbox {
  readonly store: Store<InboxState, InboxEvent>;
  send(to: string, text: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  /** The reader has seen these entries, on all devices. */
  markRead(isRead: (entry: InboxEntry) => boolean): void;
  loadEarlier(): Promise<void>;
}

const PAGE_SIZE = 50;

export function createPersonalInbox(deps: InboxDeps): PersonalInbox {
  const { chat, now } = deps;
  const store = createStore({ initial: EMPTY_INBOX, reduce: reduceInbox, nextFrame: deps.nextFrame });
  let readSeq = 0;

  async function read(before?: number): Promise<void> {
    const page = await chat.inbox.list({ before, limit: PAGE_SIZE }).catch(() => undefined);
    if (!page) return;
    const { items, more } = page;
    const told = before === undefined ? {} : { more };
    store.dispatch({
      type: 'page',
      items: items as readonly InboxItem[],
      readSeq: Math.max(readSeq, page.readSeq),
      ...told,
    });
  }

  /** Without an answer the items are unread again after the next login. */
  function acknowledge(): void {
    const seq = readUpTo(store.get().entries);
    if (seq === undefined || seq <= readSeq) return;
    readSeq = seq;
    chat.inbox.ack({ read: seq }).catch(() => undefined);
  }

  function heard(item: InboxItem, { source, unread }: ItemOrigin): void {
    store.dispatch({ type: 'item', item, unread });
    if (unread && source === 'live') deps.onNews(item);
  }

  function send(clientMsgId: string, to: string, text: string): void {
    const draft = { clientMsgId, to, text, at: now() };
    store.dispatch({ type: 'sending', draft });
    chat.private(to, text, { clientMsgId }).then(
      (ack) => {
        const me = chat.user;
        if (me) store.dispatch({ type: 'stored', draft, ack, me });
      },
      (error: unknown) => {
        const { code, message } =
          error instanceof ClientError ? error : { code: 'internal' as const, message: 'not sent' };
        store.dispatch({ type: 'failed', clientMsgId, problem: { code, message } });
      },
    );
  }

  chat.on('item', heard);

  return {
    store,
    send: (to, text) => send(deps.newId(), to, text),
    retry(clientMsgId) {
      const draft = store.get().drafts.find((other) => other.clientMsgId === clientMsgId);
      if (draft) send(clientMsgId, draft.to, draft.text);
    },
    discard: (clientMsgId) => store.dispatch({ type: 'discarded', clientMsgId }),
    markRead(isRead) {
      const seen = store.get().entries.filter((entry) => entry.unread && isRead(entry));
      if (seen.length === 0) return;
      store.dispatch({ type: 'read', ids: new Set(seen.map(({ id }) => id)) });
      if (seen.every(({ seq }) => seq !== undefined)) acknowledge();
      // The server numbers a live announcement when somebody asks for it.
      else void read().then(acknowledge);
    },
    async loadEarlier() {
      const seqs = store.get().entries.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
      const before = seqs.length > 0 ? Math.min(...seqs) : undefined;
      await read(before);
    },
  };
}

/** The number of unread items outside of private threads. */
export function unreadNotices(entries: readonly InboxEntry[], ownId: string | undefined): number {
  return entries.filter((entry) => entry.unread && partnerOf(entry, ownId) === undefined).length;
}
