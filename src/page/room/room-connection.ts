import type { ChatClient, PersistentRoom } from '../../client/index.ts';
import { BYE } from '../../protocol/codes.ts';
import type { MessagePage } from '../../protocol/rooms.ts';
import type { FieldText } from '../composer/field-text.ts';
import type { ComposerTarget } from '../composer/target.ts';
import type { ConnectionEnd, Problem } from '../language/problems.ts';
import { refusalOf } from '../language/refusals.ts';
import type { Store } from '../ui/store.ts';
import type { ChatEvent } from './chat-reducer.ts';
import type { ChatState } from './chat-state.ts';
import { createMessageRequests } from './message-requests.ts';
import type { RoomActions } from './room-actions.ts';
import { MAX_ENTRIES_WHILE_READING } from './timeline.ts';

export interface RoomConnectionDeps {
  readonly chat: Pick<ChatClient, 'on' | 'user'>;
  readonly room: PersistentRoom;
  readonly store: Store<ChatState, ChatEvent>;
  readonly field: FieldText;
  /** The wall clock, which may be set while the page is open. */
  readonly now: () => number;
}

const PAGE_SIZE = 50;
/** The pages on the way to a message far back. */
const LONG_PAGE_SIZE = 200;

const BYES: Readonly<Record<number, ConnectionEnd>> = {
  [BYE.moved]: 'moved',
  [BYE.slow]: 'slow',
  [BYE.expired]: 'expired',
  [BYE.disconnected]: 'disconnected',
  [BYE.overLimit]: 'over_limit',
};

/** Turns the events of the SDK about one room into events of its store. */
export function connectRoom({ chat, room, store, field, now }: RoomConnectionDeps): RoomActions {
  const { dispatch } = store;
  /** The reason for which the server ends this connection, until it has. */
  let bye: Problem | undefined;
  /** Ends the updates of the member list, which cost requests while somebody listens. */
  let endMembers: (() => void) | undefined;

  function lose(reason: Problem, backInMs: number | undefined): void {
    // After a stop only the reader comes back, even if the connection is lost meanwhile.
    const { phase } = store.get().connection;
    if (phase === 'stopped' || phase === 'outside') return;
    const backAt = backInMs === undefined ? undefined : now() + backInMs;
    dispatch({ type: 'connection', connection: { phase: 'lost', reason, backAt } });
  }

  function readHistory(before?: number, limit = PAGE_SIZE): Promise<MessagePage | undefined> {
    return room.history({ before, limit }).catch(() => undefined);
  }

  async function loadLatest(): Promise<void> {
    const page = await readHistory();
    if (page) dispatch({ type: 'latest', page });
  }

  /** True: it read a page. */
  async function loadEarlier(limit = PAGE_SIZE): Promise<boolean> {
    const { readFrom: before, connection, earlier } = store.get();
    if (before === undefined || connection.phase !== 'joined' || earlier === 'loading') return false;
    dispatch({ type: 'earlierAsked' });
    const page = await readHistory(before, limit);
    dispatch(page ? { type: 'earlier', before, page } : { type: 'earlierFailed' });
    return page !== undefined;
  }

  async function loadBackTo(seq: number): Promise<void> {
    // A list that is cut to its newest entries meanwhile would be read again and again.
    dispatch({ type: 'following', following: false });
    let read = true;
    while (read) {
      const { more, readFrom = 0, timeline } = store.get();
      if (!more || readFrom <= seq || timeline.length >= MAX_ENTRIES_WHILE_READING) return;
      read = await loadEarlier(LONG_PAGE_SIZE);
    }
  }

  function target(next: ComposerTarget | undefined): void {
    field.saveTarget(next);
    dispatch({ type: 'target', target: next });
  }

  function showFieldTarget(): void {
    if (field.target?.seq !== store.get().target?.seq) dispatch({ type: 'target', target: field.target });
  }

  chat.on('bye', ({ code, reason }) => {
    bye = { code: BYES[code] ?? 'lost', message: reason };
  });
  chat.on('state', ({ state, reason = '', retryInMs, askedByServer, error }) => {
    if (state === 'online' || state === 'connecting') return;
    const ended = bye ?? (error ? refusalOf(error, now()) : { code: 'lost' as const, message: reason });
    bye = undefined;
    if (state === 'offline') lose(ended, askedByServer && retryInMs);
    else dispatch({ type: 'connection', connection: { phase: 'stopped', reason: ended } });
  });
  chat.on('hello', (hello) => dispatch({ type: 'hello', hello }));
  room.on('joined', (joined) => {
    const readUpTo = chat.user && room.reads.get(chat.user.id);
    dispatch({ type: 'joined', joined, ...(readUpTo !== undefined && { readUpTo }) });
    // The numbers of another epoch are those of other messages.
    const { target: before } = field;
    if (!before || before.epoch === joined.epoch) return;
    target(undefined);
    if (before.kind === 'edit' && before.typed) field.add(before.typed);
  });
  room.on('rights', (can) => dispatch({ type: 'rights', can }));
  room.on('refused', (error, retryInMs) => {
    const reason = refusalOf(error, now());
    if (retryInMs !== undefined) lose(reason, retryInMs);
    else dispatch({ type: 'connection', connection: { phase: 'outside', reason } });
  });
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
  field.listen(showFieldTarget);
  showFieldTarget();

  return {
    field,
    members: room.members,
    typing: room.typing,
    ...createMessageRequests({ room, store, problemOf: (error) => refusalOf(error, now()) }),
    target,
    following: (following) => dispatch({ type: 'following', following }),
    attended(attended) {
      dispatch({ type: 'attended', attended });
      endMembers?.();
      endMembers = attended
        ? room.members(({ list }) => list && dispatch({ type: 'members', list }))
        : undefined;
    },
    say(text, options) {
      // The draft shows the failure.
      room.say(text, options).catch(() => undefined);
    },
    takeBack(clientMsgId) {
      const draft = room.unsent.find((unsent) => unsent.clientMsgId === clientMsgId);
      if (!draft?.problem) return;
      room.discard(clientMsgId);
      field.add(draft.text);
    },
    retry: (clientMsgId) => void room.retry(clientMsgId).catch(() => undefined),
    discard: room.discard,
    loadEarlier: () => void loadEarlier(),
    loadBackTo: (seq) => void loadBackTo(seq),
  };
}
