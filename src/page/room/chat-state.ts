import type { User } from '../../protocol/people.ts';
import type { Mute, Typist } from '../composer/typist.ts';
import type { Problem } from '../language/problems.ts';
import type { Draft } from './drafts.ts';
import type { Timeline } from './timeline.ts';

export type ConnectionState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'joined' }
  /** Comes back by itself; `backAt` when the server said when. */
  | { readonly phase: 'lost'; readonly reason: Problem; readonly backAt?: number }
  /** Connected, but the room refuses the reader. Comes back only when the reader asks. */
  | { readonly phase: 'outside'; readonly reason: Problem }
  /** Comes back only when the reader asks. */
  | { readonly phase: 'stopped'; readonly reason: Problem };

export interface ChatState {
  readonly connection: ConnectionState;
  readonly me?: User;
  readonly maxTextBytes: number;
  readonly timeline: Timeline;
  /** The key of the newest message that the room had when the page entered. */
  readonly history?: string;
  readonly drafts: readonly Draft[];
  /** The field's text from before the tab was loaded again. */
  readonly typed: string;
  /** The room has messages older than the timeline's. */
  readonly more: boolean;
  /** The oldest seq that was read. It may be a deletion, which is an entry of the log but not of the timeline. */
  readonly readFrom?: number;
  /**
   * While the room may have messages that fill the newest gap: `more` and `readFrom` are those of the rows below the gap,
   * and these are those of the rows above it.
   */
  readonly above?: Pick<ChatState, 'more' | 'readFrom'>;
  readonly earlier: 'idle' | 'loading' | 'failed';
  /** The reader is at the end of the list. */
  readonly following: boolean;
  readonly users?: number;
  /** Other people who are writing now. Over a lost connection the SDK ends those who stop meanwhile. */
  readonly typists: readonly Typist[];
  readonly mute?: Mute;
  readonly noticesMade: number;
}

export const INITIAL_STATE: ChatState = {
  connection: { phase: 'connecting' },
  maxTextBytes: 8192,
  timeline: [],
  drafts: [],
  typed: '',
  more: false,
  earlier: 'idle',
  following: true,
  typists: [],
  noticesMade: 0,
};
