import type { Hello } from '../protocol/events.ts';
import type { User } from '../protocol/people.ts';
import type { Joined, MessagePage, RoomGap, RoomMessage, Said } from '../protocol/rooms.ts';
import type { Draft } from './drafts.ts';
import type { Timeline } from './timeline.ts';

export type Link =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'joined' }
  /** On its way back by itself; `backAt` when the server said when. */
  | { readonly phase: 'lost'; readonly reason: string; readonly backAt?: number }
  /** Comes back only when asked to. */
  | { readonly phase: 'stopped'; readonly reason: string };

export interface Typist {
  readonly userId: string;
  readonly username: string;
}

/** The reader may say nothing; `until` in ms since 1970, without it there is no end. */
export interface Mute {
  readonly until?: number;
}

export interface ChatState {
  readonly link: Link;
  readonly me?: User;
  readonly maxTextBytes: number;
  readonly dedupeTtlMs: number;
  /** Everything up to here was received: what a resume goes on from. */
  readonly position?: { readonly epoch: string; readonly seq: number };
  /** Epochs never return: what comes under one of these is a repeat. */
  readonly pastEpochs: readonly string[];
  readonly timeline: Timeline;
  readonly drafts: readonly Draft[];
  /** What stood in the field before the tab was loaded again. */
  readonly typed: string;
  /** The room has messages older than the timeline's. */
  readonly more: boolean;
  /** How far back the room was read: what was deleted there has entries that the timeline does not show. */
  readonly readFrom?: number;
  readonly earlier: 'idle' | 'loading' | 'failed';
  /** The reader is at the end of the list. */
  readonly following: boolean;
  readonly users?: number;
  /** Others that are writing now. */
  readonly typists: readonly Typist[];
  readonly mute?: Mute;
  readonly noticesMade: number;
}

export type ChatEvent =
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'joined'; readonly joined: Joined }
  | { readonly type: 'message'; readonly message: RoomMessage }
  | { readonly type: 'gap'; readonly gap: RoomGap }
  /** The newest page, read after a gap. */
  | { readonly type: 'latest'; readonly page: MessagePage }
  | { readonly type: 'earlierAsked' }
  | { readonly type: 'earlierFailed' }
  | { readonly type: 'earlier'; readonly before: number; readonly page: MessagePage }
  | { readonly type: 'counted'; readonly users: number }
  | { readonly type: 'typing'; readonly typing: Typist & { readonly on: boolean } }
  | { readonly type: 'muted'; readonly mute: Mute }
  | { readonly type: 'following'; readonly following: boolean }
  | { readonly type: 'restored'; readonly typed: string; readonly drafts: readonly Draft[] }
  | { readonly type: 'drafted'; readonly draft: Draft }
  | { readonly type: 'said'; readonly clientMsgId: string; readonly said: Said }
  | { readonly type: 'failed'; readonly clientMsgId: string; readonly problem: string }
  | { readonly type: 'retried'; readonly clientMsgId: string }
  | { readonly type: 'discarded'; readonly clientMsgId: string };

export const INITIAL_STATE: ChatState = {
  link: { phase: 'connecting' },
  maxTextBytes: 8192,
  dedupeTtlMs: 600_000,
  pastEpochs: [],
  timeline: [],
  drafts: [],
  typed: '',
  more: false,
  earlier: 'idle',
  following: true,
  typists: [],
  noticesMade: 0,
};
