import type { InboxItem, SendAck } from '../../client/index.ts';
import type { User } from '../../protocol/people.ts';
import type { Problem } from '../language/problems.ts';

/** An item with what this page knows of it. */
export type InboxEntry = InboxItem & { readonly unread: boolean };

/** A private message of this page that is not stored yet. */
export interface PrivateDraft {
  readonly clientMsgId: string;
  readonly to: string;
  readonly text: string;
  /** ms since 1970 by this device's clock. */
  readonly at: number;
  readonly problem?: Problem;
}

export interface InboxState {
  /** By time, oldest first. */
  readonly entries: readonly InboxEntry[];
  readonly drafts: readonly PrivateDraft[];
  /** The server has older items; absent until a page was read. */
  readonly more: boolean;
}

export const EMPTY_INBOX: InboxState = { entries: [], drafts: [], more: true };

export type InboxEvent =
  | { readonly type: 'item'; readonly item: InboxItem; readonly unread: boolean }
  /** `more` is absent for the newest page, which says nothing of older items. */
  | {
      readonly type: 'page';
      readonly items: readonly InboxItem[];
      readonly readSeq: number;
      readonly more?: boolean;
    }
  | { readonly type: 'sending'; readonly draft: PrivateDraft }
  | { readonly type: 'stored'; readonly draft: PrivateDraft; readonly ack: SendAck; readonly me: User }
  | { readonly type: 'failed'; readonly clientMsgId: string; readonly problem: Problem }
  | { readonly type: 'discarded'; readonly clientMsgId: string }
  | { readonly type: 'read'; readonly ids: ReadonlySet<string> };

/** More than this would be slow to draw; older ones can be loaded again. */
const MAX_ENTRIES = 1_000;

export function reduceInbox(state: InboxState, event: InboxEvent): InboxState {
  switch (event.type) {
    case 'item':
      return withEntries(state, [{ ...event.item, unread: event.unread }]);
    case 'page': {
      const entries = event.items.map((item) => ({ ...item, unread: (item.seq ?? 0) > event.readSeq }));
      return { ...withEntries(numbered(state, event.items), entries), more: event.more ?? state.more };
    }
    case 'sending':
      return { ...state, drafts: [...without(state.drafts, event.draft.clientMsgId), event.draft] };
    case 'stored': {
      const { draft, ack, me } = event;
      const data = { to: draft.to, text: draft.text };
      const entry: InboxEntry = { id: ack.id, at: ack.at, kind: 'private', from: me, data, unread: false };
      return withEntries({ ...state, drafts: without(state.drafts, draft.clientMsgId) }, [entry]);
    }
    case 'failed':
      return {
        ...state,
        drafts: state.drafts.map((draft) =>
          draft.clientMsgId === event.clientMsgId ? { ...draft, problem: event.problem } : draft,
        ),
      };
    case 'discarded':
      return { ...state, drafts: without(state.drafts, event.clientMsgId) };
    case 'read':
      return {
        ...state,
        entries: state.entries.map((entry) =>
          entry.unread && event.ids.has(entry.id) ? { ...entry, unread: false } : entry,
        ),
      };
  }
}

function without(drafts: readonly PrivateDraft[], clientMsgId: string): readonly PrivateDraft[] {
  return drafts.filter((draft) => draft.clientMsgId !== clientMsgId);
}

/** A live announcement has no number yet; a page has it. */
function numbered(state: InboxState, items: readonly InboxItem[]): InboxState {
  const seqs = new Map(items.map(({ id, seq }) => [id, seq]));
  const entries = state.entries.map((entry) =>
    entry.seq === undefined && seqs.has(entry.id) ? { ...entry, seq: seqs.get(entry.id) } : entry,
  );
  return { ...state, entries };
}

function withEntries(state: InboxState, added: readonly InboxEntry[]): InboxState {
  const known = new Set(state.entries.map(({ id }) => id));
  const fresh = added.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return state;
  const entries = [...state.entries, ...fresh].sort((one, other) => one.at - other.at);
  return { ...state, entries: entries.slice(-MAX_ENTRIES) };
}

/** One person's private messages with this reader. */
export interface Thread {
  readonly user: User;
  readonly messages: readonly InboxEntry[];
  readonly drafts: readonly PrivateDraft[];
  readonly unread: number;
}

/** The threads, the newest first. `nameOf` knows people who have not written yet. */
export function threadsOf(
  { entries, drafts }: InboxState,
  ownId: string | undefined,
  userOf: (userId: string) => User | undefined,
): readonly Thread[] {
  const threads = new Map<
    string,
    { user?: User; messages: InboxEntry[]; drafts: PrivateDraft[]; at: number }
  >();
  function threadOf(userId: string, at: number) {
    const thread = threads.get(userId) ?? { messages: [], drafts: [], at };
    threads.set(userId, thread);
    thread.at = Math.max(thread.at, at);
    return thread;
  }
  for (const entry of entries) {
    const partner = partnerOf(entry, ownId);
    if (partner === undefined) continue;
    const thread = threadOf(partner, entry.at);
    thread.messages.push(entry);
    if (entry.from?.id === partner) thread.user = entry.from;
  }
  for (const draft of drafts) threadOf(draft.to, draft.at).drafts.push(draft);
  return [...threads]
    .sort(([, one], [, other]) => other.at - one.at)
    .map(([id, { user, messages, drafts }]) => ({
      user: userOf(id) ?? user ?? { id, name: id },
      messages,
      drafts,
      unread: messages.filter(({ unread }) => unread).length,
    }));
}

/** The other person of a private message. */
export function partnerOf(entry: InboxItem, ownId: string | undefined): string | undefined {
  if (entry.kind !== 'private' || !entry.from) return undefined;
  return entry.from.id === ownId ? entry.data.to : entry.from.id;
}

/** The seq up to which everything is read; undefined: nothing that the server counts is. */
export function readUpTo(entries: readonly InboxEntry[]): number | undefined {
  const numbered = entries.filter(({ seq }) => seq !== undefined);
  const unread = numbered.filter(({ unread }) => unread).map(({ seq = 0 }) => seq);
  const firstUnread = Math.min(...unread);
  const read = numbered.map(({ seq = 0 }) => seq).filter((seq) => seq < firstUnread);
  return read.length > 0 ? Math.max(...read) : undefined;
}
