import type { Draft as UnsentMessage } from '../../client/index.ts';
import type { Hello } from '../../protocol/events.ts';
import type { Person } from '../../protocol/people.ts';
import type { Right } from '../../protocol/rights.ts';
import type {
  ChatMessage,
  Joined,
  MessagePage,
  PresenceMessage,
  RoomEntry,
  SayAck,
} from '../../protocol/rooms.ts';
import type { ComposerTarget } from '../composer/target.ts';
import type { Mute, Typist } from '../composer/typist.ts';
import type { ChatState, ConnectionState } from './chat-state.ts';
import { type Draft, draftKey, draftOf } from './drafts.ts';
import { withOwnReaction } from './own-reactions.ts';
import { withAttention, withReadMark } from './reading.ts';
import type { FailedRequest } from './requests.ts';
import {
  trimmed,
  withEarlier,
  withGap,
  withJoin,
  withLatest,
  withMessage,
  withOwnMessage,
  withPresence,
} from './room-log.ts';
import { saidEntry, withChange, withoutText } from './timeline.ts';

/** `confusable`: the name looks like that of another member. */
export type Member = Person & { readonly confusable?: true };

export type ChatEvent =
  | { readonly type: 'connection'; readonly connection: ConnectionState }
  | { readonly type: 'hello'; readonly hello: Hello }
  /** `readUpTo`: the reader's read mark, where they have one. */
  | { readonly type: 'joined'; readonly joined: Joined; readonly readUpTo?: number }
  | { readonly type: 'rights'; readonly can: readonly Right[] }
  | { readonly type: 'message'; readonly message: ChatMessage }
  | { readonly type: 'deleted'; readonly ref: number }
  /** A message was edited or got a reaction. */
  | { readonly type: 'changed'; readonly entry: RoomEntry }
  | { readonly type: 'presence'; readonly presence: PresenceMessage }
  | { readonly type: 'gap' }
  /** The newest page, read after a gap. */
  | { readonly type: 'latest'; readonly page: MessagePage }
  | { readonly type: 'earlierAsked' }
  | { readonly type: 'earlierFailed' }
  | { readonly type: 'earlier'; readonly before: number; readonly page: MessagePage }
  | { readonly type: 'counted'; readonly users: number }
  /** Those present, where the room is small enough to list them. */
  | { readonly type: 'members'; readonly list: readonly Member[] }
  | { readonly type: 'typing'; readonly typing: Typist & { readonly on: boolean } }
  | { readonly type: 'muted'; readonly mute: Mute }
  | { readonly type: 'following'; readonly following: boolean }
  /** The room came into sight or went out of it. */
  | { readonly type: 'attended'; readonly attended: boolean }
  | { readonly type: 'target'; readonly target: ComposerTarget | undefined }
  | { readonly type: 'requestFailed'; readonly failed: FailedRequest | undefined }
  /** A reaction of the reader's own is stored, or was before. */
  | { readonly type: 'ownReaction'; readonly seq: number; readonly reaction: string; readonly on: boolean }
  /** All messages that wait or failed. */
  | { readonly type: 'unsent'; readonly drafts: readonly UnsentMessage[] }
  | { readonly type: 'said'; readonly said: SayAck; readonly draft: UnsentMessage };

const CROWDS: ReadonlySet<ChatEvent['type']> = new Set([
  'message',
  'deleted',
  'changed',
  'presence',
  'counted',
  'members',
  'typing',
]);

/** The event tells what others do. What the reader does is drawn at once. */
export function comesInCrowds({ type }: ChatEvent): boolean {
  return CROWDS.has(type);
}

export function reduceChat(state: ChatState, event: ChatEvent): ChatState {
  const next = withAttention(state, applied(state, event));
  if (next.drafts === state.drafts && next.connection === state.connection) return next;
  return { ...next, drafts: withStatus(next.drafts, STATUS[next.connection.phase]) };
}

/** While the room is joined, a waiting message is about to be sent. */
const STATUS = {
  connecting: 'waiting',
  joined: 'sending',
  lost: 'waiting',
  outside: 'outside',
  stopped: 'waiting',
} as const;

