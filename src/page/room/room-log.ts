import type { Draft as UnsentMessage } from '../../client/index.ts';
import type { Person } from '../../protocol/people.ts';
import type {
  ChatMessage,
  Joined,
  MessagePage,
  PresenceMessage,
  RoomEntry,
  SayAck,
} from '../../protocol/rooms.ts';
import type { ChatState } from './chat-state.ts';
import { draftKey, withoutDraft } from './drafts.ts';
import {
  keysOf,
  lastGap,
  MAX_ENTRIES,
  MAX_ENTRIES_WHILE_READING,
  type NoticeEntry,
  newest,
  newestSaid,
  oldestSaid,
  place,
  putBefore,
  saidEntry,
  type Timeline,
  TRIMMED_AT_ONCE,
  withChange,
  withoutText,
} from './timeline.ts';

/* Applies entries of the room's log to the list. The SDK delivers each once and in order; only an ack may overtake them. */

/** The messages of a join follow one by one. After a join that resumed nothing they are the whole list. */
export function withJoin(state: ChatState, { users, recovered, messages, more, can }: Joined): ChatState {
  const next: ChatState = { ...state, connection: { phase: 'joined' }, users, can };
  if (recovered !== undefined) return next;
  const empty = emptyFrom(next, messages, more);
  return { ...empty, ownReactions: new Map(), seen: state.attended ? undefined : empty.history };
}

/** Puts the newest page, read after a gap, between the rows before the gap and those since. */
export function withLatest(state: ChatState, page: MessagePage): ChatState {
  const gap = lastGap(state.timeline);
  const since = gap < 0 ? [] : state.timeline.slice(gap + 1);
  const later = since.filter(
    (entry) =>
      entry.kind === 'notice' || (entry.message.epoch === page.epoch && entry.message.seq > page.top),
  );
  const above = { more: state.more, readFrom: state.readFrom };
  if (gap >= 0) return withGapFilled({ ...state, above, earlier: 'idle' }, gap, page, later);
  const { messages, more } = page;
  return messages.reduce(withEntry, emptyFrom(state, messages, more));
}

/** Puts a page below the rows that were read before the gap. The notice stays where entries are missing. */
function withGapFilled(state: ChatState, gap: number, page: MessagePage, below: Timeline): ChatState {
  const [old, notice] = [state.timeline.slice(0, gap), state.timeline.slice(gap, gap + 1)];
  const known = keysOf(old);
  const isKnown = (entry: RoomEntry) => entry.event === 'broadcast_say' && known.has(saidEntry(entry).key);
  const overlap = page.messages.findLastIndex(isKnown);
  const read = page.messages.filter((entry, index) => index > overlap || isKnown(entry));
  const { timeline, drafts } = read.reduce(withEntry, { ...state, timeline: old });
  const rows = timeline.slice(old.length);
  const shown = keysOf(rows);
  const later = below.filter((entry) => entry.kind === 'notice' || !shown.has(saidEntry(entry.message).key));
  const between = isNext(newestSaid(old), page.messages, overlap) ? [] : notice;
  const next = {
    ...state,
    drafts,
    timeline: [...timeline.slice(0, old.length), ...between, ...rows, ...later],
  };
  if (overlap >= 0 || between.length === 0) return { ...next, ...state.above, above: undefined };
  const above = page.more ? state.above : undefined;
  return { ...next, more: page.more, readFrom: page.messages[0]?.seq ?? state.readFrom, above };
}

/** True: nothing is missing between the newest row and the page. */
function isNext(newest: ChatMessage | undefined, page: readonly RoomEntry[], overlap: number): boolean {
  const same = page[overlap];
  const first = page[0];
  if (!newest || !first) return false;
  if (same) return same.epoch === newest.epoch && same.seq === newest.seq;
  return first.epoch === newest.epoch && first.seq === newest.seq + 1;
}

function emptyFrom(state: ChatState, messages: readonly RoomEntry[], more: boolean): ChatState {
  const readFrom = messages[0]?.seq;
  const newest = messages.findLast((entry) => entry.event === 'broadcast_say');
  const history = newest && saidEntry(newest).key;
  return { ...state, timeline: [], more, readFrom, above: undefined, history, earlier: 'idle' };
}

function withEntry(state: ChatState, entry: RoomEntry): ChatState {
  if (entry.event === 'deleted') return { ...state, timeline: withoutText(state.timeline, entry.ref) };
  if (entry.event === 'broadcast_say') return withMessage(state, entry);
  return { ...state, timeline: withChange(state.timeline, entry) };
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
  const timeline = place(state.timeline, entry);
  // A reply counts at the message that it answers.
  return { ...state, timeline: withChange(timeline, message), drafts };
}

/** Shows an own message whose ack arrived, perhaps before earlier messages of others. */
export function withOwnMessage(
  state: ChatState,
  said: SayAck,
  { clientMsgId, text, replyTo, mentions }: UnsentMessage,
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
  const message: ChatMessage = {
    event: 'broadcast_say',
    roomid,
    epoch,
    seq,
    id,
    at,
    clientMsgId,
    ...(replyTo !== undefined && { replyTo }),
    ...(mentions && { mentions }),
    data,
  };
  return { ...state, timeline: withChange(place(timeline, saidEntry(message, key)), message) };
}

export function withPresence(state: ChatState, { event, data }: PresenceMessage): ChatState {
  const came = event === 'join';
  const own = data.userId === state.me?.id;
  const users = state.users === undefined || own ? state.users : Math.max(1, state.users + (came ? 1 : -1));
  return trimmed(withNotice({ ...state, users }, came ? 'join' : 'quit', data));
}

/** Some messages are lost. Of two gaps only the newer one can be filled, so the rows above the older one go. */
export function withGap(state: ChatState): ChatState {
  if (!state.above) return withNotice(state, 'missing');
  const timeline = state.timeline.slice(lastGap(state.timeline) + 1);
  return withNotice({ ...state, timeline, above: undefined }, 'missing');
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
  const gap = lastGap(state.timeline);
  if (state.above && gap >= 0) {
    return withGapFilled({ ...state, earlier: 'idle' }, gap, page, state.timeline.slice(gap + 1));
  }
  const timeline = putBefore(state.timeline, page.messages);
  const readFrom = page.messages[0]?.seq ?? before;
  return { ...state, timeline, readFrom, more: page.more, earlier: 'idle' };
}

export function trimmed(state: ChatState): ChatState {
  const most = state.following ? MAX_ENTRIES : MAX_ENTRIES_WHILE_READING;
  // Many at once: to drop one with each message would draw the whole list with each.
  const timeline =
    state.timeline.length > most ? newest(state.timeline, most - TRIMMED_AT_ONCE) : state.timeline;
  if (timeline === state.timeline) return state;
  const oldest = { more: true, readFrom: oldestSaid(timeline)?.seq ?? state.readFrom };
  if (state.above && lastGap(timeline) >= 0) return { ...state, timeline, above: oldest };
  return { ...state, timeline, ...oldest, above: undefined };
}
