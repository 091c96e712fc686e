import type { Draft as UnsentMessage } from '../client/index.ts';
import type { Person } from '../protocol/people.ts';
import type {
  ChatMessage,
  Joined,
  MessagePage,
  PresenceMessage,
  RoomEntry,
  SayAck,
} from '../protocol/rooms.ts';
import type { ChatState } from './chat-state.ts';
import { draftKey, withoutDraft } from './drafts.ts';
import {
  MAX_ENTRIES,
  MAX_ENTRIES_WHILE_READING,
  type NoticeEntry,
  newest,
  oldestSaid,
  place,
  putBefore,
  saidEntry,
  withoutText,
} from './timeline.ts';

/* Applies entries of the room's log to the list. The SDK delivers each once and in order; only an ack may overtake them. */

/** The messages of a join follow one by one. After a join that resumed nothing they are the whole list. */
export function withJoin(state: ChatState, { users, recovered, messages, more }: Joined): ChatState {
  const next: ChatState = { ...state, connection: { phase: 'joined' }, users };
  return recovered === undefined ? emptyFrom(next, messages, more) : next;
}

/** Shows the page that was read after a gap, then the notice of the gap and everything since. */
export function withLatest(state: ChatState, { epoch, top, more, messages }: MessagePage): ChatState {
  const gap = state.timeline.findLastIndex((entry) => entry.kind === 'notice' && entry.notice === 'missing');
  const since = gap < 0 ? [] : state.timeline.slice(gap);
  const later = since.filter(
    (entry) => entry.kind === 'notice' || (entry.message.epoch === epoch && entry.message.seq > top),
  );
  const shown = messages.reduce(withEntry, emptyFrom(state, messages, more));
  return { ...shown, timeline: [...shown.timeline, ...later] };
}

function emptyFrom(state: ChatState, messages: readonly RoomEntry[], more: boolean): ChatState {
  return { ...state, timeline: [], more, readFrom: messages[0]?.seq, earlier: 'idle' };
}

function withEntry(state: ChatState, entry: RoomEntry): ChatState {
  if (entry.event === 'deleted') return { ...state, timeline: withoutText(state.timeline, entry.ref) };
  return withMessage(state, entry);
}

/** Shows a message; the echo of an own draft takes its place. */
export function withMessage(state: ChatState, message: ChatMessage): ChatState {
  const { clientMsgId } = message;
  const own =
    clientMsgId !== undefined &&
    message.data.userId === state.me?.id &&
    state.drafts.some((draft) => draft.clientMsgId === clientMsgId);
  const entry = saidEntry(message, own ? draftKey(clientMsgId) : undefined);
  const drafts = own ? withoutDraft(state.drafts, clientMsgId) : state.drafts;
  return { ...state, timeline: place(state.timeline, entry), drafts };
}

/** Shows an own message whose ack arrived, perhaps before earlier messages of others. */
export function withOwnMessage(
  state: ChatState,
  said: SayAck,
  { clientMsgId, text }: UnsentMessage,
): ChatState {
  const { me, timeline } = state;
  const { roomid, epoch, seq, id, at, dup } = said;
  const key = draftKey(clientMsgId);
  // The echo came first.
  if (timeline.some((entry) => entry.key === key)) return state;
  const oldest = oldestSaid(timeline);
  // A repeated ack may belong to a message older than the list: at the top it would hide the hole below it.
  if (!me || (dup && oldest && (oldest.epoch !== epoch || oldest.seq > seq))) return state;
  const data = { username: me.name, userId: me.id, avatar: me.avatar, text, type: 0 };
  const message: ChatMessage = { event: 'broadcast_say', roomid, epoch, seq, id, at, clientMsgId, data };
  return { ...state, timeline: place(timeline, saidEntry(message, key)) };
}

export function withPresence(state: ChatState, { event, data }: PresenceMessage): ChatState {
  const came = event === 'join';
  const own = data.userId === state.me?.id;
  const users = state.users === undefined || own ? state.users : Math.max(1, state.users + (came ? 1 : -1));
  return trimmed(withNotice({ ...state, users }, came ? 'join' : 'quit', data));
}

/** Some messages are lost. */
export function withGap(state: ChatState): ChatState {
  return withNotice(state, 'missing');
}

function withNotice(state: ChatState, notice: NoticeEntry['notice'], person?: Person): ChatState {
  const entry: NoticeEntry = {
    kind: 'notice',
    key: `notice:${state.noticesMade}`,
    notice,
    username: person?.username,
    userId: person?.userId,
  };
  return { ...state, timeline: [...state.timeline, entry], noticesMade: state.noticesMade + 1 };
}

export function withEarlier(state: ChatState, before: number, page: MessagePage): ChatState {
  // The list was replaced meanwhile.
  if (state.readFrom !== before) return { ...state, earlier: 'idle' };
  const timeline = putBefore(state.timeline, page.messages);
  const readFrom = page.messages[0]?.seq ?? before;
  return { ...state, timeline, readFrom, more: page.more, earlier: 'idle' };
}

export function trimmed(state: ChatState): ChatState {
  const timeline = newest(state.timeline, state.following ? MAX_ENTRIES : MAX_ENTRIES_WHILE_READING);
  if (timeline === state.timeline) return state;
  return { ...state, timeline, more: true, readFrom: oldestSaid(timeline)?.seq ?? state.readFrom };
}