function withStatus(drafts: readonly Draft[], status: Exclude<Draft['status'], 'failed'>): readonly Draft[] {
  return drafts.map((draft) =>
    draft.status === 'failed' || draft.status === status ? draft : { ...draft, status },
  );
}

function applied(state: ChatState, event: ChatEvent): ChatState {
  switch (event.type) {
    case 'connection':
      return connected(state, event.connection);
    case 'hello':
      return { ...state, me: event.hello.user, maxTextBytes: event.hello.limits.maxTextBytes };
    case 'joined':
      return withJoin({ ...state, readUpTo: event.readUpTo }, event.joined);
    case 'rights':
      return { ...state, can: event.can };
    case 'message':
      return trimmed(heard(state, event.message));
    case 'deleted':
      return { ...state, timeline: withoutText(state.timeline, event.ref) };
    case 'changed':
      return changed(state, event.entry);
    case 'presence':
      return withPresence(state, event.presence);
    case 'gap':
      return withGap(state);
    case 'latest':
      return trimmed(withLatest(state, event.page));
    case 'earlierAsked':
      return { ...state, earlier: 'loading' };
    case 'earlierFailed':
      return { ...state, earlier: 'failed' };
    case 'earlier':
      return withEarlier(state, event.before, event.page);
    case 'counted':
      return { ...state, users: event.users };
    case 'members':
      return {
        ...state,
        names: new Map(event.list.map(({ userId, username }) => [userId, username])),
        confusable: new Set(event.list.flatMap(({ userId, confusable }) => (confusable ? [userId] : []))),
      };
    case 'typing':
      return { ...state, typists: typistsWith(state.typists, event.typing) };
    case 'muted':
      return { ...state, mute: event.mute };
    case 'following':
      return trimmed({ ...state, following: event.following });
    case 'attended':
      return { ...state, attended: event.attended };
    case 'target':
      return { ...state, target: event.target };
    case 'requestFailed':
      return { ...state, failed: event.failed };
    case 'ownReaction':
      return reacted(state, event.seq, event.reaction, event.on);
    case 'unsent':
      return { ...state, drafts: notShown(state, event.drafts) };
    case 'said':
      // The server does not tell when a mute ends early; a stored message shows it.
      return trimmed({ ...withOwnMessage(state, event.said, event.draft), mute: undefined, seen: undefined });
  }
}

function heard(state: ChatState, message: ChatMessage): ChatState {
  const next = withMessage(state, message);
  const { history, readUpTo } = next;
  if (readUpTo === undefined || saidEntry(message).key !== history) return next;
  return withReadMark({ ...next, readUpTo: undefined }, readUpTo);
}

function changed(state: ChatState, entry: RoomEntry): ChatState {
  const next = { ...state, timeline: withChange(state.timeline, entry) };
  if (entry.event !== 'reacted' || entry.by.userId !== state.me?.id) return next;
  return reacted(next, entry.ref, entry.data.reaction, entry.data.on);
}

function reacted(state: ChatState, seq: number, reaction: string, on: boolean): ChatState {
  return { ...state, ownReactions: withOwnReaction(state.ownReactions, seq, reaction, on) };
}

/** Leaves out the messages that are in the list already: an echo may arrive before its ack. */
function notShown({ timeline }: ChatState, drafts: readonly UnsentMessage[]): readonly Draft[] {
  if (drafts.length === 0) return [];
  const shown = new Set(timeline.map(({ key }) => key));
  return drafts.filter(({ clientMsgId }) => !shown.has(draftKey(clientMsgId))).map(draftOf);
}

function connected(state: ChatState, connection: ConnectionState): ChatState {
  if (connection.phase === 'joined') return { ...state, connection };
  const earlier = state.earlier === 'loading' ? 'idle' : state.earlier;
  return { ...state, connection, earlier };
}

function typistsWith(
  typists: readonly Typist[],
  { userId, username, on }: Typist & { on: boolean },
): Typist[] {
  const others = typists.filter((typist) => typist.userId !== userId);
  return on ? [...others, { userId, username }] : others;
}
