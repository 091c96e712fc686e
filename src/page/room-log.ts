import type { Person } from '../protocol/people.ts';
import type {
  Joined,
  MessagePage,
  PresenceMessage,
  RoomEntry,
  RoomGap,
  RoomMessage,
  Said,
  SaidMessage,
} from '../protocol/rooms.ts';
import type { ChatState } from './chat-state.ts';
import { draftKey, withoutDraft } from './drafts.ts';
import {
  KEPT_ENTRIES,
  KEPT_WHILE_READING,
  type NoticeEntry,
  newest,
  oldestSaid,
  place,
  putBefore,
  saidEntry,
  withoutText,
} from './timeline.ts';

/*
 * What the server says about the room, applied to what the page knows of it. `position` moves only with what
 * came in order (`joined`, live messages), never with an ack, which may overtake messages before its own.
 */

export function joined(state: ChatState, joined: Joined): ChatState {
  const { epoch, seq, messages } = joined;
  const next: ChatState = { ...state, link: { phase: 'joined' }, users: joined.users };
  if (joined.recovered !== true) {
    const fresh = at(shownFrom(next, messages, joined.more), epoch, seq);
    return joined.recovered === false ? noticed(fresh, 'missing') : fresh;
  }
  return at(messages.reduce(received, next), epoch, seq);
}

/** The page read after a gap, the notice of the gap, and what was heard since. */
export function latest(state: ChatState, { epoch, top, more, messages }: MessagePage): ChatState {
  const gap = state.timeline.findLastIndex((entry) => entry.kind === 'notice' && entry.notice === 'missing');
  const since = gap < 0 ? [] : state.timeline.slice(gap);
  const later = since.filter(
    (entry) => entry.kind === 'notice' || (entry.message.epoch === epoch && entry.message.seq > top),
  );
  const heardUpTo = state.position?.epoch === epoch ? state.position.seq : 0;
  const shown = at(shownFrom(state, messages, more), epoch, Math.max(top, heardUpTo));
  return { ...shown, timeline: [...shown.timeline, ...later] };
}

function shownFrom(state: ChatState, messages: readonly RoomEntry[], more: boolean): ChatState {
  const readFrom = messages[0]?.seq;
  return messages.reduce(received, { ...state, timeline: [], more, readFrom, earlier: 'idle' });
}

function at(state: ChatState, epoch: string, seq: number): ChatState {
  const left = state.position && state.position.epoch !== epoch ? [state.position.epoch] : [];
  return { ...state, position: { epoch, seq }, pastEpochs: [...state.pastEpochs, ...left] };
}

export function heard(state: ChatState, message: RoomMessage): ChatState {
  if (message.event === 'join' || message.event === 'broadcast_quit') return presence(state, message);
  // Events of a newer protocol are none of this page's; a deletion of an older one has no number of its own.
  if (message.event !== 'broadcast_say' && (message.event !== 'deleted' || message.ref === undefined)) {
    return state;
  }
  const { epoch, seq } = message;
  if (state.pastEpochs.includes(epoch)) return state;
  const heardUpTo = state.position?.epoch === epoch ? state.position.seq : 0;
  if (seq <= heardUpTo) return state;
  return at(received(state, message), epoch, seq);
}

/** Shows a message; if it is an own draft's echo, in its stead. */
function received(state: ChatState, message: RoomEntry): ChatState {
  if (message.event === 'deleted') return { ...state, timeline: withoutText(state.timeline, message.ref) };
  const { clientMsgId } = message;
  const own =
    clientMsgId !== undefined &&
    message.data.userId === state.me?.id &&
    state.drafts.some((draft) => draft.clientMsgId === clientMsgId);
  if (!own) return { ...state, timeline: place(state.timeline, saidEntry(message)) };
  return {
    ...state,
    timeline: place(state.timeline, saidEntry(message, draftKey(clientMsgId))),
    drafts: withoutDraft(state.drafts, clientMsgId),
  };
}

/** The ack came, maybe before messages that stand before this one: `position` stays where it is. */
export function said(state: ChatState, clientMsgId: string, said: Said): ChatState {
  const draft = state.drafts.find((one) => one.clientMsgId === clientMsgId);
  if (!draft || !state.me) return state;
  const drafts = withoutDraft(state.drafts, clientMsgId);
  const { roomid, epoch, seq, id, at } = said;
  const oldest = oldestSaid(state.timeline);
  // An old answer given again may lie before what is loaded: shown at the top it would hide a hole below it.
  if (said.dup && oldest && (oldest.epoch !== epoch || oldest.seq > seq)) return { ...state, drafts };
  const data = {
    username: state.me.name,
    userId: state.me.id,
    avatar: state.me.avatar,
    text: draft.text,
    type: 0,
  };
  const message: SaidMessage = { event: 'broadcast_say', roomid, epoch, seq, id, at, clientMsgId, data };
  return { ...state, drafts, timeline: place(state.timeline, saidEntry(message, draftKey(clientMsgId))) };
}

function presence(state: ChatState, { event, data }: PresenceMessage): ChatState {
  const came = event === 'join';
  const own = data.userId === state.me?.id;
  const users = state.users === undefined || own ? state.users : Math.max(1, state.users + (came ? 1 : -1));
  return trimmed(noticed({ ...state, users }, came ? 'join' : 'quit', data));
}

function noticed(state: ChatState, notice: NoticeEntry['notice'], person?: Person): ChatState {
  const entry: NoticeEntry = {
    kind: 'notice',
    key: `notice:${state.noticesMade}`,
    notice,
    username: person?.username,
    userId: person?.userId,
  };
  return { ...state, timeline: [...state.timeline, entry], noticesMade: state.noticesMade + 1 };
}

/**
 * Some messages cannot be had any more. After a lost tail the store's numbers go on at `from`, so the next
 * message may carry a number that was seen before.
 */
export function gapped(state: ChatState, { epoch, from, to, reason }: RoomGap): ChatState {
  const seq = reason === 'epoch' ? from - 1 : to;
  return noticed(at(state, epoch, seq), 'missing');
}

export function earlier(state: ChatState, before: number, page: MessagePage): ChatState {
  // The list was replaced while the page was on its way.
  if (state.readFrom !== before) return { ...state, earlier: 'idle' };
  const timeline = putBefore(state.timeline, page.messages);
  const readFrom = page.messages[0]?.seq ?? before;
  return { ...state, timeline, readFrom, more: page.more, earlier: 'idle' };
}

export function trimmed(state: ChatState): ChatState {
  const timeline = newest(state.timeline, state.following ? KEPT_ENTRIES : KEPT_WHILE_READING);
  if (timeline === state.timeline) return state;
  return { ...state, timeline, more: true, readFrom: oldestSaid(timeline)?.seq ?? state.readFrom };
}
